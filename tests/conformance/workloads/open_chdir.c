// SPDX-License-Identifier: MIT
/* Relative after chdir and fchdir, and after a chdir that failed. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("one", 0755));
	must(mkdir("two", 0755));
	make_file("one/file", "");
	make_file("two/file", "");
}

static void run(void)
{
	long fd = expect(open("two", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("two"));

	expect(chdir("one"), .op = "chdir", .abs = at("one"), .resolved = at("one"));
	expect(open("file", O_RDONLY), .op = "open", .abs = at("one/file"),
	       .resolved = at("one/file"));
	expect(chdir("none"), .op = "chdir", .abs = at("one/none"), .err = ENOENT);
	expect(open("file", O_RDWR), .op = "open", .abs = at("one/file"));
	expect(fchdir((int)fd), .op = "chdir", .abs = at("two"));
	expect(open("file", O_RDONLY), .op = "open", .abs = at("two/file"),
	       .resolved = at("two/file"));
	expect(open("../one/file", O_RDONLY), .op = "open", .abs = at("two/../one/file"),
	       .resolved = at("one/file"));
}
