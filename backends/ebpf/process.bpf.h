/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Processes come, run another program, and are there already. Included once for each walker. */

/* Working and root directory. */
static __always_inline void VARIANT(walk_dirs)(__u32 slot, __u64 fs_struct)
{
	struct fs_struct *fs = (void *)fs_struct;

	WALK(slot, EBPF_WALK_BASE, (__u64)BPF_CORE_READ(fs, pwd.dentry),
	     (__u64)BPF_CORE_READ(fs, pwd.mnt));
	VARIANT(walk_root)(slot, fs_struct);
}

static __always_inline int VARIANT(fork)(struct task_struct *parent, struct task_struct *child)
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
	VARIANT(walk_dirs)(SLOT_FORK, s->ev.fs);
	deliver(s, 1);
	return 0;
}

static __always_inline int VARIANT(exec)(struct task_struct *task, struct linux_binprm *bprm)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	const char *filename, *interp, *fdpath = NULL;
	struct scratch *s;
	struct file *file;
	__u64 dentry;

	if (!traced(task, tgid))
		return 0;
	s = scratch_of(SLOT_EXEC);
	if (!s)
		return 0;
	record(s, task, EBPF_EXEC);
	s->ev.kind = EBPF_KIND_EXEC;
	s->ev.nr = EXEC_NR();
	filename = BPF_CORE_READ(bprm, filename);
	interp = BPF_CORE_READ(bprm, interp);
	if (bpf_core_field_exists(bprm->fdpath))
		fdpath = BPF_CORE_READ(bprm, fdpath);
	if (fdpath)
		s->ev.bits |= EBPF_E_FDPATH;
	read_kernel_name(SLOT_EXEC, 0, (__u64)filename);
	if (interp != filename) {
		s->ev.bits |= EBPF_E_INTERP;
		read_kernel_name(SLOT_EXEC, 1, (__u64)interp);
	}
	if (fdpath) /* if the descriptor has outlived the exec */
		VARIANT(walk_base)(SLOT_EXEC, EBPF_WALK_BASE, fdpath_fd(s), 1);
	else if (s->first[0] != '/')
		VARIANT(walk_base)(SLOT_EXEC, EBPF_WALK_BASE, AT_FDCWD_, 0);
	VARIANT(walk_root)(SLOT_EXEC, s->ev.fs);
	file = BPF_CORE_READ(bprm, file);
	dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	if (interp == filename)
		put_inode(&s->ev.inodes[0], dentry);
	WALK(SLOT_EXEC, EBPF_WALK_EXE, dentry, (__u64)BPF_CORE_READ(file, f_path.mnt));
	if (!HAVE_LOADER)
		s->ev.bits |= EBPF_E_NO_LOADER;
	file = LOADER_FILE(task);
	if (file) {
		dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
		put_inode(&s->ev.inodes[1], dentry);
		WALK(SLOT_EXEC, EBPF_WALK_LOADER, dentry, (__u64)BPF_CORE_READ(file, f_path.mnt));
	}
	s->ev.strings[0].flags |= EBPF_S_PRESENT;
	deliver(s, 1);
	return 0;
}

/* execveat with a dirfd: tells its path while it is still open. */
static __always_inline int VARIANT(prepare)(struct task_struct *task, struct linux_binprm *bprm)
{
	const char *fdpath = NULL;
	struct scratch *s;

	if (bpf_core_field_exists(bprm->fdpath))
		fdpath = BPF_CORE_READ(bprm, fdpath);
	if (!fdpath || !traced(task, BPF_CORE_READ(task, tgid)))
		return 0;
	s = scratch_of(SLOT_EXEC);
	if (!s)
		return 0;
	record(s, task, EBPF_PREPARE);
	read_kernel_name(SLOT_EXEC, 0, (__u64)fdpath);
	VARIANT(walk_base)(SLOT_EXEC, EBPF_WALK_BASE, fdpath_fd(s), 1);
	deliver(s, 0);
	return 0;
}

/*
 * The seeding pass, run over all tasks by tkit itself before it reports "armed". Fork is
 * watched already, so a process that is not there yet will be found by its parent.
 */
static __always_inline int VARIANT(seed)(struct task_struct *task)
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
	VARIANT(walk_dirs)(SLOT_SEED, s->ev.fs);
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe)
		WALK(SLOT_SEED, EBPF_WALK_EXE, (__u64)BPF_CORE_READ(exe, f_path.dentry),
		     (__u64)BPF_CORE_READ(exe, f_path.mnt));
	deliver(s, 0);
	return 0;
}
