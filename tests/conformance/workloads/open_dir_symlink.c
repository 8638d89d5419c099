// SPDX-License-Identifier: MIT
/* Through a symlink to a directory, and with .. behind it, which is not lexical. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("real", 0755));
	must(mkdir("real/deep", 0755));
	make_file("real/deep/file", "");
	make_file("real/beside", "");
	must(symlink("real/deep", "link"));
}

static void run(void)
{
	expect(open(at("link/file"), O_RDONLY), .op = "open", .abs = at("link/file"),
	       .resolved = at("real/deep/file"));
	expect(open("link/../beside", O_RDONLY), .op = "open", .abs = at("link/../beside"),
	       .resolved = at("real/beside"));
	expect(chdir("link"), .op = "chdir", .abs = at("link"), .resolved = at("real/deep"));
	expect(open("file", O_RDWR), .op = "open", .abs = at("real/deep/file"),
	       .resolved = at("real/deep/file"));
}
