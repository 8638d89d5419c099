// SPDX-License-Identifier: MIT
/* Directory descriptors by other ways: dup, fcntl, another process's, and a number used again. */
#include "workload.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static void setup(void)
{
	must(mkdir("one", 0755));
	must(mkdir("two", 0755));
	make_file("one/dup", "");
	make_file("one/fcntl", "");
	make_file("one/pidfd", "");
	make_file("one/same", "");
	make_file("two/same", "");
}

static void run(void)
{
	int fd = (int)expect(open("one", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("one"));
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0), copy;

	must(dup3(fd, 50, O_CLOEXEC));
	expect(openat(50, "dup", O_RDONLY), .op = "open", .abs = at("one/dup"));
	copy = must(fcntl(fd, F_DUPFD_CLOEXEC, 60));
	expect(openat(copy, "fcntl", O_RDONLY), .op = "open", .abs = at("one/fcntl"));
	copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (copy >= 0)
		expect(openat(copy, "pidfd", O_RDONLY), .op = "open", .abs = at("one/pidfd"));
	expect(openat(50, "same", O_RDONLY), .op = "open", .abs = at("one/same"));
	must(close(50));
	fd = (int)expect(open("two", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("two"));
	must(dup2(fd, 50));
	expect(openat(50, "same", O_RDONLY), .op = "open", .abs = at("two/same"),
	       .resolved = at("two/same"));
}
