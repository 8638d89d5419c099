// SPDX-License-Identifier: MIT
/* Names of unix sockets that are handed to io_uring. */
#include "ring.h"

static struct sockaddr_un named(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strncpy(addr.sun_path, name, sizeof(addr.sun_path) - 1);
	return addr;
}

static void setup(void)
{
	struct sockaddr_un addr = named("nobody-listens");

	must(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&addr, sizeof(addr)));
}

static long ring_name(struct ring *ring, int op, const char *name)
{
	struct sockaddr_un addr = named(name);
	struct io_uring_sqe sqe = {.opcode = (unsigned char)op,
				   .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
				   .addr = (unsigned long)&addr,
				   .off = sizeof(addr)};
	long ret = ring_call(ring, &sqe);
	int err = errno;

	close(sqe.fd);
	errno = err;
	return ret;
}

static void run(void)
{
	struct ring ring;

	check_kernel();
	ring_open(&ring, 0);
	expect(ring_name(&ring, IORING_OP_CONNECT, at("nobody-listens")), .op = "connect",
	       .abs = at("nobody-listens"), .err = ECONNREFUSED, .needs = "IO_URING");
	expect(ring_name(&ring, IORING_OP_CONNECT, "none"), .op = "connect", .abs = at("none"),
	       .requested = "none", .err = ENOENT, .needs = "IO_URING");
}
