// SPDX-License-Identifier: MIT
/* What records tell about processes: which there are, where they are, what they run. */
#include <string.h>

#include "ebpf.h"

static void remember(struct text **where, const struct tkit_bytes *bytes)
{
	if (*where && bytes && (*where)->len == bytes->len &&
	    memcmp((*where)->bytes, bytes->ptr, bytes->len) == 0)
		return;
	text_unref(*where);
	*where = bytes ? text_new(*bytes) : NULL;
}

static void learn_cwd(struct ebpf *e, const struct ebpf_event *ev, const struct place *cwd)
{
	struct known *dirs = table_get(&e->dirs, ev->fs);

	if (dirs)
		remember(&dirs->cwd, decode_is_base(cwd) ? &cwd->path : NULL);
}

static void learn_root(struct ebpf *e, const struct ebpf_event *ev, const struct place *root)
{
	struct known *dirs = table_get(&e->dirs, ev->fs);

	if (!dirs)
		return;
	remember(&dirs->root, root->known ? &root->path : NULL);
	dirs->root_outside = root->outside;
}

/* Both directories as FORK, STATE, PROC and pivot_root tell them. */
void track_dirs(struct ebpf *e, const struct ebpf_event *ev)
{
	struct place cwd = decode_place(e, ev, EBPF_WALK_BASE);
	struct place root = decode_place(e, ev, EBPF_WALK_ROOT);

	learn_cwd(e, ev, &cwd);
	learn_root(e, ev, &root);
}

/* chdir, fchdir, chroot or pivot_root has succeeded, and its event is out. */
void track_moved(struct ebpf *e, const struct ebpf_event *ev)
{
	struct place place;

	if (ev->kind == EBPF_KIND_CHDIR) {
		place = decode_place(e, ev, EBPF_WALK_RESOLVED);
		learn_cwd(e, ev, &place);
	} else if (ev->kind == EBPF_KIND_CHROOT) {
		place = decode_place(e, ev, EBPF_WALK_ROOT);
		learn_root(e, ev, &place);
	} else {
		/* Everybody whose root it was has been moved. */
		table_clear(&e->dirs);
		track_dirs(e, ev);
	}
}

void track_fork(struct ebpf *e, const struct ebpf_event *ev)
{
	const struct known *parent = table_find(&e->processes, (uint64_t)ev->ppid);
	struct text *exe = text_ref(parent ? parent->exe : NULL);
	struct known *child = table_get(&e->processes, (uint64_t)ev->pid);
	struct tkit_event out;

	if (child) {
		text_unref(child->exe);
		child->exe = exe;
	} else {
		text_unref(exe);
	}
	track_dirs(e, ev);
	decode_head(e, ev, TKIT_EVENT_FORK, &out);
	decode_emit(e, &out);
}

/* A process that was there already. The held command is nobody's news. */
void track_proc(struct ebpf *e, const struct ebpf_event *ev)
{
	struct place exe = decode_place(e, ev, EBPF_WALK_EXE);
	struct known *process = table_get(&e->processes, (uint64_t)ev->pid);
	struct tkit_event out;

	track_dirs(e, ev);
	if (e->target->kind == TKIT_TARGET_COMMAND)
		return;
	if (process && exe.known && !exe.outside)
		remember(&process->exe, &exe.path);
	decode_head(e, ev, TKIT_EVENT_FORK, &out);
	out.via = TKIT_VIA_SNAPSHOT;
	e->extra++;
	decode_emit(e, &out);
}

void track_exit(struct ebpf *e, const struct ebpf_event *ev)
{
	struct tkit_event out;

	decode_head(e, ev, TKIT_EVENT_EXIT, &out);
	out.ret = ev->ret;
	out.valid |= TKIT_V_RET;
	decode_emit(e, &out);
	table_drop(&e->processes, (uint64_t)ev->pid);
	if (ev->bits & EBPF_E_FS_LAST)
		table_drop(&e->dirs, ev->fs);
}
