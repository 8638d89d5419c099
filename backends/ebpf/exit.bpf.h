/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Processes end; and what tkit has to know about itself. */
#ifndef EBPF_EXIT_BPF_H
#define EBPF_EXIT_BPF_H

#define SIGNAL_GROUP_EXIT_ 4

/* As wait(2) will show it. */
static __always_inline int wait_status(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT_)
		return BPF_CORE_READ(signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline int process_exited(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct scratch *s;

	if (BPF_CORE_READ(task, signal, live.counter) != 0) /* other threads go on */
		return 0;
	if (!traced(task, tgid))
		return 0;
	/* The last two threads may both get here; only one of them takes the process out. */
	if (filter == EBPF_FILTER_TREE && bpf_map_delete_elem(&processes, &tgid))
		return 0;
	s = scratch_of(SLOT_EXIT);
	if (!s)
		return 0;
	record(s, task, EBPF_EXIT);
	s->ev.ret = wait_status(task);
	if (BPF_CORE_READ(task, fs, users) == 1)
		s->ev.bits |= EBPF_E_FS_LAST;
	deliver(s, 1);
	return 0;
}

/* Run in tkit's own context: who tkit is, and what the target's root is to the kernel. */
static __always_inline void find_self(void)
{
	struct task_struct *self = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(self, thread_pid);
	struct file *root = fd_file(self, root_fd);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			    (__u64)level * bpf_core_type_size(struct upid);

	self_tgid = BPF_CORE_READ(self, tgid);
	self_pidns = (__u64)BPF_CORE_READ(upid, ns);
	self_level = level;
	if (root)
		target_root = (__u64)BPF_CORE_READ(root, f_path.dentry);
}

#endif
