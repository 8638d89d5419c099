// SPDX-License-Identifier: MIT
/* stat(2) and lstat(2) by their own system calls. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
	must(symlink("file", "link"));
}

static void run(void)
{
#ifdef SYS_stat
	char st[512]; /* larger than any struct stat */

	expect(syscall(SYS_stat, "file", st), .op = "stat", .abs = at("file"), .requested = "file");
	expect(syscall(SYS_lstat, at("link"), st), .op = "stat", .abs = at("link"));
	expect(syscall(SYS_stat, "none", st), .op = "stat", .abs = at("none"), .err = ENOENT);
#else
	wl_skip("this machine has no stat(2) and lstat(2), only newfstatat");
#endif
}
