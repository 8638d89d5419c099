// SPDX-License-Identifier: MIT
/* What each kind of stop asks for. */
#include "ptrace.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPEAT_NS 2000000000u /* between a signal to the group and tkit's own forwarding */
#define LATE_NS   50000000u   /* a creator's event comes within this, unless it was killed */

/* Lets the tracee go on to the next stop that matters, with a signal to deliver or 0. */
void pt_resume(struct pt *pt, struct pt_tracee *t, int sig)
{
	enum __ptrace_request how =
		pt->filter && !t->in_call && !t->strict ? PTRACE_CONT : PTRACE_SYSCALL;

	if (pt->detaching)
		pt_detach_one(pt, t, sig);
	else
		ptrace(how, t->tid, 0, (void *)(uintptr_t)sig); /* ESRCH: it was killed */
}

static bool is_command(const struct pt *pt, const struct pt_tracee *t)
{
	return pt->target->kind == TKIT_TARGET_COMMAND && t->tid == pt->target->pid;
}

static void unfinished(struct pt *pt, const struct pt_tracee *t)
{
	if (t->in_call && t->call.name_count && t->call.sys && !pt->passing)
		pt_lose(pt, TKIT_LOSS_UNFINISHED, t->call.sys->name);
}

static void on_end(struct pt *pt, struct pt_tracee *t, int status)
{
	if (!t->proc) { /* its creator's event is still to come */
		pt_tracee_hold(pt, t, true);
		t->dead = true;
		t->status = status;
		return;
	}
	unfinished(pt, t);
	if (t->tid == t->proc->pid || t->proc->refs == 1)
		pt_emit_exit(pt, t, status);
	if (is_command(pt, t))
		tkit_command_status(pt->ctx, status);
	pt_tracee_drop(pt, t);
}

static void on_stop(struct pt *pt, struct pt_tracee *t, int status);

/* A new thread or process is known with its creator: it may go on, unless its process is stopped.
 */
static void settle(struct pt *pt, struct pt_tracee *t)
{
	bool held = t->held;

	pt_tracee_hold(pt, t, false);
	if (t->dead)
		on_end(pt, t, t->status);
	else if (held)
		on_stop(pt, t, t->status);
}

static bool is_thread_of(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
	return access(path, F_OK) == 0;
}

/* fork, vfork, clone: in the creator, the child's first stop may have come before or comes later */
static void on_child(struct pt *pt, struct pt_tracee *t, int event)
{
	unsigned long tid = 0;
	struct pt_tracee *child;
	bool thread;

	if (ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &tid) < 0 || !tid || !t->proc)
		return;
	child = pt_tracee_find(pt, (pid_t)tid);
	if (!child)
		child = pt_tracee_add(pt, (pid_t)tid);
	if (!child || child->proc)
		return;
	thread = child->dead ? event == PTRACE_EVENT_CLONE : is_thread_of(t->proc->pid, (pid_t)tid);
	if (pt_tracee_join(child, thread ? t->proc : NULL) < 0)
		return;
	pt_proc_inherit(child->proc, t->proc);
	memcpy(child->comm, t->comm, sizeof(child->comm));
	child->comm_len = t->comm_len;
	child->comm_known = t->comm_known;
	if (thread && t->root_kind == PT_ROOT_SAME && !t->root_host) {
		child->root_kind = t->root_kind;
		child->root_own = t->root_own;
		child->root_gen = t->root_gen;
	}
	if (!thread)
		pt_emit_fork(pt, child, t->proc->pid, false);
	settle(pt, child);
}

static void adopt(struct pt *pt, struct pt_tracee *t)
{
	pid_t pid = (pid_t)pt_status(t->tid, "Tgid:", 0);
	struct pt_tracee *leader = pid ? pt_tracee_find(pt, pid) : NULL;

	if (!pid) {
		pt_tracee_drop(pt, t);
		return;
	}
	if (pt_tracee_join(t, leader && leader != t ? leader->proc : NULL) < 0)
		return;
	if (t->tid == pid)
		pt_emit_fork(pt, t, (pid_t)pt_status(t->tid, "PPid:", 0), false);
	settle(pt, t);
}

/* Creators that were killed before they could tell of their child. */
void pt_adopt_late(struct pt *pt, uint64_t now)
{
	for (size_t i = 0; i < PT_BUCKETS && pt->held_count; i++)
		for (struct pt_tracee *next, *t = pt->buckets[i]; t; t = next) {
			next = t->next;
			if (t->held && now - t->held_since > LATE_NS)
				adopt(pt, t);
		}
}

/* The thread `from` has taken over the process's pid; all its other threads are gone. */
static struct pt_tracee *take_over(struct pt *pt, struct pt_tracee *t, pid_t from)
{
	struct pt_tracee *old = from && from != t->tid ? pt_tracee_find(pt, from) : NULL;
	struct pt_tracee swap;

	if (!old)
		return t;
	unfinished(pt, t);
	pt_call_drop(pt, t);
	swap = *t;
	t->call = old->call;
	t->in_call = old->in_call;
	t->store = old->store;
	t->store_len = old->store_len;
	t->store_size = old->store_size;
	old->call = swap.call;
	old->in_call = false;
	old->store = swap.store;
	old->store_len = swap.store_len;
	old->store_size = swap.store_size;
	if (!t->proc && old->proc) /* the leader was gone before the trace began */
		pt_tracee_join(t, old->proc);
	pt_tracee_drop(pt, old);
	return t;
}

static void on_exec(struct pt *pt, struct pt_tracee *t)
{
	unsigned long from = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &from);
	t = take_over(pt, t, (pid_t)from);
	if (!t->proc && pt_tracee_join(t, NULL) < 0)
		pt_lose(pt, TKIT_LOSS_UNTRACED, "out of memory for a process");
	t->foreign_told = false;
	if (pt->passing || pt->detaching)
		pt_call_drop(pt, t);
	else
		pt_exec_done(pt, t);
}

static void on_seccomp(struct pt *pt, struct pt_tracee *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) <= 0)
		return;
	if (info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return;
	if (info.seccomp.ret_data != PT_DATA_CALL && info.seccomp.ret_data != PT_DATA_FOREIGN)
		pt_answer(t, -ENOSYS); /* a filter of its own said RET_TRACE: as without a tracer */
	else
		pt_call_enter(pt, t, &info);
}

static void on_syscall(struct pt *pt, struct pt_tracee *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && t->strict)
		pt_strict_call(t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		pt_call_enter(pt, t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->in_call)
		pt_call_exit(pt, t, info.exit.rval);
}

/* PTRACE_EVENT_STOP: a first stop, an interrupt, a group stop, or the end of one. */
static void on_event_stop(struct pt *pt, struct pt_tracee *t, int sig, int status)
{
	if (sig == SIGTRAP) {
		if (t->listening && is_command(pt, t))
			tkit_command_status(pt->ctx, 0xffff); /* WIFCONTINUED */
		t->listening = false;
		pt_resume(pt, t, 0);
		return;
	}
	if (pt->detaching) {
		pt_detach_one(pt, t, 0); /* the kernel keeps it in the group stop */
		return;
	}
	if (!t->listening && is_command(pt, t))
		tkit_command_status(pt->ctx, status & 0xffff);
	t->listening = true;
	ptrace(PTRACE_LISTEN, t->tid, 0, 0);
}

/*
 * The command is in tkit's process group: who signals the group reaches both, and tkit, which
 * cannot tell that from a signal to itself, forwards it. The command is to see it once.
 */
static bool is_repeat(struct pt *pt, const struct pt_tracee *t, int sig)
{
	uint64_t now = tkit_now_ns(), *direct = &pt->direct_ns[sig & 63];
	siginfo_t si;
	bool repeat;

	if (pt->target->kind != TKIT_TARGET_COMMAND || !t->proc ||
	    t->proc->pid != pt->target->pid || ptrace(PTRACE_GETSIGINFO, t->tid, 0, &si) < 0 ||
	    si.si_code != SI_USER)
		return false;
	repeat = si.si_pid == pt->target->self_pid && *direct && now - *direct < REPEAT_NS;
	*direct = si.si_pid == pt->target->self_pid ? 0 : now;
	return repeat;
}

static void on_stop(struct pt *pt, struct pt_tracee *t, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_STOP:
		on_event_stop(pt, t, sig, status);
		return;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_child(pt, t, status >> 16);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(pt, t);
		break;
	case PTRACE_EVENT_SECCOMP:
		on_seccomp(pt, t);
		break;
	case 0:
		if (sig != (SIGTRAP | 0x80)) {
			pt_resume(pt, t, is_repeat(pt, t, sig) ? 0 : sig); /* before its delivery */
			return;
		}
		on_syscall(pt, t);
		break;
	default:
		break;
	}
	pt_resume(pt, t, 0);
}

/* One result of wait(2). */
void pt_stop(struct pt *pt, pid_t tid, int status)
{
	struct pt_tracee *t = pt_tracee_find(pt, tid);

	if (!t) {
		/* a child whose creator's event has not come yet */
		t = pt_tracee_add(pt, tid);
		if (!t)
			return;
		/* ... or the first thread, which was gone before the trace: another one's exec has
		 * brought it back */
		if (WIFSTOPPED(status) && status >> 16 != PTRACE_EVENT_EXEC) {
			t->status = status;
			if (pt->detaching)
				pt_detach_one(pt, t, 0);
			else
				pt_tracee_hold(pt, t, true);
			return;
		}
	}
	if (WIFSTOPPED(status))
		on_stop(pt, t, status);
	else if (WIFEXITED(status) || WIFSIGNALED(status))
		on_end(pt, t, status);
}
