// SPDX-License-Identifier: MIT
/* In a vfork child, which borrows its parent's memory. */
#include "workload.h"

static void setup(void)
{
	make_file("child", "");
	make_file("parent", "");
}

static void run(void)
{
	pid_t pid = (pid_t)must(vfork());

	if (pid == 0) {
		int fd = open("child", O_RDONLY);

		_exit(fd < 0);
	}
	wl_wait(pid);
	also(.op = "open", .abs = at("child"), .resolved = at("child"));
	expect(open("parent", O_RDONLY), .op = "open", .abs = at("parent"));
}
