// SPDX-License-Identifier: MIT
/* Opens, stats and changes that are handed to io_uring. */
#include "ring.h"

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
