// SPDX-License-Identifier: MIT
/* Records of the kernel programs -> events. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "ebpf.h"

#define RESOLVE_IN_ROOT_ 0x10
#define ERRNO_MAX        4095

void decode_emit(struct ebpf *e, const struct tkit_event *event)
{
	int rc = e->rc ? 0 : tkit_emit(e->ctx, event);

	e->emitted++;
	if (rc && !e->rc)
		e->rc = rc;
	if (e->folding)
		fold_keep(e, event);
}

void decode_lose(struct ebpf *e, enum tkit_loss reason, uint64_t n, const char *detail)
{
	int rc = e->rc ? 0 : tkit_lose(e->ctx, reason, n, detail);

	e->lost += n;
	if (rc && !e->rc)
		e->rc = rc;
}

/* Turns names that go up into a path that goes down. */
static struct tkit_bytes turn(struct ebpf *e, const char *names, size_t len)
{
	char *path = e->text + e->used;
	char *end = path + len + 1;
	char *p = end;
	size_t i = 0;

	if (len + 1 > sizeof(e->text) - e->used)
		return (struct tkit_bytes){NULL, 0};
	while (i < len) {
		size_t n = strnlen(names + i, len - i);

		if (n + 1 > (size_t)(p - path))
			break;
		p -= n;
		memcpy(p, names + i, n);
		*--p = '/';
		i += n + 1;
	}
	if (p == end)
		*--p = '/';
	e->used += len + 1;
	return (struct tkit_bytes){p, (size_t)(end - p)};
}

struct place decode_place(struct ebpf *e, const struct ebpf_event *ev, int which)
{
	const struct ebpf_walk *walk = &ev->walks[which];
	struct place place = {.flags = walk->flags};
	size_t len = walk->len;

	if (!(walk->flags & EBPF_W_DONE) || (walk->flags & EBPF_W_NOPATH) ||
	    (size_t)walk->off + walk->len > ev->len)
		return place;
	if ((walk->flags & EBPF_W_INSIDE) && walk->mark <= walk->len)
		len = walk->mark;
	else
		place.outside = true;
	/* What is mounted by itself, on a mount that hangs nowhere: no name leads there. */
	if (place.outside && (walk->flags & EBPF_W_DETACHED) && !len)
		return place;
	if (walk->flags & EBPF_W_PATH)
		place.path = (struct tkit_bytes){ev->data + walk->off, walk->len};
	else
		place.path = turn(e, ev->data + walk->off, len);
	place.known = place.path.len != 0;
	return place;
}

bool decode_is_base(const struct place *place)
{
	return place->known && !place->outside &&
	       !(place->flags & (EBPF_W_TRUNC | EBPF_W_DELETED | EBPF_W_DETACHED));
}

struct tkit_bytes decode_string(const struct ebpf_event *ev, int idx)
{
	const struct ebpf_string *s = &ev->strings[idx];

	if ((size_t)s->off + s->len > ev->len)
		return (struct tkit_bytes){NULL, 0};
	return (struct tkit_bytes){ev->data + s->off, s->len};
}

void decode_head(const struct ebpf *e, const struct ebpf_event *ev, enum tkit_event_type type,
		 struct tkit_event *out)
{
	const struct known *process = table_find(&e->processes, (uint64_t)ev->pid);

	tkit_event_init(out, type);
	out->valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_CGROUP | TKIT_V_COMM;
	out->ts_ns = ev->ts;
	out->pid = ev->pid;
	out->tid = ev->tid;
	out->cgroup = ev->cgroup;
	if (ev->ppid) {
		out->ppid = ev->ppid;
		out->valid |= TKIT_V_PPID;
	}
	out->comm = (struct tkit_bytes){ev->comm, strnlen(ev->comm, sizeof(ev->comm))};
	if (process && process->exe) {
		out->exe = text_bytes(process->exe);
		out->valid |= TKIT_V_EXE;
	}
}

void decode_inode(struct tkit_event *out, const struct ebpf_inode *inode)
{
	if (!inode->mode)
		return;
	out->dev = makedev(inode->dev >> 20, inode->dev & 0xfffff);
	out->ino = inode->ino;
	out->mode = inode->mode;
	out->valid |= TKIT_V_INODE;
}

void decode_root(struct tkit_event *out, const struct place *root)
{
	if (!root->known)
		return;
	out->root = root->outside ? (struct tkit_bytes){"", 0} : root->path;
	out->valid |= TKIT_V_ROOT;
}

/* The root directory as it was before a call that has changed it. */
static struct place old_root(const struct known *dirs)
{
	struct place place = {0};

	if (dirs && dirs->root) {
		place.known = true;
		place.outside = dirs->root_outside;
		place.path = text_bytes(dirs->root);
	}
	return place;
}

static void set_resolved(struct ebpf *e, struct tkit_event *out, const struct place *place,
			 const struct ebpf_inode *inode)
{
	if (!(place->flags & EBPF_W_DONE))
		return;
	decode_inode(out, inode);
	if (!place->known)
		return;
	out->resolved = place->path;
	out->valid |= TKIT_V_RESOLVED;
	if (place->outside)
		out->pflags |= TKIT_P_OUTSIDE_ROOT;
	if (place->flags & EBPF_W_DELETED)
		out->pflags |= TKIT_P_DELETED;
	if (place->flags & EBPF_W_TRUNC) {
		out->pflags |= TKIT_P_RES_TRUNC;
		e->extra++;
		decode_lose(e, TKIT_LOSS_TRUNCATED, 1,
			    "a directory too deep to follow to its root");
	}
}

static void set_string(const struct ebpf_event *ev, const struct tkit_syscall *sys, int idx,
		       struct tkit_event *out)
{
	const struct ebpf_string *s = &ev->strings[idx];
	struct tkit_bytes bytes = decode_string(ev, idx);

	if (!bytes.ptr || (s->flags & EBPF_S_UNREADABLE) ||
	    ((s->flags & EBPF_S_NULL) && !(s->flags & EBPF_S_FD))) {
		if (!(sys->bits & TKIT_SYS_NOPATH))
			out->pflags |= TKIT_P_UNREADABLE;
		return;
	}
	if (s->flags & EBPF_S_NULL)
		return;
	if (s->flags & EBPF_S_ABSTRACT) { /* the NUL in front is only its mark */
		out->pflags |= TKIT_P_ABSTRACT;
		bytes.ptr++;
		bytes.len--;
	} else if (bytes.len) {
		bytes.len = strnlen(bytes.ptr, bytes.len);
	}
	out->path = bytes;
	out->valid |= TKIT_V_PATH;
	if (s->flags & EBPF_S_TRUNCATED)
		out->pflags |= TKIT_P_TRUNCATED;
	if (s->flags & EBPF_S_CLOBBERED)
		out->pflags |= TKIT_P_CLOBBERED;
}

static void set_base(struct ebpf *e, const struct ebpf_event *ev, int idx, struct tkit_event *out)
{
	bool relative = !(out->valid & TKIT_V_PATH) || !out->path.len || out->path.ptr[0] != '/';
	struct place place;

	if (out->pflags & (TKIT_P_ABSTRACT | TKIT_P_UNREADABLE))
		return;
	if ((ev->bits & EBPF_E_OLD_CWD) && relative && !(ev->strings[idx].flags & EBPF_S_FD)) {
		const struct known *dirs = table_find(&e->dirs, ev->fs);

		if (dirs && dirs->cwd) {
			out->base = text_bytes(dirs->cwd);
			out->valid |= TKIT_V_BASE;
		}
		return;
	}
	if (!relative && !(ev->resolve & RESOLVE_IN_ROOT_))
		return;
	place = decode_place(e, ev, idx ? EBPF_WALK_BASE2 : EBPF_WALK_BASE);
	if (!relative) { /* openat2: the dirfd is the root for this one call */
		out->valid &= ~TKIT_V_ROOT;
		decode_root(out, &place);
		return;
	}
	if (ev->strings[idx].flags & EBPF_S_FD) {
		set_resolved(e, out, &place, &ev->inodes[0]);
		if (place.known && !(place.flags & EBPF_W_TRUNC)) {
			out->base = place.path;
			out->valid |= TKIT_V_BASE;
		}
	} else if (decode_is_base(&place)) {
		out->base = place.path;
		out->valid |= TKIT_V_BASE;
	} else if (place.outside) {
		out->pflags |= TKIT_P_OUTSIDE_ROOT;
	}
}

static void set_call(const struct ebpf_event *ev, const struct tkit_syscall *sys,
		     struct tkit_event *out)
{
	out->via = ev->bits & EBPF_E_URING    ? TKIT_VIA_IO_URING
		   : ev->bits & EBPF_E_COMPAT ? TKIT_VIA_COMPAT32
					      : TKIT_VIA_SYSCALL;
	out->arch = ev->bits & EBPF_E_COMPAT ? TKIT_ARCH_I386 : TKIT_ARCH_X86_64;
	out->sysno = ev->nr;
	out->ret = ev->ret;
	out->err = ev->ret < 0 && ev->ret >= -ERRNO_MAX ? (int32_t)-ev->ret : 0;
	out->valid |= TKIT_V_SYSNO | TKIT_V_RET | TKIT_V_ERR;
	if (ev->bits & EBPF_E_NO_RET)
		out->valid &= ~(uint64_t)TKIT_V_RET;
	if (ev->bits & EBPF_E_NO_ERR)
		out->valid &= ~(uint64_t)TKIT_V_ERR;
	if (sys->flags >= 0) {
		out->flags = ev->flags;
		out->valid |= TKIT_V_FLAGS;
	} else if (sys->bits & TKIT_SYS_CREAT) {
		out->flags = O_CREAT | O_WRONLY | O_TRUNC;
		out->valid |= TKIT_V_FLAGS;
	}
}

/* What the call led to: the opened file, the new directory. */
static void set_result(struct ebpf *e, const struct ebpf_event *ev, struct tkit_event *out)
{
	struct place place;

	if (ev->ret < 0 || out->valid & TKIT_V_RESOLVED || ev->kind == EBPF_KIND_PATH)
		return;
	place = decode_place(e, ev, EBPF_WALK_RESOLVED);
	set_resolved(e, out, &place, &ev->inodes[0]);
	if (ev->kind == EBPF_KIND_OPEN && (ev->bits & EBPF_E_FILE) && (out->flags & O_CREAT)) {
		out->valid |= TKIT_V_CREATED;
		if (ev->bits & EBPF_E_CREATED)
			out->pflags |= TKIT_P_CREATED;
	}
}

static void emit_name(struct ebpf *e, const struct ebpf_event *ev, const struct tkit_syscall *sys,
		      int idx)
{
	struct tkit_event out;
	struct place root;

	if (!(ev->strings[idx].flags & EBPF_S_PRESENT))
		return;
	decode_head(e, ev, TKIT_EVENT_ACCESS, &out);
	out.op = idx ? sys->op2 : sys->op;
	set_call(ev, sys, &out);
	root = ev->bits & EBPF_E_OLD_ROOT ? old_root(table_find(&e->dirs, ev->fs))
					  : decode_place(e, ev, EBPF_WALK_ROOT);
	decode_root(&out, &root);
	set_string(ev, sys, idx, &out);
	if (ev->strings[idx].flags & EBPF_S_FD)
		out.pflags |= TKIT_P_FD;
	set_base(e, ev, idx, &out);
	if (idx == 0)
		set_result(e, ev, &out);
	if (idx ? out.op == TKIT_OP_LINK_TO || out.op == TKIT_OP_RENAME_TO
		: tkit_syscall_nofollow(sys, ev->flags))
		out.pflags |= TKIT_P_NOFOLLOW;
	if ((ev->strings[idx].flags & EBPF_S_MAGIC) && ev->kind == EBPF_KIND_PATH)
		magic_resolve(e, ev, idx, &out);
	decode_emit(e, &out);
	if ((out.pflags & TKIT_P_UNREADABLE) && ev->ret >= 0) {
		e->extra++;
		decode_lose(e, TKIT_LOSS_UNREADABLE, 1, sys->name);
	}
}

/* IORING_OP_* -> number of the call of the same name, x86-64; 0: names no file */
static const unsigned short uring_calls[EBPF_URING_LIMIT] = {
	[16] = 42,  /* connect */
	[18] = 257, /* openat */
	[21] = 332, /* statx */
	[28] = 437, /* openat2 */
	[35] = 316, /* renameat2 */
	[36] = 263, /* unlinkat */
	[37] = 258, /* mkdirat */
	[38] = 266, /* symlinkat */
	[39] = 265, /* linkat */
	[42] = 188, /* setxattr */
	[44] = 191, /* getxattr */
};

int decode_uring_nr(int opcode)
{
	return opcode >= 0 && opcode < EBPF_URING_LIMIT ? uring_calls[opcode] : 0;
}

void decode_access(struct ebpf *e, const struct ebpf_event *ev)
{
	int arch = ev->bits & EBPF_E_COMPAT ? TKIT_ARCH_I386 : TKIT_ARCH_X86_64;
	const struct tkit_syscall *sys = tkit_syscall_by_nr(
		arch, ev->bits & EBPF_E_URING ? decode_uring_nr(ev->nr) : ev->nr);

	if (!sys)
		return;
	e->folding = ev->bits & EBPF_E_FOLD ? ev : NULL;
	emit_name(e, ev, sys, 0);
	emit_name(e, ev, sys, 1);
	e->folding = NULL;
	if (ev->ret == 0 && ev->kind >= EBPF_KIND_CHDIR)
		track_moved(e, ev);
}

int decode_record(struct ebpf *e, const struct ebpf_event *ev)
{
	e->used = 0;
	if (ev->lost_seq != e->lost_seq) {
		/* Something was lost in between: what is remembered may be old. */
		e->lost_seq = ev->lost_seq;
		table_clear(&e->dirs);
		table_clear(&e->processes);
	}
	e->consumed += ev->facts;
	switch (ev->type) {
	case EBPF_ACCESS:
		decode_access(e, ev);
		break;
	case EBPF_URING:
		track_request(e, ev);
		break;
	case EBPF_URING_END:
		track_request_end(e, ev);
		break;
	case EBPF_EXEC:
		exec_record(e, ev);
		break;
	case EBPF_FORK:
		track_fork(e, ev);
		break;
	case EBPF_EXIT:
		track_exit(e, ev);
		break;
	case EBPF_STATE:
		track_dirs(e, ev);
		break;
	case EBPF_PREPARE:
		exec_prepare(e, ev);
		break;
	case EBPF_PROC:
		track_proc(e, ev);
		break;
	default:
		return -EPROTO;
	}
	return e->rc;
}
