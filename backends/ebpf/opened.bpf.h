/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Where the kernel lets programs on functions be loaded: bpf_d_path() tells the path of a file
 * while it is being opened, and the program on sys_exit finds it by the file. What bpf_d_path()
 * cannot tell (which of two places outside the root it is, whether the name is gone) and what
 * does not come by here (O_PATH, which therefore must not find what was left at its address) is
 * left to the walk; so both give the same paths.
 */
#ifndef EBPF_OPENED_BPF_H
#define EBPF_OPENED_BPF_H

#define MOUNT_DEPTH 32

struct opened {
	__u64 thread;
	__u64 dentry;
	__u32 len; /* with NUL */
	__u32 pad;
	char path[EBPF_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct opened);
} opening SEC(".maps");

/*
 * By struct file. An entry that is not fetched (the open failed in the end, or it was the kernel's)
 * stays until it ages out, or another file gets the address.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, struct opened);
} openings SEC(".maps");

static __always_inline bool unhashed(__u64 dentry)
{
	struct dentry *d = (void *)dentry;

	return !BPF_CORE_READ(d, d_hash.pprev) && BPF_CORE_READ(d, d_parent) != d;
}

/* Is the mount below the root of the process, which is the target's? Then the path is inside. */
static __always_inline bool below_root(struct task_struct *task, __u64 vfsmount)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u64 root = (__u64)BPF_CORE_READ(fs, root.mnt);
	struct mount *mnt = mount_of(vfsmount), *top = mount_of(root);
	__u64 dentry = (__u64)BPF_CORE_READ(fs, root.dentry);

	if (dentry != target_root || (__u64)BPF_CORE_READ(top, mnt.mnt_root) != dentry)
		return false;
	for (int i = 0; i < MOUNT_DEPTH && mnt != top; i++) {
		struct mount *up = BPF_CORE_READ(mnt, mnt_parent);

		if (up == mnt)
			return false;
		mnt = up;
	}
	return mnt == top;
}

/* Asks for the path. Returns 0 if it is to be walked to. */
static __always_inline long ask_path(struct file *file, struct opened *o)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	long len;

	if (!below_root(task, (__u64)BPF_CORE_READ(file, f_path.mnt)) ||
	    unhashed((__u64)BPF_CORE_READ(file, f_path.dentry)))
		return 0;
	len = bpf_d_path(&file->f_path, o->path, sizeof(o->path));
	return len < 2 || len > EBPF_PATH_MAX ? 0 : len;
}

static __always_inline int file_opened(struct file *file)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 thread = bpf_get_current_pid_tgid(), key = (__u64)file;
	__u32 zero = 0;
	struct opened *o;
	long len;

	if (!traced(task, thread >> 32))
		return 0;
	o = bpf_map_lookup_elem(&opening, &zero);
	if (!o)
		return 0;
	len = ask_path(file, o);
	if (!len) { /* nor may there be one of a file that was at this address before */
		bpf_map_delete_elem(&openings, &key);
		return 0;
	}
	o->thread = thread;
	o->dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	o->len = len;
	bpf_map_update_elem(&openings, &key, o, BPF_ANY);
	return 0;
}

/* Puts the path of a file that this thread has opened into the record, if it is there. */
static __always_inline bool take_opened(__u32 slot, __u64 file, __u64 dentry)
{
	struct opened *o = bpf_map_lookup_elem(&openings, &file);
	struct scratch *s = scratch_of(slot);
	struct ebpf_walk *out;
	bool taken = false;
	__u32 at, len;

	if (!o || !s)
		return false;
	if (o->thread == bpf_get_current_pid_tgid() && o->dentry == dentry && !unhashed(dentry)) {
		/* Read right before they are checked and used, as in walk_step(). */
		at = *(volatile __u32 *)&s->ev.len;
		len = *(volatile __u32 *)&o->len;
		if (at <= EBPF_DATA_MAX && len && len <= EBPF_PATH_MAX &&
		    !bpf_probe_read_kernel(&s->data[at], len, o->path)) {
			out = &s->ev.walks[EBPF_WALK_RESOLVED];
			at = *(volatile __u32 *)&s->ev.len;
			len = *(volatile __u32 *)&o->len;
			out->off = at;
			out->len = len - 1;
			out->mark = 0;
			out->flags = EBPF_W_DONE | EBPF_W_INSIDE | EBPF_W_PATH;
			s->ev.len = at + len;
			count(EBPF_CNT_D_PATH, 1);
			taken = true;
		}
	}
	bpf_map_delete_elem(&openings, &file);
	return taken;
}

/* Its path is not wanted. */
static __always_inline void forget_opened(struct scratch *s, struct task_struct *task, int fd)
{
	__u64 file = NUMBER(s, fd_file(task, fd));

	bpf_map_delete_elem(&openings, &file);
}

#endif
