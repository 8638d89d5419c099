// SPDX-License-Identifier: MIT
/* One call: its paths as they are on entry, and the events that tell them. */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <procmem.h>

#define X32_BIT      0x40000000
#define X32_EXECVE   520
#define X32_EXECVEAT 545

void sn_lose(struct sn *sn, enum tkit_loss reason, const char *detail)
{
	if (sn->emit_error || sn->passing)
		return;
	tkit_lose(sn->ctx, reason, 1, detail);
	sn->lost++;
	sn->pumped++;
}

/* The row of the call; NULL: none of the table. */
static const struct tkit_syscall *identify(struct sn *sn)
{
	int nr = sn->request->data.nr;

	sn->arch = (uint16_t)tkit_native_arch();
	sn->via = TKIT_VIA_SYSCALL;
#if defined(__x86_64__)
	if (sn->request->data.arch == AUDIT_ARCH_I386) {
		sn->arch = TKIT_ARCH_I386;
		sn->via = TKIT_VIA_COMPAT32;
	} else if (nr & X32_BIT) {
		nr &= ~X32_BIT;
		if (nr == X32_EXECVE)
			nr = SYS_execve;
		else if (nr == X32_EXECVEAT)
			nr = SYS_execveat;
	}
#endif
	sn->nr = nr;
	return tkit_syscall_by_nr(sn->arch, nr);
}

static void read_flags(struct sn *sn)
{
	const struct tkit_syscall *sys = sn->sys;
	struct open_how how;

	sn->flags = sys->bits & TKIT_SYS_CREAT ? O_CREAT | O_WRONLY | O_TRUNC : 0;
	sn->resolve = 0;
	if (sys->flags < 0)
		return;
	sn->flags = sn->request->data.args[sys->flags];
	if (sys->flags_as != TKIT_SYS_FLAGS_HOW) {
		sn->flags = (uint32_t)sn->flags;
		return;
	}
	if (procmem_read(sn->tid, sn->flags, &how, sizeof(how)) < 0)
		memset(&how, 0, sizeof(how)); /* the call will fail */
	sn->flags = how.flags;
	sn->resolve = how.resolve;
}

static int read_place(struct sn *sn, struct sn_name *name, int fd)
{
	int rc = sn_place_fd(sn, fd, &name->base);

	sn->too_long |= rc == -ENAMETOOLONG;
	return rc;
}

/* The directory that a relative path starts from. */
static void read_base(struct sn *sn, struct sn_name *name, int dirfd)
{
	if (read_place(sn, name, dirfd) < 0)
		return;
	name->pflags |= name->base.pflags & TKIT_P_OUTSIDE_ROOT;
	if (!name->base.pflags)
		name->valid |= TKIT_V_BASE;
}

/* The access is to the descriptor itself. False: it is no file, or not open. */
static bool read_fd(struct sn *sn, struct sn_name *name, int fd)
{
	name->pflags |= TKIT_P_FD;
	if (read_place(sn, name, fd) < 0)
		return name->op == TKIT_OP_EXEC;
	name->pflags |= name->base.pflags;
	name->valid |= TKIT_V_RESOLVED;
	if (!(name->base.pflags & TKIT_P_OUTSIDE_ROOT))
		name->valid |= TKIT_V_BASE;
	return true;
}

static bool read_sockaddr(struct sn *sn, struct sn_name *name, int arg)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	int32_t size = (int32_t)sn->request->data.args[arg + 1];
	struct sockaddr_un addr = {0};

	if (size <= (int32_t)head || (size_t)size > sizeof(addr) ||
	    procmem_read(sn->tid, sn->request->data.args[arg], &addr, (size_t)size) < 0)
		return false;
	if (addr.sun_family != AF_UNIX)
		return false;
	name->valid |= TKIT_V_PATH;
	if (!addr.sun_path[0]) {
		name->pflags |= TKIT_P_ABSTRACT;
		name->path_len = (size_t)size - head - 1;
		memcpy(name->path, addr.sun_path + 1, name->path_len);
		return name->path_len > 0;
	}
	name->path_len = strnlen(addr.sun_path, (size_t)size - head);
	memcpy(name->path, addr.sun_path, name->path_len);
	if (name->path[0] != '/')
		read_base(sn, name, AT_FDCWD);
	return true;
}

/* mount(2): is the source argument a path? */
static bool is_source(const struct sn *sn, const char *path, ssize_t len)
{
	return (sn->flags & (MS_BIND | MS_MOVE)) || (len > 0 && path[0] == '/');
}

/* What the text that was read, or not, means. */
static bool take_text(struct sn *sn, struct sn_name *name, ssize_t len, int dirfd, bool may_fd)
{
	if (len == -ENAMETOOLONG) {
		name->pflags |= TKIT_P_TRUNCATED;
		len = PATH_MAX - 1;
	}
	if (len < 0) {
		name->pflags |= TKIT_P_UNREADABLE;
		/* Where there is no memory the call will fail, too. */
		sn->unreadable += len != -EFAULT;
		return true;
	}
	name->valid |= TKIT_V_PATH;
	name->path_len = (size_t)len;
	if (!len && may_fd && tkit_syscall_names_fd(sn->sys, sn->flags, 0))
		return read_fd(sn, name, dirfd);
	if (!len || name->path[0] != '/' || (sn->resolve & RESOLVE_IN_ROOT))
		read_base(sn, name, dirfd);
	return true;
}

/* False if the call accesses no file by path number `index`. */
static bool read_name(struct sn *sn, struct sn_name *name, int index)
{
	const struct tkit_syscall *sys = sn->sys;
	const uint64_t *args = (const uint64_t *)sn->request->data.args;
	int arg = index ? sys->path2 : sys->path;
	int dir_arg = index ? sys->dirfd2 : sys->dirfd;
	int dirfd = dir_arg >= 0 ? (int)(uint32_t)args[dir_arg] : AT_FDCWD;
	bool may_fd = !index || (sys->bits & TKIT_SYS_EMPTY_ALWAYS);
	ssize_t len;

	name->op = index ? sys->op2 : sys->op;
	name->valid = name->pflags = 0;
	name->path_len = 0;
	if (!index ? tkit_syscall_nofollow(sys, sn->flags)
		   : name->op == TKIT_OP_LINK_TO || name->op == TKIT_OP_RENAME_TO)
		name->pflags |= TKIT_P_NOFOLLOW;
	if (arg <
	    0) /* getdents, fchdir; a file handle, which only the result tells, is not known */
		return !(sys->bits & TKIT_SYS_NOPATH) && read_fd(sn, name, dirfd);
	if (!index && (sys->bits & TKIT_SYS_SOCKADDR))
		return args[arg] && read_sockaddr(sn, name, arg);
	if (!args[arg]) {
		if (may_fd && tkit_syscall_names_fd(sys, sn->flags, 1))
			return read_fd(sn, name, dirfd);
		if (sys->bits & (TKIT_SYS_NULL_OK | (index ? 0 : TKIT_SYS_SOURCE)))
			return false;
	}
	len = procmem_string(sn->tid, args[arg], name->path, NULL);
	if (!index && (sys->bits & TKIT_SYS_SOURCE) && !is_source(sn, name->path, len))
		return false;
	return take_text(sn, name, len, dirfd, may_fd);
}

void sn_call_identify(struct sn *sn)
{
	sn->sys = identify(sn);
	sn->tid = (pid_t)sn->request->pid;
	sn->thread = NULL;
}

/* setns(2), which the table does not have. */
static bool is_setns(const struct sn *sn)
{
	return !sn->sys && sn->nr == sn_nr_setns(sn->arch);
}

/* The call can change the root directory of some process. */
static bool moves_root(const struct sn *sn)
{
	uint32_t kinds = (uint32_t)sn->request->data.args[1];

	if (is_setns(sn))
		return !kinds || (kinds & CLONE_NEWNS);
	return sn->sys && (sn->sys->op == TKIT_OP_CHROOT || sn->sys->op == TKIT_OP_PIVOT_ROOT);
}

bool sn_call_read(struct sn *sn)
{
	sn->name_count = 0;
	sn->unreadable = 0;
	sn->too_long = false;
	if (moves_root(sn))
		sn->roots_watched = true;
	if (is_setns(sn))
		return false;
	if (!sn->sys || !sn->tid)
		return true; /* io_uring_setup, or a thread that /proc does not show us */
	sn->now = tkit_now_ns();
	read_flags(sn);
	if (read_name(sn, &sn->names[0], 0))
		sn->name_count = 1;
	if (sn->sys->op2 && read_name(sn, &sn->names[sn->name_count], 1))
		sn->name_count++;
	if (sn->name_count)
		sn_thread_exe(sn);
	if (sn->sys->op == TKIT_OP_EXEC)
		sn_thread_execs(sn);
	return sn->name_count || (sn->sys->bits & TKIT_SYS_NOPATH);
}

static void add_root(const struct sn *sn, const struct sn_name *name, struct tkit_event *event)
{
	const char *root = sn->root_host;

	if ((name->valid & (TKIT_V_PATH | TKIT_V_BASE)) == (TKIT_V_PATH | TKIT_V_BASE) &&
	    name->path_len &&
	    name->path[0] == '/') { /* RESOLVE_IN_ROOT: "/" is the directory dirfd */
		event->root = event->base;
		event->valid = (event->valid & ~TKIT_V_BASE) | TKIT_V_ROOT;
		return;
	}
	if (sn->root_kind == SN_ROOT_SAME)
		return;
	if (sn->root_kind == SN_ROOT_INSIDE)
		root = tkit_target_path(sn->target, root);
	else
		root = ""; /* what absolute names mean is not known */
	if (!root)
		return;
	event->valid |= TKIT_V_ROOT;
	event->root = (struct tkit_bytes){root, strlen(root)};
}

static void emit_name(struct sn *sn, const struct sn_name *name)
{
	const struct sn_thread *thread = sn->thread;
	struct tkit_event event;
	int rc;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = name->op;
	event.valid = name->valid | TKIT_V_TS | TKIT_V_TID | TKIT_V_SYSNO;
	event.pflags = name->pflags;
	event.ts_ns = sn->now;
	event.tid = sn->tid;
	event.sysno = sn->sys->nr;
	event.arch = sn->arch;
	event.via = sn->via;
	if (thread->pid) {
		event.valid |= TKIT_V_PID;
		event.pid = thread->pid;
	}
	if (sn->comm_len) {
		event.valid |= TKIT_V_COMM;
		event.comm = (struct tkit_bytes){sn->comm, sn->comm_len};
	}
	if (thread->exe) {
		event.valid |= TKIT_V_EXE;
		event.exe = (struct tkit_bytes){thread->exe, thread->exe_len};
	}
	if (sn->sys->flags >= 0 || (sn->sys->bits & TKIT_SYS_CREAT)) {
		event.valid |= TKIT_V_FLAGS;
		event.flags = sn->flags;
	}
	event.path = (struct tkit_bytes){name->path, name->path_len};
	if (name->valid & TKIT_V_BASE)
		event.base = (struct tkit_bytes){name->base.path, name->base.len};
	if (name->valid & TKIT_V_RESOLVED)
		event.resolved = (struct tkit_bytes){name->base.path, name->base.len};
	add_root(sn, name, &event);
	rc = tkit_emit(sn->ctx, &event);
	if (rc < 0)
		sn->emit_error = rc;
	sn->emitted++;
	sn->pumped++;
}

void sn_call_emit(struct sn *sn)
{
	if (!sn->tid) {
		sn_lose(sn, TKIT_LOSS_UNTRACED, "a process of another pid namespace");
		return;
	}
	if (!sn->sys) {
		if (!sn->rings_told)
			sn_lose(sn, TKIT_LOSS_UNSEEN, "a program uses io_uring");
		sn->rings_told = true;
		return;
	}
	if (sn->too_long)
		sn_lose(sn, TKIT_LOSS_TRUNCATED, "a directory with a path of PATH_MAX or more");
	if (!sn->name_count) {
		sn_lose(sn, TKIT_LOSS_UNSEEN, sn->sys->name);
		return;
	}
	for (uint32_t i = 0; i < sn->name_count && !sn->emit_error; i++)
		emit_name(sn, &sn->names[i]);
	/* Whether the call failed for it is not known. */
	for (uint32_t i = 0; i < sn->unreadable; i++)
		sn_lose(sn, TKIT_LOSS_UNREADABLE, sn->sys->name);
}
