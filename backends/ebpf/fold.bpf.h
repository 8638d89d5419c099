/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Repeats are counted, not told again. A call that has been told is known by a key: a seeded
 * hash of two lanes over everything that decides what its event means. What is looked up costs
 * a hash and a counter; the key is added only after the event was delivered, so that what was
 * lost is never taken as told, and where there is no room for a key there are only more events.
 *
 * In the key: call, error, flags; the process (its start and its execs, so the program); root
 * directory; name; the directory that it starts from and the file that it led to, each by its
 * place in the kernel's own tree of names. Such a place keeps its path as long as no directory
 * above it is renamed, removed or mounted over: `generation` grows whenever that can have happened,
 * by whomsoever. Where a file system changes names by itself (network, procfs), nothing is folded.
 */
#ifndef EBPF_FOLD_BPF_H
#define EBPF_FOLD_BPF_H

#define DCACHE_OP_REVALIDATE_ 4
#define O_CREAT_              0100
#define O_TMPFILE_            020000000
#define AT_REMOVEDIR_         0x200
#define EEXIST_               17
#define HASH_BLOCK            8 /* words in the innermost loop */
#define PLACE_WORDS           6

/* Written by user space before the load. */
const volatile bool fold = false;
const volatile __u64 fold_a[EBPF_FOLD_WORDS] = {}; /* secret, odd */
const volatile __u64 fold_b[EBPF_FOLD_WORDS] = {};
const volatile __u64 fold_seed[4] = {};

unsigned int generation = 0;
unsigned int fold_blind = 0; /* it may have grown unseen: from now on everything is told */
unsigned int fold_odd = 0;   /* which of the two maps is in use; user space empties the other one */
unsigned int fold_full = 0;  /* a key found no room in it */

#define FOLD_MAP(name)                                 \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_HASH);       \
		__uint(max_entries, 32768);            \
		__type(key, struct ebpf_fold_key);     \
		__type(value, struct ebpf_fold_value); \
	} name SEC(".maps")

FOLD_MAP(fold_even_map);
FOLD_MAP(fold_odd_map);

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

/*
 * The compiler would make one call of two that differ in the map. The kernel calls a map's own
 * function only where it knows the map, else by way of a table.
 */
#define KEEP_APART() asm volatile("" : : : "memory")

static __always_inline struct ebpf_fold_value *fold_lookup(struct scratch *s)
{
	struct ebpf_fold_value *value;

	if (s->foldable & EBPF_E_FOLD_ODD) {
		value = bpf_map_lookup_elem(&fold_odd_map, &s->fold);
		KEEP_APART();
		return value;
	}
	return bpf_map_lookup_elem(&fold_even_map, &s->fold);
}

/*
 * The time, up to a tick late: the clock takes long to be read, the number of the tick is a load.
 * (There is a helper for the like, which tracing programs may not call.)
 */
static __always_inline __u64 tick_time(struct scratch *s)
{
	__u64 tick = bpf_jiffies64();

	if (s->tick != tick) {
		s->tick_ns = bpf_ktime_get_ns();
		s->tick = tick;
	}
	return s->tick_ns;
}

/* Counts the call whose key is made, if it was told before. */
static __always_inline int fold_count(struct scratch *s)
{
	struct ebpf_fold_value *value;

	s->foldable = EBPF_E_FOLD | (fold_odd & 1 ? EBPF_E_FOLD_ODD : 0);
	value = fold_lookup(s);
	if (!value)
		return 0;
	__sync_fetch_and_add(&value->count, 1);
	value->last = tick_time(s);
	return 1;
}

/*
 * Whether the call in the scratch was told before: then it is counted and 1 is returned. Else 0,
 * and `foldable` tells whether it may be remembered.
 */
static __always_inline int fold_find(struct task_struct *task, __u32 compat, bool direct)
{
	__u32 slot = SLOT_SYS_EXIT;
	struct scratch *s = scratch_of(slot);
	int st;

	if (!s)
		return 0;
	st = early_name(s);
	s->early = st;
	if ((st & (EBPF_S_UNREADABLE | EBPF_S_TRUNCATED)) ||
	    ((s->row.bits & EBPF_SYS_OUT_BUF) && clobbered(s, s->row.path)))
		return 0;
	s->fold.a = fold_seed[0];
	s->fold.b = fold_seed[1];
	put(s, WORD_CALL,
	    (__u64)s->ev.nr | (__u64)compat << 9 |
		    (__u64)(s->ev.ret < 0 ? (__u32)-s->ev.ret : 0) << 10 | (__u64)(__u32)st << 32 |
		    (__u64)s->ev.strings[0].len << 48);
	put(s, WORD_FLAGS, s->ev.flags);
	put(s, WORD_RESOLVE, s->ev.resolve);
	put_process(s, task, direct);
	if (!put_base(s, task, direct))
		return 0;
	if (s->ev.kind == EBPF_KIND_OPEN && s->ev.ret >= 0 && !put_opened(s, task, direct))
		return 0;
	s->hash_at = 0;
	if (!hash_some(s))
		for (int i = 1; i < EBPF_PATH_MAX / 8 / HASH_BLOCK; i++)
			if (hash_block(slot))
				break;
	return fold_count(s);
}

/*
 * Functions of their own, which the verifier goes through once; and no more of them than
 * these, because on processors whose returns are made safe one costs as much as twenty
 * instructions.
 */
__noinline int fold_find_direct(__u32 compat)
{
	return fold_find(CASTS ? CURRENT() : bpf_get_current_task_btf(), compat, true);
}

__noinline int fold_find_plain(__u32 compat)
{
	return fold_find(CURRENT(), compat, false);
}

/* Starts looking at a call. Returns 1 if it was told before. */
static __always_inline int fold_begin(struct scratch *s, __u32 compat, bool direct)
{
	__u32 may = s->ev.ret < 0 ? EBPF_FOLD_FAILED : EBPF_FOLD_OK;

	s->early = -1;
	s->foldable = 0;
	if (!fold || fold_blind || !(s->row.fold & may))
		return 0;
	return direct ? fold_find_direct(compat) : fold_find_plain(compat);
}

/* The record is delivered: from now on its repeats are counted. */
static __always_inline void fold_add(struct scratch *s)
{
	struct ebpf_fold_value value = {.last = s->ev.ts};
	long rc; /* before Linux 6.4 only 32 bits are right */

	if (s->foldable & EBPF_E_FOLD_ODD) {
		rc = bpf_map_update_elem(&fold_odd_map, &s->fold, &value, BPF_NOEXIST);
		KEEP_APART();
	} else {
		rc = bpf_map_update_elem(&fold_even_map, &s->fold, &value, BPF_NOEXIST);
	}
	if ((int)rc &&
	    (int)rc != -EEXIST_) /* -EEXIST: another thread was faster, and was told, too */
		fold_full = 1;
}

/* A call in the table has succeeded, whoever made it: can directories have other paths now? */
static __always_inline void fold_moves(__u64 nr, struct task_struct *task, struct pt_regs *regs,
				       bool direct)
{
	__u32 moves = EBPF_FOLD_MOVES | EBPF_FOLD_RMDIR;
	__u32 table, how;

	if (!((rows[nr].fold | rows[EBPF_NR_LIMIT + nr].fold) & moves))
		return;
	table = is_compat(task, direct);
	how = rows[(nr + table * EBPF_NR_LIMIT) & (2 * EBPF_NR_LIMIT - 1)].fold & moves;
	/* The flags of unlinkat are the third argument, which is in the same register in either
	 * ABI. */
	if (how == EBPF_FOLD_RMDIR && !(regs->dx & AT_REMOVEDIR_))
		how = 0;
	if (how)
		__sync_fetch_and_add(&generation, 1);
}

#endif
