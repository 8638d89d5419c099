// SPDX-License-Identifier: MIT
/* Opens, stats and renames that are handed to io_uring. */
#include "workload.h"

#include <linux/io_uring.h>
#include <linux/stat.h>
#include <sys/mman.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
	make_file("sub/dirfd", "");
	make_file("meta", "");
	make_file("old", "");
}

struct ring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static void ring_open(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;

	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, p);
	if (ring->fd < 0)
		wl_skip("the kernel has no io_uring");
	ring->sq = must(mmap(NULL, p->sq_off.array + p->sq_entries * 4, PROT_READ | PROT_WRITE,
			     MAP_SHARED, ring->fd, IORING_OFF_SQ_RING));
	ring->cq = must(mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING));
	ring->sqes = must(mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe),
			       PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES));
}

/* One request at a time: submits, waits, returns its result as a system call would. */
static long ring_call(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = (unsigned int *)(ring->sq + ring->params.sq_off.tail);
	unsigned int *mask = (unsigned int *)(ring->sq + ring->params.sq_off.ring_mask);
	unsigned int *array = (unsigned int *)(ring->sq + ring->params.sq_off.array);
	unsigned int *head = (unsigned int *)(ring->cq + ring->params.cq_off.head);
	unsigned int *cmask = (unsigned int *)(ring->cq + ring->params.cq_off.ring_mask);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(ring->cq + ring->params.cq_off.cqes);
	unsigned int slot = *tail & *mask;
	long res;

	ring->sqes[slot] = *sqe;
	array[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	must(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	res = cqes[*head & *cmask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (res < 0) {
		errno = (int)-res;
		return -1;
	}
	return res;
}

static long ring_openat(struct ring *ring, int dirfd, const char *path, unsigned int sqe_flags)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .flags = (unsigned char)sqe_flags,
				   .fd = dirfd,
				   .addr = (unsigned long)path,
				   .open_flags = O_RDONLY};

	return ring_call(ring, &sqe);
}

static void run(void)
{
	struct io_uring_sqe sqe = {0};
	struct statx stx;
	struct ring ring;
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	ring_open(&ring);
	expect(ring_openat(&ring, AT_FDCWD, at("file"), 0), .op = "open", .abs = at("file"),
	       .needs = "IO_URING");
	expect(ring_openat(&ring, fd, "dirfd", IOSQE_ASYNC), .op = "open", .abs = at("sub/dirfd"),
	       .needs = "IO_URING");
	expect(ring_openat(&ring, AT_FDCWD, "none", 0), .op = "open", .abs = at("none"),
	       .err = ENOENT, .needs = "IO_URING");
	sqe.opcode = IORING_OP_STATX;
	sqe.fd = AT_FDCWD;
	sqe.addr = (unsigned long)"meta";
	sqe.len = STATX_MODE;
	sqe.off = (unsigned long)&stx;
	expect(ring_call(&ring, &sqe), .op = "stat", .abs = at("meta"), .needs = "IO_URING");
	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_RENAMEAT;
	sqe.fd = AT_FDCWD;
	sqe.addr = (unsigned long)"old";
	sqe.len = (unsigned int)AT_FDCWD;
	sqe.addr2 = (unsigned long)"new";
	expect(ring_call(&ring, &sqe), .op = "rename_from", .abs = at("old"), .needs = "IO_URING");
	also(.op = "rename_to", .abs = at("new"), .needs = "IO_URING");
}
