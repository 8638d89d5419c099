// SPDX-License-Identifier: MIT
/* The utime family: by path, of links, by descriptor with a NULL path. */
#include "workload.h"

#include <sys/time.h>
#include <utime.h>

static void setup(void)
{
	make_file("a", "");
	make_file("b", "");
	make_file("c", "");
	must(symlink("a", "link"));
}

static void run(void)
{
	struct timespec times[2] = {{1000, 0}, {1000, 0}};
	int fd = (int)expect(open("c", O_RDONLY), .op = "open", .abs = at("c"));

	expect(utimensat(AT_FDCWD, at("a"), times, 0), .op = "utime", .abs = at("a"));
	expect(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW), .op = "utime",
	       .abs = at("link"));
	expect(futimens(fd, times), .op = "utime", .abs = at("c"));
	expect(utimensat(AT_FDCWD, "none", times, 0), .op = "utime", .abs = at("none"),
	       .err = ENOENT);
#ifdef SYS_utimes
	struct timeval old[2] = {{1000, 0}, {1000, 0}};
	struct utimbuf older = {1000, 1000};

	expect(syscall(SYS_utimes, "b", old), .op = "utime", .abs = at("b"), .requested = "b");
	expect(syscall(SYS_utime, at("b"), &older), .op = "utime", .abs = at("b"));
#endif
}
