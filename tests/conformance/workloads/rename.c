// SPDX-License-Identifier: MIT
/* rename(2), renameat(2), renameat2(2): both names, also when it fails. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
	make_file("b", "");
	make_file("c", "");
	make_file("d", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(rename(at("a"), "a2"), .op = "rename_from", .abs = at("a"));
	also(.op = "rename_to", .abs = at("a2"), .requested = "a2");
	expect(renameat(AT_FDCWD, "b", fd, "b2"), .op = "rename_from", .abs = at("b"),
	       .requested = "b");
	also(.op = "rename_to", .abs = at("sub/b2"));
	expect(syscall(SYS_renameat2, AT_FDCWD, "c", AT_FDCWD, at("d"), 2 /* RENAME_EXCHANGE */),
	       .op = "rename_from", .abs = at("c"));
	also(.op = "rename_to", .abs = at("d"));
	expect(rename("none", "sub/none"), .op = "rename_from", .abs = at("none"), .err = ENOENT);
	also(.op = "rename_to", .abs = at("sub/none"), .err = ENOENT);
}
