// SPDX-License-Identifier: MIT
/* What an exec keeps: working directory and open directory descriptors. */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
	make_file("dirfile", "");
	copy_program("opener", "opener");
}

static void run(void)
{
	int fd = (int)expect(open(".", O_PATH), .op = "open", .needs = "REQUESTED", .abs = at(""));

	must(dup2(fd, 7));
	expect(chdir("sub"), .op = "chdir", .abs = at("sub"));
	/* The helper opens "file", and "dirfile" relative to descriptor 7. */
	spawn(at("opener"), NULL);
	also(.op = "exec", .abs = at("opener"));
	also(.op = "open", .abs = at("sub/file"), .requested = "file", .resolved = at("sub/file"));
	also(.op = "open", .abs = at("dirfile"), .requested = "dirfile");
}
