// SPDX-License-Identifier: MIT
/* access(2), faccessat(2), faccessat2(2). */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
	make_file("sub/b", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(access(at("a"), R_OK), .op = "access", .abs = at("a"));
	expect(access("a", F_OK), .op = "access", .abs = at("a"), .requested = "a");
	expect(access("none", F_OK), .op = "access", .abs = at("none"), .err = ENOENT);
	expect(syscall(SYS_faccessat, fd, "b", R_OK), .op = "access", .abs = at("sub/b"));
	expect(syscall(SYS_faccessat2, fd, "b", R_OK, AT_EACCESS), .op = "access",
	       .abs = at("sub/b"));
	expect(syscall(SYS_faccessat2, fd, "none", R_OK, AT_SYMLINK_NOFOLLOW), .op = "access",
	       .abs = at("sub/none"), .err = ENOENT);
}
