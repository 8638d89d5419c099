// SPDX-License-Identifier: MIT
/* The working directory is gone: relative names have no absolute path. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("gone", 0755));
}

static void run(void)
{
	expect(chdir("gone"), .op = "chdir", .abs = at("gone"));
	expect(rmdir(at("gone")), .op = "rmdir", .abs = at("gone"));
	expect(open("file", O_RDONLY), .op = "open", .abs = NULL, .requested = "file",
	       .err = ENOENT);
}
