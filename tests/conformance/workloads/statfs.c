// SPDX-License-Identifier: MIT
/* statfs(2). */
#include "workload.h"

#include <sys/statfs.h>

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	struct statfs fs;

	expect(statfs(at("file"), &fs), .op = "statfs", .abs = at("file"));
	expect(statfs("file", &fs), .op = "statfs", .abs = at("file"), .requested = "file");
	expect(statfs("none", &fs), .op = "statfs", .abs = at("none"), .err = ENOENT);
}
