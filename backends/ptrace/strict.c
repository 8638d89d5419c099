// SPDX-License-Identifier: MIT
/*
 * Programs that use seccomp themselves. A call can be answered in the kernel's stead, and strict
 * mode, which the kernel refuses to a process that carries our filter, is played: such a thread
 * stops at every call, and ends with the first one that strict mode forbids.
 */
#include "ptrace.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#define I386_PRCTL   172
#define I386_SECCOMP 354

/* At an entry: the call is not made, and returns `value`. */
void pt_answer(struct pt_tracee *t, long value)
{
#if defined(__x86_64__)
	ptrace(PTRACE_POKEUSER, t->tid, offsetof(struct user_regs_struct, orig_rax), -1L);
	ptrace(PTRACE_POKEUSER, t->tid, offsetof(struct user_regs_struct, rax), value);
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	int nr = -1;
	struct iovec call = {&nr, sizeof(nr)}, all = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, t->tid, (void *)NT_PRSTATUS, &all) < 0)
		return;
	regs.regs[0] = (unsigned long long)value;
	ptrace(PTRACE_SETREGSET, t->tid, (void *)NT_PRSTATUS, &all);
	ptrace(PTRACE_SETREGSET, t->tid, (void *)NT_ARM_SYSTEM_CALL, &call);
#endif
}

/* At the entry of any call that is in no table. Returns whether it was answered here. */
bool pt_strict_enter(struct pt *pt, struct pt_tracee *t)
{
	const struct pt_call *call = &t->call;
	bool native = call->arch == tkit_native_arch();
	bool asked;

	if (call->nr == (native ? SYS_prctl : I386_PRCTL))
		asked = (int)call->args[0] == PR_SET_SECCOMP &&
			call->args[1] == SECCOMP_MODE_STRICT;
	else
		asked = call->nr == (native ? SYS_seccomp : I386_SECCOMP) &&
			(uint32_t)call->args[0] == SECCOMP_SET_MODE_STRICT && !call->args[1] &&
			!call->args[2];
	/* with a filter of its own it is refused without tkit, too */
	if (!asked || !pt->filter || pt_status(t->tid, "Seccomp_filters:", 0) != 1)
		return false;
	t->strict = true;
	pt_answer(t, 0);
	return true;
}

static bool allowed(const struct __ptrace_syscall_info *info)
{
	static const uint64_t compat[] = {3, 4, 1, 119}; /* read, write, exit, sigreturn */
	static const uint64_t own[] = {SYS_read, SYS_write, SYS_exit, SYS_rt_sigreturn};
	const uint64_t *list = info->arch == AUDIT_ARCH_I386 ? compat : own;

	for (size_t i = 0; i < 4; i++)
		if (info->entry.nr == list[i])
			return true;
	return false;
}

/* A thread in strict mode is at a call's entry. */
void pt_strict_call(struct pt_tracee *t, const struct __ptrace_syscall_info *info)
{
	if (allowed(info))
		return;
#if defined(__x86_64__)
	if (t->proc && t->proc->refs > 1) { /* only this thread ends */
		bool compat = info->arch == AUDIT_ARCH_I386;

		ptrace(PTRACE_POKEUSER, t->tid, offsetof(struct user_regs_struct, orig_rax),
		       compat ? 1L : (long)SYS_exit);
		ptrace(PTRACE_POKEUSER, t->tid,
		       compat ? offsetof(struct user_regs_struct, rbx)
			      : offsetof(struct user_regs_struct, rdi),
		       (long)SIGKILL);
		return;
	}
#endif
	kill(t->proc ? t->proc->pid : t->tid, SIGKILL);
}
