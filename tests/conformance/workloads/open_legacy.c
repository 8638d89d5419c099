// SPDX-License-Identifier: MIT
/* open(2) and creat(2) by their own system calls, where the machine has them. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
	make_file("old", "");
}

static void run(void)
{
#ifdef SYS_open
	expect(syscall(SYS_open, "file", O_RDONLY), .op = "open", .abs = at("file"),
	       .requested = "file", .resolved = at("file"));
	expect(syscall(SYS_creat, "new", 0600), .op = "open", .abs = at("new"), .created = 1);
	expect(syscall(SYS_creat, "old", 0600), .op = "open", .abs = at("old"), .created = -1);
#else
	wl_skip("this machine has no open(2) and creat(2), only openat");
#endif
}
