// SPDX-License-Identifier: MIT
/* Relative to a directory descriptor: ordinary, O_PATH, and ignored for an absolute path. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/a", "");
	make_file("sub/b", "");
	make_file("c", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("sub"));
	int path = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			       .abs = at("sub"));

	expect(openat(fd, "a", O_RDONLY), .op = "open", .abs = at("sub/a"), .requested = "a",
	       .resolved = at("sub/a"));
	expect(openat(path, "b", O_RDONLY), .op = "open", .abs = at("sub/b"),
	       .resolved = at("sub/b"));
	expect(openat(fd, at("c"), O_RDONLY), .op = "open", .abs = at("c"));
	expect(openat(fd, "none", O_RDONLY), .op = "open", .abs = at("sub/none"), .err = ENOENT);
}
