/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * From a place in the file system up to the root of its mount namespace. The kernel's own
 * bpf_d_path() is not allowed in tracepoint programs.
 *
 * What makes the verifier accept it: the running offset lives in the map value, not in a
 * register, so that all rounds of the loop look the same; functions that are verified once
 * take numbers only and look the scratch up themselves.
 */
#ifndef EBPF_WALK_BPF_H
#define EBPF_WALK_BPF_H

#define WALK_STEPS 4096 /* names and mounts on the way: more than PATH_MAX can hold */
#define WALK_BLOCK 4    /* steps in the innermost loop: the verifier goes through each of them */
#define WALK_CHUNK 32   /* blocks in the loop around it, of which it goes through the calls */
#define NAME_ROOM  256

static __always_inline struct mount *mount_of(__u64 vfsmount)
{
	return AT(mount, vfsmount - bpf_core_field_offset(struct mount, mnt));
}

/* One step up. Returns 1 at the end. */
static __always_inline long walk_step(struct scratch *s)
{
	struct dentry *dentry, *parent;
	const unsigned char *name;
	__u32 len = s->ev.len;
	long n;

	if (s->dentry == s->target_root) {
		/* The outermost match counts: a root may be bind-mounted below itself. */
		s->walk_mark = len - s->walk_start;
		s->walk_flags |= EBPF_W_INSIDE;
	}
	if (s->dentry == s->mnt_root) {
		struct mount *mnt = AT(mount, s->mnt);
		struct mount *up = READ(mnt, mnt_parent);

		if ((__u64)up == s->mnt || !up)
			return 1;
		s->dentry = (__u64)READ(mnt, mnt_mountpoint);
		s->mnt = (__u64)up;
		s->mnt_root = (__u64)READ(up, mnt.mnt_root);
		return 0;
	}
	dentry = AT(dentry, s->dentry);
	parent = READ(dentry, d_parent);
	if ((__u64)parent == s->dentry || !parent) {
		s->walk_flags |= EBPF_W_DETACHED;
		return 1;
	}
	name = READ(dentry, d_name.name);
	/*
	 * Checked right before its use: Linux 5.10 forgets the bounds of a number that had to
	 * be put on the stack in between.
	 */
	len = *(volatile __u32 *)&s->ev.len;
	if (len > EBPF_DATA_MAX - NAME_ROOM) {
		s->walk_flags |= EBPF_W_TRUNC;
		return 1;
	}
	n = bpf_probe_read_kernel_str(&s->data[len], NAME_ROOM, name);
	if (n <= 0) {
		s->walk_flags |= EBPF_W_TRUNC;
		return 1;
	}
	s->ev.len = len + n;
	s->dentry = (__u64)parent;
	return 0;
}

/* Puts the cursor at the place. Returns false if there is nothing to walk. */
static __always_inline bool walk_begin(struct scratch *s, __u64 dentry, __u64 vfsmount)
{
	struct dentry *d = AT(dentry, dentry);
	struct mount *mnt = mount_of(vfsmount);
	__u64 ns = NUMBER(s, READ(mnt, mnt_ns));

	s->walk_start = s->ev.len;
	s->walk_mark = 0;
	s->walk_flags = EBPF_W_DONE;
	if (ns >= (__u64)-4095) { /* the kernel's own mounts: pipefs, sockfs, shm, ... */
		s->walk_flags |= EBPF_W_NOPATH;
		return false;
	}
	if (!ns)
		s->walk_flags |= EBPF_W_DETACHED;
	if (!READ(d, d_hash.pprev) && (__u64)READ(d, d_parent) != dentry)
		s->walk_flags |= EBPF_W_DELETED;
	s->dentry = dentry;
	s->mnt = vfsmount - bpf_core_field_offset(struct mount, mnt);
	s->mnt_root = (__u64)READ(mnt, mnt.mnt_root);
	s->target_root = target_root;
	return true;
}

static __always_inline int walk_end(struct scratch *s, __u32 which)
{
	struct ebpf_walk *out;

	if (which >= EBPF_WALK_COUNT)
		return 0;
	out = &s->ev.walks[which];
	out->off = s->walk_start;
	out->len = s->ev.len - s->walk_start;
	out->mark = s->walk_mark;
	out->flags = s->walk_flags;
	return s->walk_flags;
}

/* A few steps. Returns 1 at the end. Verified once, however often it is called. */
__noinline int walk_block(__u32 slot)
{
	struct scratch *s = scratch_of(slot);

	if (!s)
		return 1;
	for (int i = 0; i < WALK_BLOCK; i++)
		if (walk_step(s))
			return 1;
	return 0;
}

/* Some blocks. Returns 1 at the end. */
__noinline int walk_chunk(__u32 slot)
{
	for (int i = 0; i < WALK_CHUNK; i++)
		if (walk_block(slot))
			return 1;
	return 0;
}

/* From the cursor to the end. */
static __always_inline void walk_up(struct scratch *s, __u32 slot)
{
	for (int i = 0; i < WALK_STEPS / (WALK_BLOCK * WALK_CHUNK); i++)
		if (walk_chunk(slot))
			return;
	s->walk_flags |= EBPF_W_TRUNC;
}

/*
 * In another mount namespace, or below a detached mount, the way up may miss the target's
 * root although the file lies below it: a bind mount of one of its directories, which is "/"
 * there or hangs somewhere else. So once more, within the file system, from directory to
 * directory. Returns false if that does not lead there either.
 */
__noinline int walk_in_fs(__u32 slot, __u64 dentry)
{
	struct scratch *s = scratch_of(slot);
	__u32 start, len, flags;

	if (!s)
		return 0;
	start = s->walk_start;
	len = s->ev.len;
	flags = s->walk_flags;
	s->walk_start = len; /* behind what there is, which may turn out to be the answer */
	s->walk_flags = flags & ~EBPF_W_DETACHED;
	s->dentry = dentry;
	s->mnt_root = 0;
	walk_up(s, slot);
	if ((s->walk_flags & (EBPF_W_INSIDE | EBPF_W_TRUNC)) == EBPF_W_INSIDE) {
		s->walk_flags &= ~EBPF_W_DETACHED; /* the file system's root ends this walk */
		return 1;
	}
	s->walk_start = start;
	s->walk_flags = flags;
	s->ev.len = len;
	return 0;
}

/* Returns the EBPF_W_* flags of the walk. */
__noinline int walk(__u32 slot, __u32 which, __u64 dentry, __u64 vfsmount)
{
	struct scratch *s = scratch_of(slot);

	if (!s)
		return 0;
	if (walk_begin(s, dentry, vfsmount)) {
		walk_up(s, slot);
		if (!(s->walk_flags & (EBPF_W_INSIDE | EBPF_W_TRUNC)))
			walk_in_fs(slot, dentry);
	}
	return walk_end(s, which);
}

static __always_inline void put_inode(struct ebpf_inode *out, __u64 dentry)
{
	struct dentry *d = AT(dentry, dentry);
	struct inode *inode = READ(d, d_inode);

	if (!inode)
		return;
	out->ino = READ(inode, i_ino);
	out->mode = READ(inode, i_mode);
	out->dev = READ(inode, i_sb, s_dev);
}

static __always_inline struct file *fd_file(struct task_struct *task, int fd)
{
	struct fdtable *fdt = READ(task, files, fdt);
	struct list_head *slot; /* something that begins with a pointer */

	if (!fdt || (__u32)fd >= READ(fdt, max_fds))
		return NULL;
	slot = AT(list_head, (__u64)READ(fdt, fd) + 8 * (__u64)(__u32)fd);
	return AT(file, READ(slot, next));
}

#endif
