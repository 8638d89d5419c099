/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Programs are started. */
#ifndef EBPF_EXEC_BPF_H
#define EBPF_EXEC_BPF_H

#define AT_BASE_      7
#define AUXV_PAIRS    24
#define FDPATH_PREFIX 8 /* "/dev/fd/" */
#define FDPATH_DIGITS 10

/* The N of the kernel's "/dev/fd/N[/REST]", which is the first string in data[]. */
static __always_inline int fdpath_fd(struct scratch *s)
{
	int fd = 0;

	for (int i = 0; i < FDPATH_DIGITS; i++) {
		char c = s->data[FDPATH_PREFIX + i];

		if (c < '0' || c > '9')
			break;
		fd = fd * 10 + (c - '0');
	}
	return fd;
}

/* Where the ELF interpreter was mapped to; 0 for a static program. */
static __always_inline __u64 auxv_base(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long *auxv = (void *)mm + bpf_core_field_offset(struct mm_struct, saved_auxv);
	__u64 pair[2];

	/* A type is a small number: if the first word is not, it is a 32-bit type and value. */
	if (bpf_probe_read_kernel(pair, sizeof(pair), auxv))
		return 0;
	if (pair[0] >> 32) {
		__u32 *auxv32 = (void *)auxv, pair32[2];

		for (int i = 0; i < AUXV_PAIRS; i++) {
			if (bpf_probe_read_kernel(pair32, sizeof(pair32), auxv32 + 2 * i))
				return 0;
			if (pair32[0] == AT_BASE_)
				return pair32[1];
			if (!pair32[0])
				return 0;
		}
		return 0;
	}
	for (int i = 0; i < AUXV_PAIRS; i++) {
		if (bpf_probe_read_kernel(pair, sizeof(pair), auxv + 2 * i))
			return 0;
		if (pair[0] == AT_BASE_)
			return pair[1];
		if (!pair[0])
			return 0;
	}
	return 0;
}

struct vma_arg {
	__u64 file;
};

static long vma_found(struct task_struct *task, struct vm_area_struct *vma, struct vma_arg *arg)
{
	arg->file = (__u64)vma->vm_file;
	return 0;
}

/* The ELF interpreter of the current process, which nobody else can unmap yet. */
static __always_inline struct file *loader_file(struct task_struct *task)
{
	__u64 address = auxv_base(task);
	struct vma_arg arg = {};

	if (!address)
		return NULL;
	bpf_find_vma(bpf_get_current_task_btf(), address, vma_found, &arg, 0);
	return (void *)arg.file;
}

/*
 * FMODE_BACKING of <linux/fs.h>: bit 25 in Linux 6.5, bit 24 in 6.18, where 25 means something
 * else. A layer is reached through a mount of the kernel's own, which settles it.
 */
#define FMODE_BACKING_ (3u << 24)

/* Where a mapped file is: on an overlay, not the layer's file that stands in for it. */
static __always_inline void walk_mapped(struct scratch *s, struct file *file)
{
	__u64 dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	__u64 mnt = (__u64)BPF_CORE_READ(file, f_path.mnt);

	if (bpf_core_field_exists(((struct backing_file *)0)->user_path) &&
	    (BPF_CORE_READ(file, f_mode) & FMODE_BACKING_) &&
	    (__u64)BPF_CORE_READ(mount_of(mnt), mnt_ns) >= (__u64)-4095) {
		struct backing_file *backing = (void *)file;

		dentry = (__u64)BPF_CORE_READ(backing, user_path.dentry);
		mnt = (__u64)BPF_CORE_READ(backing, user_path.mnt);
	}
	put_inode(&s->ev.inodes[1], dentry);
	walk(SLOT_EXEC, EBPF_WALK_LOADER, dentry, mnt);
}

/* The registers are the new program's, but for the number of the call. */
static __always_inline int exec_nr(void)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return regs->orig_ax;
}

/* `modern`: Linux 5.17, with bpf_find_vma() and bpf_task_pt_regs(). */
static __always_inline int executed(struct task_struct *task, struct linux_binprm *bprm,
				    bool modern)
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
	s->ev.nr = modern ? exec_nr() : -1;
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
		walk_base(SLOT_EXEC, EBPF_WALK_BASE, fdpath_fd(s), 1);
	else if (s->first[0] != '/')
		walk_base(SLOT_EXEC, EBPF_WALK_BASE, AT_FDCWD_, 0);
	walk_root(SLOT_EXEC, s->ev.fs);
	file = BPF_CORE_READ(bprm, file);
	dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	if (interp == filename)
		put_inode(&s->ev.inodes[0], dentry);
	walk(SLOT_EXEC, EBPF_WALK_EXE, dentry, (__u64)BPF_CORE_READ(file, f_path.mnt));
	file = NULL;
	if (modern)
		file = loader_file(task);
	else
		s->ev.bits |= EBPF_E_NO_LOADER;
	if (file)
		walk_mapped(s, file);
	s->ev.strings[0].flags |= EBPF_S_PRESENT;
	deliver(s, 1);
	return 0;
}

/* execveat with a dirfd: tells its path while it is still open. */
static __always_inline int prepare_exec(struct task_struct *task, struct linux_binprm *bprm)
{
	const char *fdpath = NULL;
	struct scratch *s;

	if (bpf_core_field_exists(bprm->fdpath))
		fdpath = BPF_CORE_READ(bprm, fdpath);
	if (!fdpath || !traced(task, BPF_CORE_READ(task, tgid)))
		return 0;
	s = scratch_of(SLOT_PREPARE);
	if (!s)
		return 0;
	record(s, task, EBPF_PREPARE);
	read_kernel_name(SLOT_PREPARE, 0, (__u64)fdpath);
	walk_base(SLOT_PREPARE, EBPF_WALK_BASE, fdpath_fd(s), 1);
	deliver(s, 0);
	return 0;
}

#endif
