// SPDX-License-Identifier: MIT
/* Opens, stats and changes that are handed to io_uring. */
#include "workload.h"

#include <linux/io_uring.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/utsname.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
	make_file("sub/dirfd", "");
	make_file("meta", "");
	make_file("old", "");
	make_file("sub/gone", "");
	make_file("target", "");
	make_file("polled", "");
	make_file("direct", "");
	make_file("silent", "");
	make_file("after", "");
}

struct ring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

/* Before Linux 5.19 there is nothing that tells enough about a request. */
static void check_kernel(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	must(uname(&name));
	if (sscanf(name.release, "%d.%d", &major, &minor) != 2 || major * 1000 + minor < 5019)
		wl_skip("the kernel has no io_uring");
}

static void ring_open(struct ring *ring, unsigned int flags)
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

static void ring_put(struct ring *ring, const struct io_uring_sqe *sqe)
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
static long ring_go(struct ring *ring, unsigned int count, unsigned int wait)
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
static long ring_call(struct ring *ring, const struct io_uring_sqe *sqe)
{
	ring_put(ring, sqe);
	return ring_go(ring, 1, 1);
}

static struct io_uring_sqe request(int opcode, int dirfd, const char *path, int flags)
{
	return (struct io_uring_sqe){.opcode = (unsigned char)opcode,
				     .fd = dirfd,
				     .addr = (unsigned long)path,
				     .open_flags = (unsigned int)flags};
}

static long ring_openat(struct ring *ring, int dirfd, const char *path, unsigned int sqe_flags)
{
	struct io_uring_sqe sqe = request(IORING_OP_OPENAT, dirfd, path, O_RDONLY);

	sqe.flags = (unsigned char)sqe_flags;
	return ring_call(ring, &sqe);
}

static void opens(struct ring *ring, int dirfd)
{
	struct io_uring_sqe sqe;

	expect(ring_openat(ring, AT_FDCWD, at("file"), 0), .op = "open", .abs = at("file"),
	       .resolved = at("file"), .needs = "IO_URING");
	expect(ring_openat(ring, dirfd, "dirfd", IOSQE_ASYNC), .op = "open", .abs = at("sub/dirfd"),
	       .resolved = at("sub/dirfd"), .needs = "IO_URING");
	expect(ring_openat(ring, AT_FDCWD, "none", 0), .op = "open", .abs = at("none"),
	       .err = ENOENT, .needs = "IO_URING");
	expect(ring_openat(ring, AT_FDCWD, "", 0), .op = "open", .requested = "", .err = ENOENT,
	       .any_abs = true, .needs = "IO_URING");
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, "made", O_WRONLY | O_CREAT | O_EXCL);
	sqe.len = 0644;
	expect(ring_call(ring, &sqe), .op = "open", .abs = at("made"), .resolved = at("made"),
	       .created = 1, .needs = "IO_URING");
}

/* Into the ring's own table: the result is no descriptor. */
static void opens_direct(struct ring *ring)
{
	struct io_uring_sqe sqe = request(IORING_OP_OPENAT, AT_FDCWD, "direct", O_RDONLY);
	int none[2] = {-1, -1};

	must(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, none, 2));
	sqe.file_index = 1;
	expect(ring_call(ring, &sqe), .op = "open", .abs = at("direct"), .needs = "IO_URING");
	/* This one's success is never told, until its place in the kernel is needed again. */
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, "silent", O_RDONLY);
	sqe.file_index = 2;
	sqe.flags = IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK;
	ring_put(ring, &sqe);
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, "after", O_RDONLY);
	ring_put(ring, &sqe);
	expect(ring_go(ring, 2, 1), .op = "open", .abs = at("after"), .needs = "IO_URING");
	also(.op = "open", .abs = at("silent"), .needs = "IO_URING");
	for (int i = 0; i < 3; i++)
		ring_put(ring, &sqe);
	expect(ring_go(ring, 3, 3), .op = "open", .abs = at("after"), .needs = "IO_URING");
}

static void changes(struct ring *ring, int dirfd)
{
	struct io_uring_sqe sqe;
	struct statx stx;

	sqe = request(IORING_OP_STATX, AT_FDCWD, "meta", 0);
	sqe.len = STATX_MODE;
	sqe.off = (unsigned long)&stx;
	expect(ring_call(ring, &sqe), .op = "stat", .abs = at("meta"), .needs = "IO_URING");
	sqe.addr = (unsigned long)"no-meta";
	sqe.flags = IOSQE_ASYNC;
	expect(ring_call(ring, &sqe), .op = "stat", .abs = at("no-meta"), .err = ENOENT,
	       .needs = "IO_URING");
	sqe = request(IORING_OP_RENAMEAT, AT_FDCWD, "old", 0);
	sqe.len = (unsigned int)dirfd;
	sqe.addr2 = (unsigned long)"new";
	expect(ring_call(ring, &sqe), .op = "rename_from", .abs = at("old"), .needs = "IO_URING");
	also(.op = "rename_to", .abs = at("sub/new"), .needs = "IO_URING");
	sqe = request(IORING_OP_UNLINKAT, dirfd, "gone", 0);
	expect(ring_call(ring, &sqe), .op = "unlink", .abs = at("sub/gone"), .needs = "IO_URING");
	sqe = request(IORING_OP_MKDIRAT, dirfd, "dir", 0);
	sqe.len = 0755;
	expect(ring_call(ring, &sqe), .op = "mkdir", .abs = at("sub/dir"), .needs = "IO_URING");
	sqe = request(IORING_OP_SYMLINKAT, dirfd, "content", 0);
	sqe.addr2 = (unsigned long)"soft";
	expect(ring_call(ring, &sqe), .op = "symlink", .abs = at("sub/soft"), .needs = "IO_URING");
	sqe = request(IORING_OP_LINKAT, AT_FDCWD, "target", 0);
	sqe.len = (unsigned int)dirfd;
	sqe.addr2 = (unsigned long)"hard";
	expect(ring_call(ring, &sqe), .op = "link_from", .abs = at("target"), .needs = "IO_URING");
	also(.op = "link_to", .abs = at("sub/hard"), .needs = "IO_URING");
}

static void run(void)
{
	struct ring ring;
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	check_kernel();
	ring_open(&ring, 0);
	opens(&ring, fd);
	changes(&ring, fd);
	opens_direct(&ring);
	ring_open(&ring, IORING_SETUP_SQPOLL);
	expect(ring_openat(&ring, AT_FDCWD, "polled", 0), .op = "open", .abs = at("polled"),
	       .resolved = at("polled"), .needs = "IO_URING");
	expect(ring_openat(&ring, fd, "none", 0), .op = "open", .abs = at("sub/none"),
	       .err = ENOENT, .needs = "IO_URING");
}
