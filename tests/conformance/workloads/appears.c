// SPDX-License-Identifier: MIT
/* The same name missing, made, there, removed, missing; and the same name somewhere else. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("other", 0755));
}

static void run(void)
{
	expect(open("x", O_RDONLY), .op = "open", .abs = at("x"), .err = ENOENT, .times = 2);
	expect(open("x", O_WRONLY | O_CREAT, 0600), .op = "open", .abs = at("x"), .created = 1);
	expect(open("x", O_RDONLY), .op = "open", .abs = at("x"), .resolved = at("x"));
	expect(unlink("x"), .op = "unlink", .abs = at("x"), .times = 1);
	expect(open("x", O_RDONLY), .op = "open", .abs = at("x"), .err = ENOENT, .times = 2);
	expect(chdir("other"), .op = "chdir", .abs = at("other"));
	expect(open("x", O_RDONLY), .op = "open", .abs = at("other/x"), .requested = "x",
	       .err = ENOENT, .times = 1);
	expect(unlink("x"), .op = "unlink", .abs = at("other/x"), .err = ENOENT, .times = 1);
}
