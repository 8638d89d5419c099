/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A system call that takes a name has returned. */
#ifndef EBPF_CAPTURE_BPF_H
#define EBPF_CAPTURE_BPF_H

/* The root directory in a struct fs_struct, if it is not the target's. Returns EBPF_W_* or 0. */
__noinline int walk_root(__u32 slot, __u64 fs_struct)
{
	struct fs_struct *fs = AT(fs_struct, fs_struct);
	struct scratch *s = scratch_of(slot);
	__u64 dentry;

	if (!s)
		return 0;
	dentry = NUMBER(s, READ(fs, root.dentry));
	if (dentry == target_root)
		return 0;
	return walk(slot, EBPF_WALK_ROOT, dentry, NUMBER(s, READ(fs, root.mnt)));
}

/* What a successful open gave. Returns 0. */
__noinline int walk_opened(__u32 slot, int fd)
{
	struct scratch *s = scratch_of(slot);
	struct file *file = fd_file(CURRENT(), fd);
	__u64 dentry;

	if (!s || !file) /* another thread has closed it already */
		return 0;
	s->ev.bits |= EBPF_E_FILE;
	if (READ(file, f_mode) & FMODE_CREATED_)
		s->ev.bits |= EBPF_E_CREATED;
	dentry = NUMBER(s, READ(file, f_path.dentry));
	put_inode(&s->ev.inodes[0], dentry);
	if (use_d_path && !(s->ev.flags & O_PATH_) && take_opened(slot, NUMBER(s, file), dentry))
		return 0;
	return walk(slot, EBPF_WALK_RESOLVED, dentry, NUMBER(s, READ(file, f_path.mnt)));
}

/*
 * Name `idx` of the call: reads it and walks to where it starts. Returns 1 if it is a fact.
 */
__noinline int take_name(__u32 slot, __u32 which)
{
	struct scratch *s = scratch_of(slot);
	__u32 idx = ONE_BIT(which);
	struct ebpf_row *row;
	int arg, dirfd, dfd = AT_FDCWD_, st, w;
	__u32 bits;
	bool is_fd;

	if (!s)
		return 0;
	row = &s->row;
	bits = row->bits;
	arg = idx ? row->path2 : row->path;
	dirfd = idx ? row->dirfd2 : row->dirfd;
	if (dirfd >= 0)
		dfd = (int)s->args[dirfd & 7];
	if (bits & EBPF_SYS_FD) {
		is_fd = true;
		st = EBPF_S_NULL;
	} else {
		__u64 ptr = s->args[arg & 7];

		if (!idx && slot == SLOT_SYS_EXIT && s->early >= 0)
			st = s->early;
		else if (bits & EBPF_SYS_SOCKADDR)
			st = read_sockaddr(slot, ptr, (__u32)s->args[(arg + 1) & 7]);
		else if (s->kernel_names)
			st = read_kernel_name(slot, idx, ptr);
		else
			st = read_name(slot, idx, ptr);
		is_fd = false;
		if (st & EBPF_S_NULL) {
			if (bits & (EBPF_SYS_NULL_OK | EBPF_SYS_SOCKADDR))
				return 0;
			is_fd = idx == 0 && names_fd(s, true);
		} else if (!(st & EBPF_S_UNREADABLE) && !s->first[idx] && !(st & EBPF_S_ABSTRACT)) {
			is_fd = idx == 0 ? names_fd(s, false) : (bits & EBPF_SYS_EMPTY_ALWAYS) != 0;
		}
	}
	if (idx == 0 && (bits & EBPF_SYS_SOURCE) && s->first[0] != '/' &&
	    !(s->ev.flags & (MS_BIND_ | MS_MOVE_)))
		return 0; /* a device or a word, not a file */
	if (bits & EBPF_SYS_SOURCE && st & EBPF_S_NULL && idx == 0)
		return 0;
	if ((bits & EBPF_SYS_OUT_BUF) && clobbered(s, arg))
		st |= EBPF_S_CLOBBERED;
	if (is_fd) {
		w = walk_base(slot, idx ? EBPF_WALK_BASE2 : EBPF_WALK_BASE, dfd, 1);
		if (!w || (w & EBPF_W_NOPATH)) /* no file, or none with a path */
			return 0;
		st |= EBPF_S_FD;
	} else if (s->first[idx] != '/' && !(st & (EBPF_S_ABSTRACT | EBPF_S_UNREADABLE)) &&
		   !(s->ev.bits & EBPF_E_OLD_CWD)) {
		s->in_proc = 0;
		walk_base(slot, idx ? EBPF_WALK_BASE2 : EBPF_WALK_BASE, dfd, 0);
		if (s->in_proc)
			st |= walk_magic(slot, idx);
	} else if (s->ev.kind == EBPF_KIND_PATH && s->ev.ret >= 0 && s->first[idx] == '/' && !st) {
		st |= walk_magic(slot, idx);
	} else if (idx == 0 && (s->ev.resolve & RESOLVE_IN_ROOT_)) {
		walk_base(slot, EBPF_WALK_BASE, dfd, 0);
	}
	s->ev.strings[idx].flags = st | EBPF_S_PRESENT;
	return 1;
}

/* New working and root directory, after the calls that change them. */
static __always_inline void directories(struct scratch *s, struct task_struct *task, __u8 kind)
{
	if (kind == EBPF_KIND_CHDIR) {
		walk_base(SLOT_SYS_EXIT, EBPF_WALK_RESOLVED, AT_FDCWD_, 1);
	} else if (kind == EBPF_KIND_CHROOT) {
		__u64 dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);

		put_inode(&s->ev.inodes[0], dentry);
		walk(SLOT_SYS_EXIT, EBPF_WALK_RESOLVED, dentry,
		     (__u64)BPF_CORE_READ(task, fs, root.mnt));
	} else {
		walk_base(SLOT_SYS_EXIT, EBPF_WALK_BASE, AT_FDCWD_, 0);
	}
}

/* The call's record, but for what is known of its names already. */
static __always_inline void record_call(struct scratch *s, struct task_struct *task, __u32 compat)
{
	__u64 flags = s->ev.flags, resolve = s->ev.resolve;
	struct ebpf_string name = s->ev.strings[0];
	int nr = s->ev.nr;
	long ret = s->ev.ret;
	__u8 kind = s->ev.kind;
	__u32 len = s->ev.len;

	record(s, task, kind == EBPF_KIND_STATE ? EBPF_STATE : EBPF_ACCESS);
	s->ev.kind = kind;
	s->ev.nr = nr;
	s->ev.ret = ret;
	s->ev.flags = flags;
	s->ev.resolve = resolve;
	if (s->early >= 0) {
		s->ev.strings[0] = name;
		s->ev.len = len;
	}
	s->ev.bits = s->foldable | (compat ? EBPF_E_COMPAT : 0);
	s->ev.fold = s->fold;
}

/* Names and places of the call in the scratch. Returns the number of facts. */
static __always_inline __u32 take_call(struct scratch *s, struct task_struct *task)
{
	__u8 kind = s->ev.kind;
	__u32 facts;

	if (s->ev.ret == 0 && kind >= EBPF_KIND_CHDIR) {
		if (kind != EBPF_KIND_CHROOT)
			s->ev.bits |= EBPF_E_OLD_CWD;
		if (kind != EBPF_KIND_CHDIR)
			s->ev.bits |= EBPF_E_OLD_ROOT;
		directories(s, task, kind);
	}
	walk_root(SLOT_SYS_EXIT, s->ev.fs);
	if (kind == EBPF_KIND_OPEN && s->ev.ret >= 0)
		walk_opened(SLOT_SYS_EXIT, s->ev.ret);
	if (s->row.bits & EBPF_SYS_NOPATH) {
		s->ev.strings[0].flags = EBPF_S_PRESENT | EBPF_S_NULL;
		return 1;
	}
	if (kind == EBPF_KIND_STATE)
		return 0;
	facts = take_name(SLOT_SYS_EXIT, 0);
	if (s->row.path2 >= 0)
		facts += take_name(SLOT_SYS_EXIT, 1);
	return facts;
}

static __always_inline int call_returned(struct pt_regs *regs, long ret, bool direct)
{
	struct task_struct *task;
	const volatile struct ebpf_row *row;
	struct scratch *s;
	__u64 nr = regs->orig_ax;
	__u32 tgid, table, facts;
	__u8 kind;

	if (nr >= EBPF_NR_LIMIT || !(rows[nr].kind | rows[EBPF_NR_LIMIT + nr].kind))
		return 0;
	task = direct && !CASTS ? bpf_get_current_task_btf() : CURRENT();
	tgid = direct ? task->tgid : bpf_get_current_pid_tgid() >> 32;
	if (fold && ret == 0)
		fold_moves(nr, task, regs, direct);
	s = scratch_of(SLOT_SYS_EXIT);
	if (!s || !traced_again(s, task, tgid))
		return 0;
	table = is_compat(task, direct);
	row = &rows[(nr + table * EBPF_NR_LIMIT) & (2 * EBPF_NR_LIMIT - 1)];
	kind = row->kind;
	if (kind == EBPF_KIND_NONE || (ret <= -512 && ret >= -516)) /* will be restarted */
		return 0;
	if (ret == 0 && kind == EBPF_KIND_EXEC) /* told by sched_process_exec */
		return 0;
	if (ret < 0 && (kind == EBPF_KIND_STATE || (row->bits & EBPF_SYS_NOPATH)))
		return 0;
	s->row = *(const struct ebpf_row *)row;
	s->ev.kind = kind;
	s->ev.nr = nr;
	s->ev.ret = ret;
	s->ev.flags = s->ev.resolve = 0;
	read_args(s, regs, table);
	read_flags(s);
	if (fold_begin(s, table, direct)) {
		if (use_d_path && kind == EBPF_KIND_OPEN && ret >= 0)
			forget_opened(s, task, ret);
		return 0;
	}
	record_call(s, task, table);
	facts = take_call(s, task);
	if (!facts && kind != EBPF_KIND_STATE)
		return 0;
	if (deliver(s, facts) && s->foldable)
		fold_add(s);
	return 0;
}

#endif
