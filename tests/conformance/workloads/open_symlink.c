// SPDX-License-Identifier: MIT
/* Through symlinks: absolute and relative targets, a chain, O_NOFOLLOW, a dangling one. */
#include "workload.h"

static void setup(void)
{
	make_file("target", "");
	must(symlink("target", "relative"));
	must(symlink(at("target"), "absolute"));
	must(symlink("relative", "chain"));
	must(symlink("nowhere", "dangling"));
}

static void run(void)
{
	expect(open(at("relative"), O_RDONLY), .op = "open", .abs = at("relative"),
	       .resolved = at("target"));
	expect(open("absolute", O_RDONLY), .op = "open", .abs = at("absolute"),
	       .resolved = at("target"));
	expect(open("chain", O_RDONLY), .op = "open", .abs = at("chain"), .resolved = at("target"));
	expect(open("relative", O_RDONLY | O_NOFOLLOW), .op = "open", .abs = at("relative"),
	       .err = ELOOP);
	expect(open("dangling", O_RDONLY), .op = "open", .abs = at("dangling"), .err = ENOENT);
	expect(open("chain", O_PATH | O_NOFOLLOW), .op = "open", .needs = "REQUESTED",
	       .abs = at("chain"), .resolved = at("chain"));
}
