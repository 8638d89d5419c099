// SPDX-License-Identifier: MIT
/* chdir(2) and fchdir(2) alone, nothing opened there. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("one", 0755));
	must(mkdir("one/two", 0755));
	make_file("file", "");
}

static void run(void)
{
	expect(chdir(at("one")), .op = "chdir", .abs = at("one"), .resolved = at("one"));
	expect(chdir("two"), .op = "chdir", .abs = at("one/two"), .requested = "two");
	expect(chdir(".."), .op = "chdir", .abs = at("one/two/.."), .resolved = at("one"));
	expect(chdir(at("file")), .op = "chdir", .abs = at("file"), .err = ENOTDIR);
}
