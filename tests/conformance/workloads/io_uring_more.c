// SPDX-License-Identifier: MIT
/* io_uring: openat2, attributes, a directory removed, linked requests, an unreadable name. */
#include "ring.h"

#include <linux/openat2.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	must(mkdir("sub/gone", 0755));
	make_file("sub/beneath", "");
	make_file("attr", "");
	make_file("first", "");
	make_file("second", "");
}

static const char *volatile wild = (const char *)8; /* the compiler must not know */

static long ring_openat2(struct ring *ring, int dirfd, const char *path, unsigned long long resolve)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
	struct io_uring_sqe sqe = request(IORING_OP_OPENAT2, dirfd, path, 0);

	sqe.len = sizeof(how);
	sqe.off = (unsigned long)&how;
	return ring_call(ring, &sqe);
}

static void attributes(struct ring *ring)
{
	struct io_uring_sqe sqe = request(IORING_OP_SETXATTR, 0, "user.tkit", 0);
	char value[16] = "v";

	sqe.off = (unsigned long)value;
	sqe.len = 1;
	sqe.addr3 = (unsigned long)"attr";
	expect(ring_call(ring, &sqe), .op = "setxattr", .abs = at("attr"), .err = ANY_ERROR,
	       .needs = "IO_URING");
	sqe.opcode = IORING_OP_GETXATTR;
	sqe.len = sizeof(value);
	expect(ring_call(ring, &sqe), .op = "getxattr", .abs = at("attr"), .err = ANY_ERROR,
	       .needs = "IO_URING");
	sqe.addr3 = (unsigned long)"no-attr";
	expect(ring_call(ring, &sqe), .op = "getxattr", .abs = at("no-attr"), .err = ENOENT,
	       .needs = "IO_URING");
}

static void run(void)
{
	struct io_uring_sqe sqe;
	struct ring ring;
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	check_kernel();
	ring_open(&ring, 0);
	expect(ring_openat2(&ring, fd, "beneath", RESOLVE_BENEATH), .op = "open",
	       .abs = at("sub/beneath"), .requested = "beneath", .resolved = at("sub/beneath"),
	       .needs = "IO_URING");
	expect(ring_openat2(&ring, fd, "../first", RESOLVE_BENEATH), .op = "open",
	       .abs = at("sub/../first"), .err = EXDEV, .needs = "IO_URING");
	attributes(&ring);
	sqe = request(IORING_OP_UNLINKAT, fd, "gone", 0);
	sqe.unlink_flags = AT_REMOVEDIR;
	expect(ring_call(&ring, &sqe), .op = "unlink", .abs = at("sub/gone"), .needs = "IO_URING");

	/* The second waits for the first. */
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, "first", O_RDONLY);
	sqe.flags = IOSQE_IO_LINK;
	ring_put(&ring, &sqe);
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, "second", O_RDONLY);
	ring_put(&ring, &sqe);
	expect(ring_go(&ring, 2, 2), .op = "open", .abs = at("second"), .resolved = at("second"),
	       .needs = "IO_URING");
	also(.op = "open", .abs = at("first"), .resolved = at("first"), .needs = "IO_URING");

	/* The kernel gives up before there is a request: a failure that has no name. */
	sqe = request(IORING_OP_OPENAT, AT_FDCWD, wild, O_RDONLY);
	expect(ring_call(&ring, &sqe), .op = "open", .any_abs = true, .err = EFAULT, .maybe = true,
	       .needs = "IO_URING");
}
