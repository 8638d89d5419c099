// SPDX-License-Identifier: MIT
/* A system call's entry, where its paths are read, and its exit, where events are made. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/user.h>

#include <procmem.h>

#define X32_BIT         0x40000000
#define X32_EXECVE      520
#define X32_EXECVEAT    545
#define I386_SETNS      346
#define I386_UNSHARE    310
#define I386_PRCTL      172
#define I386_PTRACE     26
#define RESTART_LOWEST  (-516)
#define RESTART_HIGHEST (-512)

/* Architecture and number as the table has them. False: an ABI without a table. */
static bool identify(struct pt_call *call, const struct __ptrace_syscall_info *info)
{
	call->nr = (int32_t)info->entry.nr;
	switch (info->arch) {
#if defined(__x86_64__)
	case AUDIT_ARCH_X86_64:
		call->arch = TKIT_ARCH_X86_64;
		call->via = TKIT_VIA_SYSCALL;
		if (call->nr > 0 && (call->nr & X32_BIT)) {
			call->nr &= ~X32_BIT;
			if (call->nr == X32_EXECVE)
				call->nr = SYS_execve;
			else if (call->nr == X32_EXECVEAT)
				call->nr = SYS_execveat;
			else if (call->nr >= 512)
				call->nr = -1;
		}
		return true;
	case AUDIT_ARCH_I386:
		call->arch = TKIT_ARCH_I386;
		call->via = TKIT_VIA_COMPAT32;
		return true;
#elif defined(__aarch64__)
	case AUDIT_ARCH_AARCH64:
		call->arch = TKIT_ARCH_AARCH64;
		call->via = TKIT_VIA_SYSCALL;
		return true;
#endif
	default:
		return false;
	}
}

static void read_flags(struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	const struct tkit_syscall *sys = call->sys;
	struct open_how how = {0};

	call->flags = 0;
	call->resolve = 0;
	call->creat = sys->bits & TKIT_SYS_CREAT;
	if (call->creat)
		call->flags = O_CREAT | O_WRONLY | O_TRUNC;
	if (sys->flags < 0)
		return;
	call->flags = call->args[sys->flags];
	if (sys->flags_as == TKIT_SYS_FLAGS_HOW) {
		if (procmem_read(t->tid, call->flags, &how, sizeof(how)) < 0)
			memset(&how, 0, sizeof(how));
		call->flags = how.flags;
		call->resolve = how.resolve;
	} else {
		call->flags = (uint32_t)call->flags;
	}
	if (sys->flags_as == TKIT_SYS_FLAGS_OPEN || sys->flags_as == TKIT_SYS_FLAGS_HOW)
		call->creat = call->flags & O_CREAT;
}

/* Whether the call can change some tracee's root directory or what paths mean in it. */
static bool moves_root(const struct pt_call *call)
{
	if (call->sys)
		return call->sys->op == TKIT_OP_CHROOT || call->sys->op == TKIT_OP_PIVOT_ROOT;
	if (call->arch == TKIT_ARCH_I386)
		return call->nr == I386_SETNS ||
		       (call->nr == I386_UNSHARE && (call->args[0] & CLONE_NEWNS));
	return call->nr == SYS_setns || (call->nr == SYS_unshare && (call->args[0] & CLONE_NEWNS));
}

/*
 * A child made with CLONE_UNTRACED would escape; with the filter and without a tracer its
 * calls would fail. Takes the flag away (it means nothing else), or puts it back.
 */
static bool clone_flag(struct pt_tracee *t, bool strip)
{
	struct pt_call *call = &t->call;
	bool in_memory = call->nr == SYS_clone3;
	uint64_t at = call->args[0], flags = at;

	if (in_memory && (!at || procmem_read(t->tid, at, &flags, sizeof(flags)) < 0))
		return false;
	if (strip == !(flags & CLONE_UNTRACED))
		return false;
	flags ^= CLONE_UNTRACED;
	if (in_memory)
		return ptrace(PTRACE_POKEDATA, t->tid, at, flags) == 0;
#if defined(__x86_64__)
	if (call->arch == TKIT_ARCH_I386)
		at = offsetof(struct user_regs_struct, rbx);
	else
		at = offsetof(struct user_regs_struct, rdi);
	return ptrace(PTRACE_POKEUSER, t->tid, at, flags) == 0;
#else
	return false;
#endif
}

/* Calls without a path that matter all the same. Returns whether the exit matters. */
static bool enter_other(struct pt *pt, struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	bool native = call->arch == tkit_native_arch();

	if (moves_root(call)) {
		call->moves_root = true;
		pt->roots_moving++;
		return true;
	}
	if (pt_strict_enter(pt, t))
		return false;
	if (call->nr == (native ? SYS_ptrace : I386_PTRACE)) {
		call->traces = true;
		return !pt->refusal_told;
	}
	if (call->nr == (native ? SYS_prctl : I386_PRCTL)) {
		if ((int)call->args[0] != PR_SET_NAME)
			return false;
		t->comm_known = false; /* at the exit it is read again */
		return false;
	}
	if (call->nr == PT_NR_IO_URING_SETUP || call->nr == PT_NR_IO_URING_ENTER) {
		call->ring = pt_ring_enter(t);
		return call->ring;
	}
	if (call->nr == SYS_clone3 || call->nr == (native ? SYS_clone : 120)) {
		call->unstrip = clone_flag(t, true);
		return call->unstrip;
	}
	return false;
}

static void check_existence(struct pt *pt, struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	struct pt_name *name = &call->names[0];
	char path[PATH_MAX + 1];

	call->existed = -1;
	clock_gettime(CLOCK_REALTIME_COARSE, &call->entered);
	if ((call->flags & O_EXCL) || !(name->valid & TKIT_V_PATH) || !name->path.len ||
	    name->path.len >= PATH_MAX || call->resolve)
		return;
	memcpy(path, t->store + name->path.offset, name->path.len);
	path[name->path.len] = 0;
	call->existed = (int8_t)pt_exists(
		pt, t, call->sys->dirfd >= 0 ? (int)call->args[call->sys->dirfd] : AT_FDCWD, path,
		name->magic);
}

static void foreign(struct pt *pt, struct pt_tracee *t)
{
	if (!t->foreign_told)
		pt_lose(pt, TKIT_LOSS_UNTRACED, "system calls of an ABI that tkit does not know");
	t->foreign_told = true;
}

/* The tracee is at a call's entry. Returns true if its exit is to be seen, too. */
bool pt_call_enter(struct pt *pt, struct pt_tracee *t, const struct __ptrace_syscall_info *info)
{
	struct pt_call *call = &t->call;

	pt_call_drop(pt, t);
	if (!identify(call, info)) {
		foreign(pt, t);
		return false;
	}
	/* entry and seccomp have the arguments at the same place */
	memcpy(call->args, info->entry.args, sizeof(call->args));
	call->sys = tkit_syscall_by_nr(call->arch, call->nr);
	call->messages = 0;
	if (!call->sys)
		call->sys = pt_message_enter(t);
	if (!call->sys) {
		t->in_call = enter_other(pt, t);
		return t->in_call;
	}
	if (pt->passing || pt->detaching)
		return false;
	read_flags(t);
	if (pt_name_read(pt, t, 0))
		call->name_count = 1;
	if (call->sys->op2) {
		if (!call->name_count) /* the second becomes the only one */
			call->names[0].op = TKIT_OP_NONE;
		if (pt_name_read(pt, t, 1)) {
			if (!call->name_count)
				call->names[0] = call->names[1];
			call->name_count++;
		}
	}
	if (moves_root(call)) {
		call->moves_root = true;
		pt->roots_moving++;
	}
	if (call->creat && call->name_count)
		check_existence(pt, t);
	if (call->sys->op == TKIT_OP_EXEC)
		pt_exec_enter(pt, t);
	t->in_call = call->name_count || call->moves_root || call->messages;
	return t->in_call;
}

/* After a successful open: what the descriptor is. */
static void open_result(struct pt *pt, struct pt_tracee *t, struct tkit_event *event, int fd,
			struct pt_place *place)
{
	struct pt_call *call = &t->call;
	struct statx stx;
	char link[64];
	bool known = false;
	int created;
	int rc;

	pt_fd_link(link, t->tid, fd);
	rc = pt_place(pt, t, link, place);
	if (pt->opt->inode || call->creat)
		known = pt_stat_link(pt, t, link, &stx) == 0;
	pt_event_place(event, rc == 0 ? place : NULL, known ? &stx : NULL);
	if (rc == -ENAMETOOLONG)
		event->pflags |= TKIT_P_RES_TRUNC;
	if (known && S_ISCHR(stx.stx_mode) && stx.stx_rdev_major == 10 && stx.stx_rdev_minor == 229)
		pt->fuse = true;
	if (rc == 0 && strcmp(place->path, "/dev/fuse") == 0)
		pt->fuse = true;
	if (!call->creat)
		return;
	created = pt_created(call, known ? &stx : NULL);
	if (created >= 0)
		event->valid |= TKIT_V_CREATED;
	if (created > 0)
		event->pflags |= TKIT_P_CREATED;
}

/* After a successful chdir, chroot. */
static void directory_result(struct pt *pt, struct pt_tracee *t, struct tkit_event *event,
			     const char *what, struct pt_place *place)
{
	struct statx stx;
	char link[64];
	bool known;
	int rc;

	snprintf(link, sizeof(link), "/proc/%d/%s", t->tid, what);
	rc = pt_place(pt, t, link, place);
	known = pt->opt->inode && pt_stat_link(pt, t, link, &stx) == 0;
	pt_event_place(event, rc == 0 ? place : NULL, known ? &stx : NULL);
}

/* From now on a path that /proc tells may start at the root of a mount without a namespace. */
static bool detaches(const struct pt_call *call)
{
	return (call->sys->op == TKIT_OP_UMOUNT && (call->flags & MNT_DETACH)) ||
	       (call->sys->op == TKIT_OP_MOUNT && (call->flags & 1)); /* OPEN_TREE_CLONE */
}

static void emit_name(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int64_t ret,
		      uint64_t now)
{
	struct pt_place place;
	struct tkit_event event;

	if (name->forced && ret == -EFAULT) {
		name->valid &= ~(TKIT_V_PATH | TKIT_V_BASE | TKIT_V_ROOT);
		name->pflags |= TKIT_P_UNREADABLE;
	}
	if (ret >= 0)
		name->pflags |= name->resolved_flags;
	else if (!(name->pflags & TKIT_P_FD))
		name->valid &= ~TKIT_V_RESOLVED;
	pt_event_init(&event, t, TKIT_EVENT_ACCESS);
	pt_event_name(&event, t, name);
	event.ts_ns = now;
	event.valid |= TKIT_V_ERR | TKIT_V_RET;
	event.ret = ret;
	event.err = ret < 0 ? (int32_t)-ret : 0;
	if (ret >= 0 && name->op == TKIT_OP_OPEN && t->call.sys->name[0] != 'u') /* uselib */
		open_result(pt, t, &event, (int)ret, &place);
	else if (ret >= 0 && name->op == TKIT_OP_CHDIR && !(name->pflags & TKIT_P_FD))
		directory_result(pt, t, &event, "cwd", &place);
	else if (ret >= 0 && name->op == TKIT_OP_CHROOT)
		directory_result(pt, t, &event, "root", &place);
	pt_emit(pt, &event);
	if (ret >= 0 && (name->pflags & TKIT_P_UNREADABLE))
		pt_lose(pt, TKIT_LOSS_UNREADABLE, t->call.sys->name);
}

/* A program that traces others was refused. */
static void tell_refusal(struct pt *pt)
{
	if (!pt->refusal_told)
		tkit_log(
			pt->ctx, TKIT_LOG_WARN,
			"a traced program was refused by ptrace(2): a process has one tracer, and that is "
			"tkit; strace, gdb and leak checkers do not work in this run (--backend "
			"ebpf leaves ptrace to them)");
	pt->refusal_told = true;
}

/* The tracee is at the exit of the call that pt_call_enter() wanted to see again. */
void pt_call_exit(struct pt *pt, struct pt_tracee *t, int64_t ret)
{
	struct pt_call *call = &t->call;

	if (call->arch == TKIT_ARCH_I386)
		ret = (int32_t)ret;
	if (call->unstrip)
		clone_flag(t, false);
	if (call->ring)
		pt_ring_exit(pt, t, ret);
	if (call->traces && ret == -EPERM)
		tell_refusal(pt);
	if (!(ret >= RESTART_LOWEST && ret <= RESTART_HIGHEST) && call->sys) {
		uint64_t now = tkit_now_ns();

		if (ret < 0 && (call->sys->bits & TKIT_SYS_NOPATH))
			call->name_count = 0; /* of which file is not known */
		if (ret >= 0 && detaches(call))
			pt->detached = true;
		for (int i = 0; i < call->name_count; i++)
			emit_name(pt, t, &call->names[i], ret, now);
		for (uint32_t i = 1; call->messages && i < ret; i++)
			if (pt_message_next(pt, t, i))
				emit_name(pt, t, &call->names[0], ret, now);
	}
	pt_call_drop(pt, t);
}
