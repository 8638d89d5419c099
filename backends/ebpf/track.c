// SPDX-License-Identifier: MIT
/*
 * What records tell about processes: which there are, where they are, what they run, and
 * what they have asked io_uring for.
 */
#include <stdlib.h>
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

/*
 * Requests to io_uring: a record of the request is kept until that of its end comes.
 */

static const struct ebpf_event *request_of(const struct text *record)
{
	return (const void *)record->bytes;
}

static unsigned int facts_of(const struct ebpf_event *ev)
{
	return !!(ev->strings[0].flags & EBPF_S_PRESENT) +
	       !!(ev->strings[1].flags & EBPF_S_PRESENT);
}

/* A request that was to be silent when it succeeds. With `ended` it certainly has. */
static void end_silent(struct ebpf *e, const struct text *record, bool ended)
{
	struct ebpf_event *ev = malloc(record->len);
	size_t used = e->used;

	e->extra += facts_of(request_of(record));
	if (!ev) {
		decode_lose(e, TKIT_LOSS_UNFINISHED, facts_of(request_of(record)),
			    "no memory for an io_uring request");
		return;
	}
	memcpy(ev, record->bytes, record->len);
	ev->bits |= ended ? EBPF_E_NO_RET : EBPF_E_NO_RET | EBPF_E_NO_ERR;
	decode_access(e, ev);
	e->used = used;
	free(ev);
}

void track_request(struct ebpf *e, const struct ebpf_event *ev)
{
	struct known *slot = table_get(&e->requests, ev->request);

	if (!slot) /* its end will be told as lost */
		return;
	if (slot->request && (ev->bits & EBPF_E_AGAIN))
		end_silent(e, slot->request, true);
	text_unref(slot->request);
	slot->request = text_new((struct tkit_bytes){(const char *)ev, sizeof(*ev) + ev->len});
}

/* The request's record with the result of its end. NULL: no memory. */
static struct ebpf_event *join(const struct text *record, const struct ebpf_event *end)
{
	struct ebpf_event *ev = malloc(record->len + end->len);
	struct ebpf_walk *walk;

	if (!ev)
		return NULL;
	memcpy(ev, record->bytes, record->len);
	memcpy(ev->data + ev->len, end->data, end->len);
	walk = &ev->walks[EBPF_WALK_RESOLVED];
	if (end->walks[EBPF_WALK_RESOLVED].flags) {
		*walk = end->walks[EBPF_WALK_RESOLVED];
		walk->off = (unsigned short)(walk->off + ev->len);
	}
	ev->len += end->len;
	ev->ts = end->ts;
	ev->ret = end->ret;
	ev->bits |= end->bits;
	if (end->bits & EBPF_E_FILE)
		ev->inodes[0] = end->inodes[0];
	return ev;
}

void track_request_end(struct ebpf *e, const struct ebpf_event *end)
{
	struct known *slot = table_find(&e->requests, end->request);
	struct ebpf_event *ev = slot && slot->request ? join(slot->request, end) : NULL;

	if (ev && end->facts)
		decode_access(e, ev);
	else if (end->facts)
		decode_lose(e, TKIT_LOSS_UNFINISHED, end->facts,
			    "no memory for an io_uring request");
	free(ev);
	table_drop(&e->requests, end->request);
}

void track_requests_left(struct ebpf *e, bool (*under_way)(struct ebpf *e, uint64_t request))
{
	for (size_t i = 0; i < e->requests.room; i++) {
		struct known *slot = &e->requests.slots[i];
		unsigned int facts;

		/* What the kernel does not know any more has ended, and its end was lost. */
		if (!slot->key || !slot->request || !under_way(e, slot->key))
			continue;
		e->used = 0;
		if (request_of(slot->request)->bits & EBPF_E_SILENT) {
			end_silent(e, slot->request, false);
			continue;
		}
		facts = facts_of(request_of(slot->request));
		e->extra += facts;
		decode_lose(e, TKIT_LOSS_UNFINISHED, facts, "io_uring request under way");
	}
	table_clear(&e->requests);
}
