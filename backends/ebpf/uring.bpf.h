/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Requests to io_uring. What they name is told when they are submitted, by when the kernel
 * has its own copy of the names; how they ended is told when they complete. User space puts
 * the two together. The thread is the submitter, a worker or the poller of the submission
 * queue: all of the process that made the ring, so the process is what is filtered by.
 */
#ifndef EBPF_URING_BPF_H
#define EBPF_URING_BPF_H

#define O_LARGEFILE_ 0x8000
#define ECANCELED_   125

enum { /* IORING_OP_* */
       OP_CONNECT = 16,
       OP_OPENAT = 18,
       OP_STATX = 21,
       OP_OPENAT2 = 28,
       OP_RENAMEAT = 35,
       OP_UNLINKAT = 36,
       OP_MKDIRAT = 37,
       OP_SYMLINKAT = 38,
       OP_LINKAT = 39,
       OP_SETXATTR = 42,
       OP_GETXATTR = 44
};

/* IOSQE_*, which are the low bits of io_kiocb.flags */
#define SQE_CQE_SKIP_SUCCESS 64

/* A request that has been submitted, by the address of its struct io_kiocb. */
struct request {
	__u64 files; /* struct files_struct of the submitter */
	__u64 ring;  /* These two tell it from another process's that has got the address */
	__u64 data;  /* of one that has ended in silence. */
	__u64 flags; /* of an open */
	__u32 facts;
	__u32 walk; /* whether it gives a descriptor of an opened file */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EBPF_REQUESTS);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

/* The arguments of a request: those of the system call of the same name. */
struct request_args {
	__u64 name;
	__u64 name2;
	__s64 dfd;
	__s64 dfd2;
	__u64 flags;
	__u32 size; /* of a socket's address */
};

/* The system call that is like this request, or 0 if the request names no file. */
static __always_inline __u32 request_nr(struct io_kiocb *req)
{
	__u8 op = BPF_CORE_READ(req, opcode);

	return op < EBPF_URING_LIMIT ? uring_nr[op & (EBPF_URING_LIMIT - 1)] : 0;
}

/* Starts a record. Returns NULL if it is nobody's business. */
static __always_inline struct scratch *request_record(__u32 slot, struct io_kiocb *req, __u32 nr,
						      __u8 type)
{
	struct task_struct *task = CURRENT();
	struct scratch *s;

	if (!traced(task, bpf_get_current_pid_tgid() >> 32))
		return NULL;
	s = scratch_of(slot);
	if (!s)
		return NULL;
	record(s, task, type);
	/* Workers and pollers have names of their own. */
	BPF_CORE_READ_STR_INTO(&s->ev.comm, task, group_leader, comm);
	s->row = *(const struct ebpf_row *)&rows[nr & (EBPF_NR_LIMIT - 1)];
	s->ev.bits = EBPF_E_URING;
	s->ev.kind = s->row.kind;
	s->ev.nr = BPF_CORE_READ(req, opcode);
	s->ev.request = (__u64)req;
	return s;
}

/* Puts the arguments to where the table of system calls expects them, and takes the names. */
static __always_inline __u32 request_names(__u32 slot, struct scratch *s,
					   const struct request_args *a)
{
	__u32 facts;

	s->ev.flags = a->flags;
	if (s->row.path >= 0)
		s->args[s->row.path & 7] = a->name;
	if (s->row.bits & EBPF_SYS_SOCKADDR)
		s->args[(s->row.path + 1) & 7] = a->size;
	if (s->row.dirfd >= 0)
		s->args[s->row.dirfd & 7] = a->dfd;
	if (s->row.path2 >= 0)
		s->args[s->row.path2 & 7] = a->name2;
	if (s->row.dirfd2 >= 0)
		s->args[s->row.dirfd2 & 7] = a->dfd2;
	walk_root(slot, s->ev.fs);
	facts = take_name(slot, 0);
	if (s->row.path2 >= 0)
		facts += take_name(slot, 1);
	return facts;
}

static __always_inline void prepared_open(struct scratch *s, struct io_open *open,
					  struct request_args *a)
{
	a->name = (__u64)BPF_CORE_READ(open, filename, name);
	a->dfd = BPF_CORE_READ(open, dfd);
	/* The kernel sets this one for every request. */
	a->flags = BPF_CORE_READ(open, how.flags) & ~(__u64)O_LARGEFILE_;
	s->ev.resolve = BPF_CORE_READ(open, how.resolve);
	if (BPF_CORE_READ(open, file_slot))
		s->ev.bits |= EBPF_E_DIRECT;
}

static __always_inline void prepared_rename(struct io_rename *rename, struct request_args *a)
{
	a->name = (__u64)BPF_CORE_READ(rename, oldpath, name);
	a->name2 = (__u64)BPF_CORE_READ(rename, newpath, name);
	a->dfd = BPF_CORE_READ(rename, old_dfd);
	a->dfd2 = BPF_CORE_READ(rename, new_dfd);
	a->flags = (__u32)BPF_CORE_READ(rename, flags);
}

static __always_inline void prepared_link(struct io_link *link, bool symbolic,
					  struct request_args *a)
{
	a->name2 = (__u64)BPF_CORE_READ(link, newpath, name);
	a->dfd2 = BPF_CORE_READ(link, new_dfd);
	if (symbolic) { /* what it points to is content */
		a->name = a->name2;
		a->dfd = a->dfd2;
		return;
	}
	a->name = (__u64)BPF_CORE_READ(link, oldpath, name);
	a->dfd = BPF_CORE_READ(link, old_dfd);
	a->flags = (__u32)BPF_CORE_READ(link, flags);
}

/* The arguments as the kernel has prepared them. */
static __always_inline void prepared(struct scratch *s, struct io_kiocb *req,
				     struct request_args *a)
{
	switch (s->ev.nr) {
	case OP_OPENAT:
	case OP_OPENAT2:
		prepared_open(s, (void *)req, a);
		break;
	case OP_STATX:
		a->name = (__u64)BPF_CORE_READ((struct io_statx *)req, filename, name);
		a->dfd = BPF_CORE_READ((struct io_statx *)req, dfd);
		a->flags = BPF_CORE_READ((struct io_statx *)req, flags);
		break;
	case OP_RENAMEAT:
		prepared_rename((void *)req, a);
		break;
	case OP_UNLINKAT:
		a->name = (__u64)BPF_CORE_READ((struct io_unlink *)req, filename, name);
		a->dfd = BPF_CORE_READ((struct io_unlink *)req, dfd);
		a->flags = (__u32)BPF_CORE_READ((struct io_unlink *)req, flags);
		break;
	case OP_MKDIRAT:
		a->name = (__u64)BPF_CORE_READ((struct io_mkdir *)req, filename, name);
		a->dfd = BPF_CORE_READ((struct io_mkdir *)req, dfd);
		break;
	case OP_SYMLINKAT:
	case OP_LINKAT:
		prepared_link((void *)req, s->ev.nr == OP_SYMLINKAT, a);
		break;
	case OP_CONNECT: /* an older kernel reads the address later: it is still the program's */
		a->name = (__u64)BPF_CORE_READ((struct io_connect *)req, addr);
		a->size = BPF_CORE_READ((struct io_connect *)req, addr_len);
		s->kernel_names = 0;
		break;
	default: /* SETXATTR, GETXATTR */
		a->name = (__u64)BPF_CORE_READ((struct io_xattr *)req, filename, name);
		break;
	}
}

/* Can the request, by whomsoever, give directories other paths? */
static __always_inline bool request_moves(struct io_kiocb *req)
{
	__u8 op = BPF_CORE_READ(req, opcode);

	return op == OP_RENAMEAT ||
	       (op == OP_UNLINKAT &&
		(BPF_CORE_READ((struct io_unlink *)req, flags) & AT_REMOVEDIR_));
}

static __always_inline int request_submitted(struct io_kiocb *req)
{
	__u32 nr = request_nr(req);
	struct request_args args = {};
	struct request request = {};
	__u64 key = (__u64)req;
	struct scratch *s;
	int rc; /* before Linux 6.4 only 32 bits are right */

	if (!nr)
		return 0;
	/* When it has been done nobody tells. */
	if (fold && (BPF_CORE_READ(req, flags) & SQE_CQE_SKIP_SUCCESS) && request_moves(req))
		fold_blind = 1;
	s = request_record(SLOT_URING, req, nr, EBPF_URING);
	if (!s)
		return 0;
	s->kernel_names = 1;
	prepared(s, req, &args);
	request.facts = request_names(SLOT_URING, s, &args);
	if (!request.facts)
		return 0;
	request.files = (__u64)BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), files);
	request.ring = (__u64)BPF_CORE_READ(req, ctx);
	request.data = BPF_CORE_READ(req, cqe.user_data);
	request.flags = s->ev.flags;
	request.walk = s->ev.kind == EBPF_KIND_OPEN && !(s->ev.bits & EBPF_E_DIRECT);
	if (BPF_CORE_READ(req, flags) & SQE_CQE_SKIP_SUCCESS)
		s->ev.bits |= EBPF_E_SILENT;
	rc = bpf_map_update_elem(&requests, &key, &request, BPF_NOEXIST);
	if (rc == -EEXIST_) { /* the one before it at this address was silent */
		s->ev.bits |= EBPF_E_AGAIN;
		rc = bpf_map_update_elem(&requests, &key, &request, BPF_ANY);
	}
	if (rc) {
		count(EBPF_CNT_MAP_FULL, request.facts);
		return 0;
	}
	/* Its facts are told by its end. */
	if (!deliver(s, 0)) {
		bpf_map_delete_elem(&requests, &key);
		count(EBPF_CNT_PRODUCED, request.facts);
		count(EBPF_CNT_RING_FULL, request.facts);
	}
	return 0;
}

static __always_inline int request_completed(struct io_kiocb *req)
{
	struct task_struct *task = CURRENT();
	struct request *found, request;
	__u64 key = (__u64)req;
	struct scratch *s;

	if (!request_nr(req))
		return 0;
	if (fold && (BPF_CORE_READ(req, opcode) == OP_RENAMEAT ||
		     BPF_CORE_READ(req, opcode) == OP_UNLINKAT))
		__sync_fetch_and_add(&generation, 1);
	found = bpf_map_lookup_elem(&requests, &key);
	if (!found || found->ring != (__u64)BPF_CORE_READ(req, ctx) ||
	    found->data != BPF_CORE_READ(req, cqe.user_data))
		return 0;
	request = *found;
	bpf_map_delete_elem(&requests, &key);
	s = scratch_of(SLOT_URING_END);
	if (!s)
		return 0;
	record(s, task, EBPF_URING_END);
	s->ev.request = key;
	s->ev.ret = BPF_CORE_READ(req, cqe.res);
	s->ev.flags = request.flags;
	if (s->ev.ret == -ECANCELED_) /* it has not begun */
		request.facts = 0;
	/* Those of a process that has ended are completed by somebody else. */
	if (request.walk && s->ev.ret >= 0 && (__u64)BPF_CORE_READ(task, files) == request.files)
		walk_opened(SLOT_URING_END, s->ev.ret);
	deliver(s, request.facts);
	return 0;
}

/* Refused before it was submitted: the names may be bad or not have been read at all. */
static __always_inline int request_refused(const struct io_uring_sqe *user, struct io_kiocb *req,
					   int error)
{
	__u32 nr = request_nr(req), facts;
	struct request_args args = {};
	struct io_uring_sqe sqe;
	struct scratch *s;
	__u64 how[3] = {};

	if (!nr || bpf_probe_read_kernel(&sqe, sizeof(sqe), user))
		return 0;
	s = request_record(SLOT_URING_FAIL, req, nr, EBPF_ACCESS);
	if (!s)
		return 0;
	s->ev.ret = error;
	args.name = sqe.addr;
	args.dfd = args.dfd2 = sqe.fd;
	args.flags = sqe.op_flags;
	args.name2 = sqe.addr2;
	if (s->ev.nr == OP_RENAMEAT || s->ev.nr == OP_LINKAT) {
		args.dfd2 = (int)sqe.len;
	} else if (s->ev.nr == OP_SYMLINKAT) {
		args.name = sqe.addr2;
	} else if (s->ev.nr == OP_SETXATTR || s->ev.nr == OP_GETXATTR) {
		args.name = sqe.addr3;
	} else if (s->row.bits & EBPF_SYS_SOCKADDR) {
		args.size = (__u32)sqe.addr2;
		args.flags = 0;
	} else if (s->ev.nr == OP_OPENAT2) {
		bpf_probe_read_user(how, sizeof(how), (void *)sqe.addr2);
		args.flags = how[0];
		s->ev.resolve = how[2];
	}
	facts = request_names(SLOT_URING_FAIL, s, &args);
	if (facts)
		deliver(s, facts);
	return 0;
}

#endif
