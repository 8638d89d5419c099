/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the kernel knows about a program that it has just started. */
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

#endif
