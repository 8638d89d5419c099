/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Arguments and flags of a system call. The rules are those of <tkit/syscalls.h>. */
#ifndef EBPF_CALLS_BPF_H
#define EBPF_CALLS_BPF_H

#define AT_FDCWD_        (-100)
#define AT_EMPTY_PATH_   0x1000
#define MS_BIND_         4096
#define MS_MOVE_         8192
#define FMODE_CREATED_   0x100000
#define O_PATH_          010000000
#define RESOLVE_IN_ROOT_ 0x10
#define TS_COMPAT_       2
#define PROC_MAGIC_      0x9fa0

/* Is the current call a 32-bit one? */
static __always_inline __u32 is_compat(struct task_struct *task, bool direct)
{
	return (HOP(direct, task, thread_info.status) & TS_COMPAT_) ? 1 : 0;
}

static __always_inline void read_args(struct scratch *s, struct pt_regs *regs, bool compat)
{
	if (compat) {
		s->args[0] = (__u32)regs->bx;
		s->args[1] = (__u32)regs->cx;
		s->args[2] = (__u32)regs->dx;
		s->args[3] = (__u32)regs->si;
		s->args[4] = (__u32)regs->di;
		s->args[5] = (__u32)regs->bp;
	} else {
		s->args[0] = regs->di;
		s->args[1] = regs->si;
		s->args[2] = regs->dx;
		s->args[3] = regs->r10;
		s->args[4] = regs->r8;
		s->args[5] = regs->r9;
	}
}

static __always_inline void read_flags(struct scratch *s)
{
	int arg = s->row.flags;
	__u64 how[3] = {};

	if (arg < 0)
		return;
	if (s->row.flags_as == EBPF_SYS_FLAGS_HOW) {
		if (!bpf_probe_read_user(how, sizeof(how), (void *)s->args[arg & 7])) {
			s->ev.flags = how[0];
			s->ev.resolve = how[2];
		}
		return;
	}
	s->ev.flags = (__u32)s->args[arg & 7];
}

/* As tkit_syscall_names_fd(). */
static __always_inline bool names_fd(struct scratch *s, bool is_null)
{
	__u32 bits = s->row.bits;
	bool at_empty = s->row.flags_as == EBPF_SYS_FLAGS_AT && (s->ev.flags & AT_EMPTY_PATH_);

	if (is_null)
		return (bits & EBPF_SYS_NULL_FD) || ((bits & EBPF_SYS_NULL_EMPTY) && at_empty);
	if (bits & EBPF_SYS_EMPTY_ALWAYS)
		return true;
	return (bits & EBPF_SYS_EMPTY) && at_empty;
}

/*
 * The kernel has written `s->ev.ret` bytes to the buffer behind the name's argument. Whether
 * the name, as it is now, can be other than it was.
 */
static __always_inline bool clobbered(struct scratch *s, int arg)
{
	__u64 path = s->args[arg & 7], buf = s->args[(arg + 1) & 7];
	__s64 ret = s->ev.ret;

	return ret > 0 && buf <= path + s->ev.strings[0].len && path < buf + ret;
}

#endif
