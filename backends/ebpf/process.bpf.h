/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Processes come, go, and are there already; and what tkit has to know about itself. */
#ifndef EBPF_PROCESS_BPF_H
#define EBPF_PROCESS_BPF_H

/* Working and root directory. */
static __always_inline void walk_dirs(__u32 slot, __u64 fs_struct)
{
	struct fs_struct *fs = (void *)fs_struct;

	walk(slot, EBPF_WALK_BASE, (__u64)BPF_CORE_READ(fs, pwd.dentry),
	     (__u64)BPF_CORE_READ(fs, pwd.mnt));
	walk_root(slot, fs_struct);
}

static __always_inline int forked(struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = BPF_CORE_READ(parent, tgid);
	__u32 new = BPF_CORE_READ(child, tgid);
	struct scratch *s;

	if ((__u32)BPF_CORE_READ(child, pid) != new) /* a thread */
		return 0;
	if (!traced(filter == EBPF_FILTER_CGROUP ? child : parent, tgid))
		return 0;
	if (filter == EBPF_FILTER_TREE)
		adopt(new);
	s = scratch_of(SLOT_FORK);
	if (!s)
		return 0;
	record(s, child, EBPF_FORK);
	s->ev.ppid = self_level ? task_tgid(parent) : tgid;
	walk_dirs(SLOT_FORK, s->ev.fs);
	deliver(s, 1);
	return 0;
}

/*
 * The seeding pass, run over all tasks by tkit itself before it reports "armed". Fork is
 * watched already, so a process that is not there yet will be found by its parent.
 */
static __always_inline int seed_process(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct scratch *s;
	struct file *exe;

	if ((__u32)BPF_CORE_READ(task, pid) != tgid ||
	    !BPF_CORE_READ(task, mm)) /* thread; kernel thread */
		return 0;
	if (tgid == self_tgid)
		return 0;
	if (filter == EBPF_FILTER_TREE) {
		__u32 parent = BPF_CORE_READ(task, real_parent, tgid);

		if ((__u32)task_tgid(task) != seed_pid && !bpf_map_lookup_elem(&processes, &parent))
			return 0;
		if (!adopt(tgid))
			return 0;
	} else if (!traced(task, tgid)) {
		return 0;
	}
	seeded++;
	s = scratch_of(SLOT_SEED);
	if (!s || !BPF_CORE_READ(task, fs))
		return 0;
	record(s, task, EBPF_PROC);
	s->ev.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&s->ev.comm, task, comm);
	walk_dirs(SLOT_SEED, s->ev.fs);
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe)
		walk(SLOT_SEED, EBPF_WALK_EXE, (__u64)BPF_CORE_READ(exe, f_path.dentry),
		     (__u64)BPF_CORE_READ(exe, f_path.mnt));
	deliver(s, 0);
	return 0;
}

#define SIGNAL_GROUP_EXIT_ 4

/* As wait(2) will show it. */
static __always_inline int wait_status(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT_)
		return BPF_CORE_READ(signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline int exited(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct scratch *s;

	if (BPF_CORE_READ(task, signal, live.counter) != 0) /* other threads go on */
		return 0;
	if (!traced(task, tgid))
		return 0;
	/* The last two threads may both get here; only one of them takes the process out. */
	if (filter == EBPF_FILTER_TREE && !drop(tgid))
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
	struct task_struct *self = CURRENT();
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
	if (filter == EBPF_FILTER_CGROUP) {
		struct file *dir = fd_file(self, cgroup_fd);

		if (dir)
			find_cgroup(self, dir);
	}
}

#endif
