/* SPDX-License-Identifier: MIT */
/* For workloads that hand requests to io_uring, by its system calls alone. */
#ifndef RING_H
#define RING_H

#include "workload.h"

#include <linux/io_uring.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/utsname.h>

struct ring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

/* Before Linux 5.19 there is nothing that tells enough about a request. */
__attribute__((unused)) static void check_kernel(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	must(uname(&name));
	if (sscanf(name.release, "%d.%d", &major, &minor) != 2 || major * 1000 + minor < 5019)
		wl_skip("the kernel has no io_uring");
}

__attribute__((unused)) static void ring_open(struct ring *ring, unsigned int flags)
{
	struct io_uring_params *p = &ring->params;

	memset(ring, 0, sizeof(*ring));
	p->flags = flags;
	p->sq_thread_idle = 1000;
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

__attribute__((unused)) static void ring_put(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = (unsigned int *)(ring->sq + ring->params.sq_off.tail);
	unsigned int *mask = (unsigned int *)(ring->sq + ring->params.sq_off.ring_mask);
	unsigned int *array = (unsigned int *)(ring->sq + ring->params.sq_off.array);
	unsigned int slot = *tail & *mask;

	ring->sqes[slot] = *sqe;
	array[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* Hands over `count` requests, waits for `wait` results and returns the last one's. */
__attribute__((unused)) static long ring_go(struct ring *ring, unsigned int count,
					    unsigned int wait)
{
	unsigned int *head = (unsigned int *)(ring->cq + ring->params.cq_off.head);
	unsigned int *cmask = (unsigned int *)(ring->cq + ring->params.cq_off.ring_mask);
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(ring->cq + ring->params.cq_off.cqes);
	unsigned int flags = IORING_ENTER_GETEVENTS;
	long res;

	if (ring->params.flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	must(syscall(SYS_io_uring_enter, ring->fd, count, wait, flags, NULL, 0));
	res = cqes[(*head + wait - 1) & *cmask].res;
	__atomic_store_n(head, *head + wait, __ATOMIC_RELEASE);
	if (res < 0) {
		errno = (int)-res;
		return -1;
	}
	return res;
}

/* One request at a time: submits, waits, returns its result as a system call would. */
__attribute__((unused)) static long ring_call(struct ring *ring, const struct io_uring_sqe *sqe)
{
	ring_put(ring, sqe);
	return ring_go(ring, 1, 1);
}

__attribute__((unused)) static struct io_uring_sqe request(int opcode, int dirfd, const char *path,
							   int flags)
{
	return (struct io_uring_sqe){.opcode = (unsigned char)opcode,
				     .fd = dirfd,
				     .addr = (unsigned long)path,
				     .open_flags = (unsigned int)flags};
}
#endif
