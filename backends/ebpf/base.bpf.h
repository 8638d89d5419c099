/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Where names begin; and those that may lead through a link that only the kernel can follow. */
#ifndef EBPF_BASE_BPF_H
#define EBPF_BASE_BPF_H

/* May the way up from the directory be that of the last time? Then its key decides. */
static __always_inline bool memo_may(struct scratch *s, __u32 slot, __u32 which, int inode)
{
	return slot == SLOT_SYS_EXIT && which == EBPF_WALK_BASE && !inode && s->foldable &&
	       s->based;
}

static __always_inline __u64 memo_word(struct scratch *s, int i)
{
	return *(volatile __u64 *)&s->words[i < PLACE_WORDS    ? WORD_BASE + i
					    : i == PLACE_WORDS ? WORD_GENERATION
							       : WORD_MOUNTS];
}

/*
 * As long as the words are the same, so are the names: that is what folding goes by, too. Most
 * names start where the one before did.
 */
static __always_inline bool memo_take(struct scratch *s)
{
	struct ebpf_walk *out = &s->ev.walks[EBPF_WALK_BASE];
	struct memo *memo = &s->memo;
	__u32 at, len;

#pragma unroll
	for (int i = 0; i < MEMO_WORDS; i++)
		if (memo_word(s, i) != memo->words[i])
			return false;
	/* Read right before they are checked and used, as in walk_step(). */
	at = *(volatile __u32 *)&s->ev.len;
	len = *(volatile __u32 *)&memo->len;
	if (!len || len > MEMO_ROOM || at > EBPF_DATA_MAX ||
	    bpf_probe_read_kernel(&s->data[at], len, memo->names))
		return false;
	at = *(volatile __u32 *)&s->ev.len;
	len = *(volatile __u32 *)&memo->len;
	out->off = at;
	out->len = len;
	out->mark = memo->mark;
	out->flags = memo->flags;
	s->ev.len = at + len;
	s->walk_flags = memo->flags;
	return true;
}

static __always_inline void memo_keep(struct scratch *s)
{
	struct ebpf_walk *walked = &s->ev.walks[EBPF_WALK_BASE];
	struct memo *memo = &s->memo;
	__u32 at, len;

	memo->len = 0;
	if (walked->flags & ~(EBPF_W_DONE | EBPF_W_INSIDE)) /* anything else is rare */
		return;
	at = *(volatile __u16 *)&walked->off;
	len = *(volatile __u16 *)&walked->len;
	if (!len || len > MEMO_ROOM || at > EBPF_DATA_MAX ||
	    bpf_probe_read_kernel(memo->names, len, &s->data[at]))
		return;
#pragma unroll
	for (int i = 0; i < MEMO_WORDS; i++)
		memo->words[i] = memo_word(s, i);
	memo->mark = walked->mark;
	memo->flags = walked->flags;
	memo->len = walked->len;
}

/*
 * Walks from the directory that `dfd` stands for (AT_FDCWD: the working directory). With
 * `inode`, that is the file itself and its inode is wanted. Returns the EBPF_W_* flags, 0
 * if there is no such descriptor.
 */
__noinline int walk_base(__u32 slot, __u32 which, int dfd, int inode)
{
	struct task_struct *task = CURRENT();
	struct scratch *s = scratch_of(slot);
	struct dentry *d;
	__u64 dentry, mnt;
	int flags;

	if (!s)
		return 0;
	if (memo_may(s, slot, which, inode) && memo_take(s))
		return s->walk_flags;
	if (dfd == AT_FDCWD_) {
		dentry = NUMBER(s, READ(task, fs, pwd.dentry));
		mnt = NUMBER(s, READ(task, fs, pwd.mnt));
	} else {
		struct file *file = fd_file(task, dfd);

		if (!file)
			return 0;
		dentry = NUMBER(s, READ(file, f_path.dentry));
		mnt = NUMBER(s, READ(file, f_path.mnt));
	}
	if (inode)
		put_inode(&s->ev.inodes[0], dentry);
	d = AT(dentry, dentry);
	s->in_proc = s->ev.kind == EBPF_KIND_PATH && READ(d, d_inode, i_sb, s_magic) == PROC_MAGIC_;
	flags = walk(slot, which, dentry, mnt);
	if (memo_may(s, slot, which, inode))
		memo_keep(s);
	return flags;
}

static __always_inline bool head_is(const char *head, const char *what, int len)
{
	for (int i = 0; i < len; i++)
		if (head[i] != what[i])
			return false;
	return true;
}

/*
 * The next byte of the search for the first "fd/N". Returns 1 at the end. What it knows is in the
 * map value, and it is a function of its own, so that it is verified once.
 */
__noinline int head_step(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	__u32 at, fd;
	char c;

	if (!s)
		return 1;
	at = s->head_at;
	fd = s->head_fd;
	if (at >= HEAD_ROOM)
		return 1;
	c = s->head[at];
	s->head_at = at + 1;
	if (!c)
		return 1;
	if (s->head_state < 3) { /* how much of "fd/" has matched */
		if (s->head_state == 0)
			s->head_state = c == 'f';
		else if (s->head_state == 1)
			s->head_state = c == 'd' ? 2 : c == 'f';
		else
			s->head_state = c == '/' ? 3 : c == 'f';
		return 0;
	}
	if (c < '0' || c > '9') {
		s->head_state = 0;
		return fd != EBPF_NO_FD;
	}
	s->head_fd = fd == EBPF_NO_FD ? (__u32)(c - '0') : (fd * 10 + (c - '0')) & 0xffff;
	return 0;
}

/*
 * Name `which`, which begins with "/proc/" or in a procfs, or with "/dev/", may lead through a
 * link that only the kernel can follow: walks from where it is likely to lead. User space looks at
 * the name closely. Returns EBPF_S_MAGIC or 0.
 */
__noinline int walk_magic(__u32 slot, __u32 which)
{
	struct scratch *s = scratch_of(slot);
	__u32 idx = ONE_BIT(which), off, fd;
	char *head;
	bool dev;

	if (!s)
		return 0;
	off = s->ev.strings[idx].off;
	head = s->head;
	if (off > EBPF_DATA_MAX || bpf_probe_read_kernel_str(head, HEAD_ROOM, &s->data[off]) < 3)
		return 0;
	dev = head_is(head, "/dev/", 5);
	if (head[0] == '/' && !dev && !head_is(head, "/proc/", 6))
		return 0;
	s->head_at = s->head_state = 0;
	s->head_fd = EBPF_NO_FD;
	for (int i = 0; i < HEAD_ROOM; i++)
		if (head_step(slot))
			break;
	fd = s->head_fd;
	if (dev && head_is(head + 5, "std", 3))
		fd = head[8] == 'i' ? 0 : head[8] == 'o' ? 1 : 2;
	else if (dev && fd == EBPF_NO_FD)
		return 0;
	s->ev.strings[idx].fd = fd;
	walk_base(slot, idx ? EBPF_WALK_MAGIC2 : EBPF_WALK_MAGIC,
		  fd == EBPF_NO_FD ? AT_FDCWD_ : (int)fd, 0);
	return EBPF_S_MAGIC;
}

#endif
