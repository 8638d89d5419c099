// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The kernel side of the ebpf backend. One program looks at each system call as it returns:
 * the arguments are still in the registers, the names are in memory, the result and the
 * opened file are known. The others follow the processes. Everything here works from Linux
 * 5.8 on but for the programs that say otherwise; user space chooses which it loads.
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
#include "names.bpf.h"
#include "opened.bpf.h"

#include "key.bpf.h"

#include "base.bpf.h"
#include "fold.bpf.h"

#include "capture.bpf.h"

#include "exec.bpf.h"
#include "process.bpf.h"
#include "uring.bpf.h"

char licence[] SEC("license") = "Dual MIT/GPL";

/* Linux 5.11 */
SEC("tp_btf/sys_exit") int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	return call_returned(regs, ret, true);
}

SEC("tp_btf/sys_exit") int BPF_PROG(sys_exit_plain, struct pt_regs *regs, long ret)
{
	return call_returned(regs, ret, false);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	return forked(parent, child);
}

/* Linux 5.17 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return executed(task, bprm, true);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec_plain, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return executed(task, bprm, false);
}

/* Linux 6.12 */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(prepare, struct task_struct *task, struct linux_binprm *bprm)
{
	return prepare_exec(task, bprm);
}

/* Where there is no sched_prepare_exec, but programs on functions are allowed */
SEC("fentry/security_bprm_creds_for_exec")
int BPF_PROG(prepare_hook, struct linux_binprm *bprm)
{
	return prepare_exec((void *)bpf_get_current_task(), bprm);
}

/* In the kernel's list of functions whose programs may call bpf_d_path() */
SEC("fentry/security_file_open") int BPF_PROG(opened, struct file *file)
{
	return file_opened(file);
}

SEC("tp_btf/sched_process_exit") int BPF_PROG(process_exit, struct task_struct *task)
{
	return exited(task);
}

/* Linux 6.3 */
SEC("tp_btf/io_uring_submit_req") int BPF_PROG(uring_submit, struct io_kiocb *req)
{
	return request_submitted(req);
}

/* Linux 5.19 to 6.2; before that, the first argument is another one */
SEC("tp_btf/io_uring_submit_sqe") int BPF_PROG(uring_submit_sqe, struct io_kiocb *req)
{
	return request_submitted(req);
}

SEC("tp_btf/io_uring_complete") int BPF_PROG(uring_complete, void *ring_ctx, struct io_kiocb *req)
{
	return request_completed(req);
}

SEC("tp_btf/io_uring_req_failed")
int BPF_PROG(uring_refused, const struct io_uring_sqe *sqe, struct io_kiocb *req, int error)
{
	return request_refused(sqe, req, error);
}

SEC("iter/task") int seed(struct bpf_iter__task *ctx)
{
	if (ctx->meta->seq_num == 0)
		find_self();
	return ctx->task ? seed_process(ctx->task) : 0;
}
