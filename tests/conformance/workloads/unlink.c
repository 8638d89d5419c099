// SPDX-License-Identifier: MIT
/* unlink(2) and unlinkat(2). */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
	make_file("sub/b", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(unlink("a"), .op = "unlink", .abs = at("a"), .requested = "a");
	expect(unlinkat(fd, "b", 0), .op = "unlink", .abs = at("sub/b"));
	expect(unlink(at("a")), .op = "unlink", .abs = at("a"), .err = ENOENT);
}
