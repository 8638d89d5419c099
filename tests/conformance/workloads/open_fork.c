// SPDX-License-Identifier: MIT
/* In a fork child: its own working directory, and the inherited one. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("first", "");
	make_file("sub/second", "");
	make_file("third", "");
}

static void run(void)
{
	pid_t pid = (pid_t)must(fork());

	if (pid == 0) {
		expect(open("first", O_RDONLY), .op = "open", .abs = at("first"));
		expect(chdir("sub"), .op = "chdir", .abs = at("sub"));
		expect(open("second", O_RDONLY), .op = "open", .abs = at("sub/second"));
		_exit(0);
	}
	wl_wait(pid);
	expect(open("third", O_RDONLY), .op = "open", .abs = at("third"));
}
