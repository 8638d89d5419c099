// SPDX-License-Identifier: MIT
/* Successful execs: the file asked for, what runs now, what the kernel opened for it. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct interps {
	char *paths[8];
	size_t count;
};

/* At the entry: opens what is to be executed, for after the exec nothing leads to it any more. */
void pt_exec_enter(struct pt *pt, struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	struct pt_name *name = &call->names[0];
	char path[PATH_MAX];
	int dirfd = call->sys->dirfd >= 0 ? (int)call->args[call->sys->dirfd] : AT_FDCWD;

	if (!call->name_count || name->path.len >= PATH_MAX)
		return;
	if (!(name->valid & TKIT_V_PATH) && !(name->pflags & TKIT_P_FD))
		return;
	if (name->path.len)
		memcpy(path, t->store + name->path.offset, name->path.len);
	path[name->path.len] = 0;
	if (!path[0] && !(name->pflags & TKIT_P_FD))
		return;
	call->exec_fd = pt_lookup(pt, t, dirfd, path, name->magic);
	if (call->exec_fd < 0)
		call->exec_fd = -1;
}

static void add_interp(void *arg, const char *interpreter, size_t len)
{
	struct interps *in = arg;

	if (in->count < sizeof(in->paths) / sizeof(in->paths[0]))
		in->paths[in->count] = strndup(interpreter, len);
	if (in->count < sizeof(in->paths) / sizeof(in->paths[0]) && in->paths[in->count])
		in->count++;
}

/* The script interpreters, if exec_fd is not what runs now. `host`: its path from tkit's root. */
static void find_scripts(struct pt *pt, struct pt_tracee *t, const struct pt_place *file,
			 struct interps *in)
{
	char link[64];
	size_t skip = t->root_host ? strlen(t->root_host) : 0;
	int root;

	if (pt->fuse || (file->pflags & TKIT_P_DELETED) ||
	    (skip && strncmp(file->host, t->root_host, skip) != 0))
		return;
	snprintf(link, sizeof(link), "/proc/%d/root", t->tid);
	root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	tkit_script_interpreters(root, file->host + skip, add_interp, in);
	close(root);
}

/* `as_written`: path is what a script says, not yet a path in the target's root. */
static void emit_interp(struct pt *pt, struct pt_tracee *t, const char *path, bool as_written,
			const struct pt_place *resolved)
{
	struct pt_place cwd;
	struct tkit_event event;
	const char *root = NULL;

	pt_event_init(&event, t, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_INTERP;
	event.via = TKIT_VIA_KERNEL;
	event.valid |= TKIT_V_ERR | TKIT_V_PATH;
	event.path = (struct tkit_bytes){path, strlen(path)};
	if (as_written && path[0] != '/') {
		if (pt_place_fd(pt, t, AT_FDCWD, &cwd) == 0 && !cwd.pflags) {
			event.valid |= TKIT_V_BASE;
			event.base = (struct tkit_bytes){cwd.path, cwd.len};
		}
	} else if (as_written && t->root_kind == PT_ROOT_INSIDE && t->root_host) {
		root = tkit_target_path(pt->target, t->root_host);
	} else if (as_written && t->root_kind == PT_ROOT_OUTSIDE) {
		root = t->root_target ? t->root_target : ""; /* empty: not known */
	}
	if (root) {
		event.valid |= TKIT_V_ROOT;
		event.root = (struct tkit_bytes){root, strlen(root)};
	}
	pt_event_place(&event, resolved, NULL);
	pt_emit(pt, &event);
}

/* The ELF interpreter: the file that is mapped at AT_BASE. */
static void emit_elf_interp(struct pt *pt, struct pt_tracee *t)
{
	char link[64], auxv[1024], maps[16384];
	struct pt_place place;
	const char *path;
	uint64_t base = 0;
	ssize_t n;
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/auxv", t->tid);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, auxv, sizeof(auxv));
	close(fd);
	if (n > 0)
		base = pt_auxv_base(auxv, (size_t)n);
	if (!base)
		return; /* statically linked */
	snprintf(link, sizeof(link), "/proc/%d/maps", t->tid);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (size_t have = 0; have < sizeof(maps) - 1;) {
		n = read(fd, maps + have, sizeof(maps) - 1 - have);
		have += n > 0 ? (size_t)n : 0;
		maps[have] = 0;
		if (n <= 0)
			break;
	}
	close(fd);
	if (!pt_maps_find(maps, base, &path) || pt_place_host(pt, t, path, &place) < 0)
		return;
	emit_interp(pt, t, place.path, false, &place);
}

static bool same_file(int fd, const struct statx *exe, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, ret) == 0 &&
	       ret->stx_ino == exe->stx_ino && ret->stx_dev_major == exe->stx_dev_major &&
	       ret->stx_dev_minor == exe->stx_dev_minor;
}

/* Without a look at the file: does the path that was passed name what runs now? */
static bool asked_for(const struct pt_tracee *t, const struct pt_place *exe)
{
	const struct pt_str *path = &t->call.names[0].path;

	if (!exe || !t->call.name_count || (t->call.names[0].pflags & TKIT_P_FD))
		return true;
	return path->len == exe->len && memcmp(t->store + path->offset, exe->path, exe->len) == 0;
}

static void emit_exec(struct pt *pt, struct pt_tracee *t, const struct pt_place *exe,
		      const struct pt_place *file, const struct statx *stx)
{
	struct tkit_event event;

	pt_event_init(&event, t, TKIT_EVENT_EXEC);
	event.op = TKIT_OP_EXEC;
	event.valid |= TKIT_V_ERR | TKIT_V_RET;
	if (t->call.sys && t->call.name_count)
		pt_event_name(&event, t, &t->call.names[0]);
	pt_event_place(&event, file, stx);
	if (exe) {
		event.valid |= TKIT_V_EXE;
		event.exe = (struct tkit_bytes){exe->path, exe->len};
	}
	pt_emit(pt, &event);
}

/* The tracee (its leader, since all other threads are gone) runs a new program. */
void pt_exec_done(struct pt *pt, struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	struct pt_place exe, file;
	struct statx exe_stx, stx;
	struct interps in = {.count = 0};
	char link[64];
	bool exe_known, file_known = false, script;

	t->comm_known = false;
	t->root_kind = PT_ROOT_UNKNOWN;
	pt_root(pt, t);
	snprintf(link, sizeof(link), "/proc/%d/exe", t->tid);
	exe_known = pt_place(pt, t, link, &exe) == 0;
	if (pt_stat_link(pt, t, link, &exe_stx) < 0)
		memset(&exe_stx, 0, sizeof(exe_stx));
	script = !asked_for(t, exe_known ? &exe : NULL);
	if (call->exec_fd >= 0 && same_file(call->exec_fd, &exe_stx, &stx)) {
		file = exe;
		file_known = exe_known;
		script = false;
	} else if (call->exec_fd >= 0) {
		script = true;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", call->exec_fd);
		file_known = pt_place(pt, t, link, &file) == 0;
		if (file_known)
			find_scripts(pt, t, &file, &in);
	}
	if (t->proc)
		pt_proc_exe(t->proc, exe_known ? exe.path : NULL, exe_known ? exe.len : 0);
	emit_exec(pt, t, exe_known ? &exe : NULL, file_known ? &file : NULL,
		  file_known && pt->opt->inode ? &stx : NULL);
	for (size_t i = 0; i < in.count; i++) {
		bool last = i + 1 == in.count && exe_known;

		emit_interp(pt, t, in.paths[i], true, last ? &exe : NULL);
		free(in.paths[i]);
	}
	/* binfmt_misc, a script that is gone, or one that could not be looked at */
	if (script && !in.count && exe_known)
		emit_interp(pt, t, exe.path, false, &exe);
	emit_elf_interp(pt, t);
	pt_call_drop(pt, t);
}
