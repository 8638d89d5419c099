// SPDX-License-Identifier: MIT
/* Opened and at once unlinked: the path must be the one from before. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	expect(open("file", O_RDONLY), .op = "open", .abs = at("file"), .resolved = at("file"));
	expect(unlink("file"), .op = "unlink", .abs = at("file"));
	expect(open("file", O_RDONLY), .op = "open", .abs = at("file"), .err = ENOENT);
}
