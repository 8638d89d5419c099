// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The kernel side of the ebpf backend. One program looks at each system call as it returns:
 * the arguments are still in the registers, the names are in memory, the result and the
 * opened file are known. Three more follow the processes. Each exists twice: "loop" uses
 * bpf_loop() and bpf_find_vma() (Linux 5.17), "plain" does without; user space loads one set.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

#include "common.bpf.h"

#include "filter.bpf.h"
#include "walk.bpf.h"

#include "calls.bpf.h"
#include "exec.bpf.h"
#include "exit.bpf.h"
#include "names.bpf.h"

#define VARIANT(name)     name##_on_plain
#define WALK              walk_plain
#define EXEC_NR()         (-1)
#define HAVE_LOADER       0
#define LOADER_FILE(task) ((struct file *)NULL)
#include "capture.bpf.h"
#include "process.bpf.h"
#undef VARIANT
#undef WALK
#undef EXEC_NR
#undef HAVE_LOADER
#undef LOADER_FILE

#define VARIANT(name)     name##_on_loop
#define WALK              walk_loop
#define EXEC_NR()         ((int)((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()))->orig_ax)
#define HAVE_LOADER       1
#define LOADER_FILE(task) loader_file(task)
#include "capture.bpf.h"
#include "process.bpf.h"

char licence[] SEC("license") = "Dual MIT/GPL";

SEC("tp_btf/sys_exit") int BPF_PROG(sys_exit_plain, struct pt_regs *regs, long ret)
{
	return sys_exit_on_plain(regs, ret);
}

SEC("tp_btf/sys_exit") int BPF_PROG(sys_exit_loop, struct pt_regs *regs, long ret)
{
	return sys_exit_on_loop(regs, ret);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_plain, struct task_struct *parent, struct task_struct *child)
{
	return fork_on_plain(parent, child);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_loop, struct task_struct *parent, struct task_struct *child)
{
	return fork_on_loop(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_plain, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return exec_on_plain(task, bprm);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_loop, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return exec_on_loop(task, bprm);
}

/* Linux 6.12; loaded only where the tracepoint is. */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(prepare_loop, struct task_struct *task, struct linux_binprm *bprm)
{
	return prepare_on_loop(task, bprm);
}

SEC("tp_btf/sched_process_exit") int BPF_PROG(process_exit, struct task_struct *task)
{
	return process_exited(task);
}

SEC("iter/task") int seed_plain(struct bpf_iter__task *ctx)
{
	if (ctx->meta->seq_num == 0)
		find_self();
	return ctx->task ? seed_on_plain(ctx->task) : 0;
}

SEC("iter/task") int seed_loop(struct bpf_iter__task *ctx)
{
	if (ctx->meta->seq_num == 0)
		find_self();
	return ctx->task ? seed_on_loop(ctx->task) : 0;
}
