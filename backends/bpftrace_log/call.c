// SPDX-License-Identifier: MIT
/* From a call that tkit's bpftrace program has recorded to the events of docs/EVENT_MODEL.md. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* One of a call's paths on its way to an event. */
struct access_to {
	int op, path, dirfd, which;
};

static int lose(struct records *records, enum tkit_loss reason, const char *detail)
{
	int rc = tkit_lose(records->import->ctx, reason, 1, detail);

	return rc < 0 ? rc : LINE_USED;
}

static void set_name(struct tkit_bytes *bytes, struct tkit_event *event, uint32_t bit,
		     const char *name)
{
	if (!name)
		return;
	bytes->ptr = name;
	bytes->len = strlen(name);
	event->valid |= bit;
}

/* Name of an inode; `what` is what a link of the process below /proc is called. */
static const char *name_of(struct records *records, const struct file_id *id, uint64_t pid,
			   const char *what)
{
	char link[64];

	if (!records->dirs)
		return NULL;
	snprintf(link, sizeof(link), "/proc/%u/%s", (unsigned int)pid, what);
	return dirs_name(records->dirs, id, link);
}

/* Directory (or file) that the path starts from. 0: none, and no file is meant either. */
static int base_of(struct records *records, const struct call *call, const struct access_to *to,
		   struct tkit_event *event)
{
	int64_t fd = to->dirfd >= 0 && to->dirfd < 5 ? (int32_t)call->args[to->dirfd] : AT_FDCWD;
	const struct descriptor *from = call->thread ? &call->thread->fds[to->which] : NULL;
	const char *name;
	char what[24];

	if (fd == AT_FDCWD) {
		name = name_of(records, &call->cwd, call->pid, "cwd");
		if (!name && !records->target)
			name = records->import->options->cwd;
		set_name(&event->base, event, TKIT_V_BASE, name);
		return 1;
	}
	if (!from || !from->known)
		return 0;
	snprintf(what, sizeof(what), "fd/%d", (int)fd);
	set_name(&event->base, event, TKIT_V_BASE, name_of(records, &from->id, call->pid, what));
	if (!(event->pflags & TKIT_P_FD))
		return 1;
	/* Pipes, sockets and anonymous inodes are no files; what has a name may be one. */
	return event->base.len || S_ISREG(from->mode) || S_ISDIR(from->mode);
}

/*
 * The kernel's own copy of a name passed to execveat() with a descriptor: "/dev/fd/3/name", or
 * "/dev/fd/3" for the descriptor itself.
 */
static void skip_descriptor(const struct call *call, const struct access_to *to,
			    struct tkit_bytes *path)
{
	char prefix[32];
	int32_t fd = (int32_t)call->args[to->dirfd];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), "/dev/fd/%d", (int)fd);

	if (fd < 0 || path->len < len || memcmp(path->ptr, prefix, len) != 0 ||
	    (path->len > len && path->ptr[len] != '/'))
		return;
	if (path->len > len)
		len++;
	path->ptr += len;
	path->len -= len;
}

/* The name as it was passed. LINE_USED, -errno; *ret_none: no file is meant. */
static int name_passed(struct records *records, const struct call *call,
		       const struct tkit_syscall *sys, const struct access_to *to,
		       struct tkit_event *event, bool *ret_none)
{
	const struct name *name = call->thread ? &call->thread->names[to->which] : NULL;
	bool is_null = to->path < 5 && call->args[to->path] == 0;

	*ret_none = is_null && (sys->bits & TKIT_SYS_NULL_OK);
	if (is_null) {
		event->pflags |=
			tkit_syscall_names_fd(sys, event->flags, 1) ? TKIT_P_FD : TKIT_P_UNREADABLE;
		return LINE_USED;
	}
	/* What cannot be read looks like an empty name, which no call takes without a flag. */
	if (!name || !name->known || to->path > 4 ||
	    (name->len == 0 &&
	     (event->err == EFAULT ||
	      (event->err == 0 && !tkit_syscall_names_fd(sys, event->flags, 0))))) {
		event->pflags |= TKIT_P_UNREADABLE;
		return event->err == EFAULT ? LINE_USED
					    : lose(records, TKIT_LOSS_UNREADABLE, "a name");
	}
	event->path.ptr = name->text;
	event->path.len = name->len;
	event->valid |= TKIT_V_PATH;
	if (to->op == TKIT_OP_EXEC && to->dirfd >= 0)
		skip_descriptor(call, to, &event->path);
	if (event->path.len == 0 && tkit_syscall_names_fd(sys, event->flags, 0))
		event->pflags |= TKIT_P_FD;
	if (!name->cut)
		return LINE_USED;
	event->pflags |= TKIT_P_TRUNCATED;
	return event->err == ENAMETOOLONG ? LINE_USED
					  : lose(records, TKIT_LOSS_TRUNCATED, "a name");
}

/* After chroot and the like: the root directory of the process. */
static int root_of(struct records *records, const struct call *call, struct tkit_event *event)
{
	const char *name;

	if (!records->dirs ||
	    (call->root.dev == records->root.dev && call->root.ino == records->root.ino))
		return LINE_USED;
	name = name_of(records, &call->root, call->pid, "root");
	if (!name)
		return lose(records, TKIT_LOSS_UNREADABLE, "a process's root directory");
	if (strcmp(name, "/") != 0)
		set_name(&event->root, event, TKIT_V_ROOT, name);
	return LINE_USED;
}

/* Names that may be asked for by their inodes later on. */
static void remember(struct records *records, const struct tkit_event *event)
{
	char path[PATH_MAX];
	long len;

	if (!records->dirs || event->err || (event->pflags & (TKIT_P_FD | TKIT_P_TRUNCATED)))
		return;
	len = tkit_event_abs(event, path, sizeof(path));
	if (len <= 0)
		return;
	if (event->op == TKIT_OP_OPEN || event->op == TKIT_OP_CHDIR || event->op == TKIT_OP_CHROOT)
		dirs_learn(records->dirs, path, (size_t)len);
	else if (event->op == TKIT_OP_RENAME_FROM || event->op == TKIT_OP_RENAME_TO ||
		 event->op == TKIT_OP_RMDIR || event->op == TKIT_OP_UNLINK)
		dirs_forget(records->dirs, path, (size_t)len);
}

static bool is_source_of_bind(const struct tkit_event *event)
{
	return (event->flags & (MS_BIND | MS_MOVE)) ||
	       (event->path.len && event->path.ptr[0] == '/');
}

static int one_path(struct records *records, const struct call *call,
		    const struct tkit_syscall *sys, const struct access_to *to,
		    struct tkit_event *event)
{
	bool none = false;
	int rc = LINE_USED;

	event->op = (uint16_t)to->op;
	event->type = to->op == TKIT_OP_EXEC && !event->err ? TKIT_EVENT_EXEC : TKIT_EVENT_ACCESS;
	event->pflags = tkit_syscall_nofollow(sys, event->flags) ? TKIT_P_NOFOLLOW : 0;
	event->path = event->base = event->root = (struct tkit_bytes){NULL, 0};
	event->valid &= ~(TKIT_V_PATH | TKIT_V_BASE | TKIT_V_ROOT);
	if (sys->bits & TKIT_SYS_FD)
		event->pflags |= TKIT_P_FD;
	else
		rc = name_passed(records, call, sys, to, event, &none);
	if (none || rc < 0)
		return rc;
	if ((sys->bits & TKIT_SYS_SOURCE) && to->which == 0 && !is_source_of_bind(event))
		return LINE_USED;
	if (((event->pflags & TKIT_P_FD) || !event->path.len || event->path.ptr[0] != '/') &&
	    !base_of(records, call, to, event) && (event->pflags & TKIT_P_FD))
		return LINE_USED;
	rc = root_of(records, call, event);
	if (rc < 0)
		return rc;
	rc = emit(records->import, event);
	if (rc < 0)
		return rc;
	remember(records, event);
	return LINE_USED;
}

static uint64_t flags_of(const struct call *call, const struct tkit_syscall *sys)
{
	if (sys->flags_as == TKIT_SYS_FLAGS_HOW)
		return call->how;
	return (uint32_t)call->args[sys->flags];
}

int record_call(struct records *records, const struct call *call)
{
	bool compat = call->key >= 0x10000;
	int arch = compat ? TKIT_ARCH_I386 : records->arch;
	const struct tkit_syscall *sys = tkit_syscall_by_nr(arch, (int)(call->key & 0xffff));
	const struct tkit_target *target = records->target;
	int64_t ret = (int64_t)call->ret;
	struct tkit_event event;
	int rc;

	if (!sys)
		return LINE_BAD;
	/* Interrupted, to be made again; or by tkit itself. */
	if ((ret <= -512 && ret >= -516) || (pid_t)call->pid == records->tracer ||
	    (target && (pid_t)call->pid == target->self_pid))
		return LINE_USED;
	/* With --root, the command's own root is the target's. */
	if (target && target->pid == (pid_t)call->pid && !records->root_known)
		records->root = call->root;
	records->root_known = true;
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_PPID | TKIT_V_ERR | TKIT_V_RET |
		      TKIT_V_SYSNO | TKIT_V_COMM;
	event.ts_ns = call->ts;
	event.pid = (int32_t)call->pid;
	event.tid = (int32_t)call->tid;
	event.ppid = (int32_t)call->ppid;
	event.ret = ret;
	event.err = ret < 0 && ret >= -4095 ? (int32_t)-ret : 0;
	event.sysno = sys->nr;
	event.arch = (uint16_t)arch;
	event.via = compat ? TKIT_VIA_COMPAT32 : TKIT_VIA_SYSCALL;
	event.comm = call->comm;
	if (sys->flags >= 0 && sys->flags < 5) {
		event.flags = flags_of(call, sys);
		event.valid |= TKIT_V_FLAGS;
	}
	rc = one_path(records, call, sys, &(struct access_to){sys->op, sys->path, sys->dirfd, 0},
		      &event);
	if (rc != LINE_USED || sys->op2 == TKIT_OP_NONE)
		return rc;
	return one_path(records, call, sys,
			&(struct access_to){sys->op2, sys->path2, sys->dirfd2, 1}, &event);
}
