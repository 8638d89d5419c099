// SPDX-License-Identifier: MIT
/* Opened or created: O_CREAT both ways, O_EXCL, and in a directory that does not exist. */
#include "workload.h"

static void setup(void)
{
	make_file("old", "");
}

static void run(void)
{
	expect(open("old", O_WRONLY | O_CREAT, 0644), .op = "open", .abs = at("old"),
	       .created = -1);
	expect(open("new", O_WRONLY | O_CREAT, 0644), .op = "open", .abs = at("new"), .created = 1,
	       .resolved = at("new"));
	expect(open(at("exclusive"), O_RDWR | O_CREAT | O_EXCL, 0600), .op = "open",
	       .abs = at("exclusive"), .created = 1);
	expect(open("old", O_RDWR | O_CREAT | O_EXCL, 0600), .op = "open", .abs = at("old"),
	       .err = EEXIST);
	expect(open("none/new", O_WRONLY | O_CREAT, 0644), .op = "open", .abs = at("none/new"),
	       .err = ENOENT);
}
