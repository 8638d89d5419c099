// SPDX-License-Identifier: MIT
/* The directory descriptor is 0, which is a descriptor like any other. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("sub"));

	must(dup2(fd, 0));
	expect(openat(0, "file", O_RDONLY), .op = "open", .abs = at("sub/file"),
	       .resolved = at("sub/file"));
}
