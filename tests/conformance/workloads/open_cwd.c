// SPDX-License-Identifier: MIT
/* Relative to the working directory: plain, with dots, with repeated slashes. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
	make_file("sub/a", "");
	make_file("sub/b", "");
	make_file("sub/c", "");
}

static void run(void)
{
	expect(open("file", O_RDONLY), .op = "open", .abs = at("file"), .requested = "file",
	       .resolved = at("file"));
	expect(open("./sub/a", O_RDONLY), .op = "open", .abs = at("sub/a"), .requested = "./sub/a");
	expect(open("sub//b", O_RDONLY), .op = "open", .abs = at("sub/b"), .resolved = at("sub/b"));
	expect(open("sub/./c", O_RDONLY), .op = "open", .abs = at("sub/c"));
	expect(open(".", O_RDONLY), .op = "open", .abs = at(""), .requested = ".",
	       .resolved = at(""));
}
