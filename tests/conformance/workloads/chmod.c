// SPDX-License-Identifier: MIT
/* chmod(2), fchmodat(2), fchmodat2(2). */
#include "workload.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

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

	expect(chmod(at("a"), 0600), .op = "chmod", .abs = at("a"));
	expect(chmod("a", 0644), .op = "chmod", .abs = at("a"), .requested = "a");
	expect(fchmodat(fd, "b", 0600, 0), .op = "chmod", .abs = at("sub/b"));
	expect(chmod("none", 0600), .op = "chmod", .abs = at("none"), .err = ENOENT);
	expect(syscall(SYS_fchmodat2, fd, "b", 0640, 0), .op = "chmod", .abs = at("sub/b"),
	       .err = ANY_ERROR);
}
