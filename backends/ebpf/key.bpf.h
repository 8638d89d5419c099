/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What a call is known by, see fold.bpf.h: the words of its key, and their hash. */
#ifndef EBPF_KEY_BPF_H
#define EBPF_KEY_BPF_H

#define DCACHE_OP_REVALIDATE_ 4
#define O_CREAT_              0100
#define O_TMPFILE_            020000000
#define HASH_BLOCK            8 /* words in the innermost loop */
#define PLACE_WORDS           6

/* Written by user space before the load. */
const volatile __u64 fold_a[EBPF_FOLD_WORDS] = {}; /* secret, odd */
const volatile __u64 fold_b[EBPF_FOLD_WORDS] = {};
const volatile __u64 fold_seed[4] = {};

unsigned int generation = 0;

/* Of the words of a key, which are collected in memory: there a pointer is a number. */
enum {
	WORD_CALL,
	WORD_FLAGS,
	WORD_RESOLVE,
	WORD_PROCESS,
	WORD_START,
	WORD_ROOT,
	WORD_ROOT_MOUNT,
	WORD_GENERATION,
	WORD_MOUNTS,
	WORD_BASE,
	WORD_FILE = WORD_BASE + PLACE_WORDS,
	WORD_FILE_DIR = WORD_FILE + PLACE_WORDS,
	WORD_COUNT
};

_Static_assert(WORD_COUNT == EBPF_FOLD_WORDS, "one factor for each word");

static __always_inline void put(struct scratch *s, __u32 at, __u64 word)
{
	*(volatile __u64 *)&s->words[at] = word;
}

/* Adds the words [from, to), both of which are constants, to the two lanes. */
static __always_inline void hash_words(struct scratch *s, int from, int to)
{
	__u64 a = s->fold.a, b = s->fold.b;

#pragma unroll
	for (int i = from; i < to; i++) {
		__u64 word = *(volatile __u64 *)&s->words[i]; /* a number, see above */

		a += fold_a[i] * word;
		b += fold_b[i] * word;
	}
	s->fold.a = a;
	s->fold.b = b;
}

/* Some words of the name. Returns true at its end. */
static __always_inline bool hash_some(struct scratch *s)
{
	__u64 a = s->fold.a, b = s->fold.b;
	__u32 at = s->hash_at, len = s->ev.strings[0].len;

	for (int i = 0; i < HASH_BLOCK && at < len; i++) {
		__u64 word = ((__u64 *)s->data)[(at / 8) & (EBPF_PATH_MAX / 8 - 1)];

		if (len - at < 8)
			word &= ((__u64)1 << (8 * ((len - at) & 7))) - 1;
		a = (a ^ word) * fold_seed[2];
		a ^= a >> 32;
		b = (b + word) * fold_seed[3];
		b ^= b >> 29;
		at += 8;
	}
	s->fold.a = a;
	s->fold.b = b;
	s->hash_at = at;
	return at >= len;
}

/* The same, verified once. What it knows is in the map value, as in walk_step(). */
__noinline int hash_block(__u32 slot)
{
	struct scratch *s = scratch_of(slot);

	return !s || hash_some(s);
}

static __always_inline __u64 dentry_word(struct scratch *s, struct dentry *dentry, __u32 off)
{
	__u64 word = 0;

	if (off + 8 <= sizeof(s->dentry_bytes))
		return *(__u64 *)(s->dentry_bytes + off);
	bpf_probe_read_kernel(&word, sizeof(word), (void *)dentry + off);
	return word;
}

/*
 * A place in the tree of names: six words from `at` on. Returns false if what is there can change
 * unseen.
 */
static __always_inline bool put_place(struct scratch *s, __u32 at, struct dentry *dentry, __u64 mnt,
				      bool direct)
{
	__u64 flags, parent, name, pprev;
	struct inode *inode;

	put(s, at, mnt);
	put(s, at + 1, (__u64)dentry);
	if (direct) {
		flags = dentry->d_flags;
		put(s, at + 2, (__u64)dentry->d_parent);
		/* Not hash_len: the verifier of Linux 6.1 takes the first member of the union. */
		put(s, at + 3, dentry->d_name.hash + dentry->d_name.len * 0x9e3779b97f4a7c15ull);
		put(s, at + 4, dentry->d_hash.pprev ? 0 : 1);
		inode = dentry->d_inode;
		put(s, at + 5, inode->i_ino);
		if (s->ev.kind == EBPF_KIND_PATH && inode->i_sb->s_magic == PROC_MAGIC_)
			return false; /* may lead through a link that only the kernel can follow */
		return !(flags & DCACHE_OP_REVALIDATE_);
	}
	if (!dentry || bpf_probe_read_kernel(s->dentry_bytes, sizeof(s->dentry_bytes), dentry))
		return false;
	flags = dentry_word(s, dentry, bpf_core_field_offset(struct dentry, d_flags));
	parent = dentry_word(s, dentry, bpf_core_field_offset(struct dentry, d_parent));
	name = dentry_word(s, dentry, bpf_core_field_offset(struct dentry, d_name.hash_len));
	pprev = dentry_word(s, dentry, bpf_core_field_offset(struct dentry, d_hash.pprev));
	inode = (void *)dentry_word(s, dentry, bpf_core_field_offset(struct dentry, d_inode));
	put(s, at + 2, parent);
	put(s, at + 3, name);
	put(s, at + 4, !pprev);
	put(s, at + 5, inode ? BPF_CORE_READ(inode, i_ino) : 0);
	if (inode && s->ev.kind == EBPF_KIND_PATH &&
	    BPF_CORE_READ(inode, i_sb, s_magic) == PROC_MAGIC_)
		return false;
	return !(flags & DCACHE_OP_REVALIDATE_);
}

/* The place of an open file. */
static __always_inline bool put_file(struct scratch *s, __u32 at, struct file *file)
{
	struct path path;

	if (CASTS)
		return put_place(s, at, READ(file, f_path.dentry), (__u64)READ(file, f_path.mnt),
				 true);
	bpf_core_read(&path, sizeof(path), &file->f_path); /* one call for both */
	return put_place(s, at, path.dentry, (__u64)path.mnt, false);
}

static __always_inline struct file *fold_file(struct task_struct *task, int fd, bool direct)
{
	struct file *file = NULL;
	struct fdtable *fdt;
	struct file **fds;

	if (!direct || CASTS)
		return fd_file(task, fd);
	fdt = task->files->fdt;
	if ((__u32)fd >= fdt->max_fds)
		return NULL;
	fds = fdt->fd;
	bpf_probe_read_kernel(&file, sizeof(file), fds + (__u32)fd);
	return file;
}

/* Does the absolute name begin like one that leads through a magic link? */
static __always_inline bool may_be_magic(struct scratch *s)
{
	__u64 word = *(__u64 *)s->data;
	const __u64 low6 = ((__u64)1 << 48) - 1;

	/* "/proc/", "/dev/f", "/dev/s", as the bytes lie in memory */
	return (word & low6) == 0x2f636f72702fULL || (word & low6) == 0x662f7665642fULL ||
	       (word & low6) == 0x732f7665642fULL;
}

/* The name of the call, read into the record before all else. Returns EBPF_S_*. */
static __always_inline int early_name(struct scratch *s)
{
	__u32 bits = s->row.bits;
	__u64 ptr = s->args[s->row.path & 7];

	s->ev.len = 0;
	s->ev.strings[0].off = 0; /* where there is no name, this is another record's */
	s->ev.strings[0].len = 0;
	s->first[0] = 0;
	if (bits & EBPF_SYS_FD)
		return EBPF_S_NULL;
	if (bits & EBPF_SYS_SOCKADDR)
		return read_sockaddr(SLOT_SYS_EXIT, ptr, (__u32)s->args[(s->row.path + 1) & 7]);
	return name_into(s, 0, ptr);
}

/* The directory that the name starts from, or the file that it stands for, if that is in the key.
 * Returns false: do not fold. */
static __always_inline bool put_base(struct scratch *s, struct task_struct *task, bool direct)
{
	int st = s->early;
	bool absolute = s->first[0] == '/' && !(st & EBPF_S_ABSTRACT);
	int dfd = AT_FDCWD_;
	struct file *file;

	s->based = false;
	if (s->ev.kind == EBPF_KIND_PATH && s->ev.ret >= 0 && absolute && may_be_magic(s))
		return false;
	if ((absolute && !s->ev.resolve) || (st & EBPF_S_ABSTRACT))
		return true;
	if (s->row.dirfd >= 0)
		dfd = (int)s->args[s->row.dirfd & 7];
	if (dfd == AT_FDCWD_) {
		struct fs_struct *fs = HOP(direct, task, fs);

		if (!put_place(s, WORD_BASE, HOP(direct, fs, pwd.dentry),
			       (__u64)HOP(direct, fs, pwd.mnt), direct))
			return false;
		hash_words(s, WORD_BASE, WORD_BASE + PLACE_WORDS);
		s->based = true;
		return true;
	}
	file = fold_file(task, dfd, direct);
	if (!file) { /* then there is no base */
		put(s, WORD_BASE, 1);
		hash_words(s, WORD_BASE, WORD_BASE + 1);
		return true;
	}
	if (!put_file(s, WORD_BASE, file))
		return false;
	hash_words(s, WORD_BASE, WORD_BASE + PLACE_WORDS);
	s->based = true;
	return true;
}

/* The opened file. */
static __always_inline bool put_opened(struct scratch *s, struct task_struct *task, bool direct)
{
	struct dentry *parent;
	struct file *file;

	if (s->ev.flags & O_TMPFILE_)
		return false;
	file = fold_file(task, (int)s->ev.ret, direct);
	if (!file)
		return false;
	if (((s->ev.flags & O_CREAT_) || s->row.flags < 0) && (READ(file, f_mode) & FMODE_CREATED_))
		return false;
	if (!put_file(s, WORD_FILE, file))
		return false;
	/* More than one directory may have it. */
	parent = AT(dentry, *(volatile __u64 *)&s->words[WORD_FILE + 2]);
	put(s, WORD_FILE_DIR, READ(parent, d_inode, i_ino));
	hash_words(s, WORD_FILE, WORD_COUNT);
	return true;
}

static __always_inline void put_process(struct scratch *s, struct task_struct *task, bool direct)
{
	struct fs_struct *fs = HOP(direct, task, fs);
	struct task_struct *leader = HOP(direct, task, group_leader);
	struct nsproxy *nsproxy = HOP(direct, task, nsproxy);
	struct mnt_namespace *ns = HOP(direct, nsproxy, mnt_ns);

	put(s, WORD_PROCESS,
	    (__u32)HOP(direct, task, tgid) | HOP(direct, task, self_exec_id) << 32);
	put(s, WORD_START, HOP(direct, leader, start_time));
	put(s, WORD_ROOT, (__u64)HOP(direct, fs, root.dentry));
	put(s, WORD_ROOT_MOUNT, (__u64)HOP(direct, fs, root.mnt));
	put(s, WORD_GENERATION, generation);
	put(s, WORD_MOUNTS, HOP(direct, ns, event));
	hash_words(s, 0, WORD_BASE);
}

#endif
