// SPDX-License-Identifier: MIT
/* link(2), linkat(2) and symlink(2): both names of a link, one of a symlink. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(link("a", at("hard")), .op = "link_from", .abs = at("a"));
	also(.op = "link_to", .abs = at("hard"));
	expect(linkat(AT_FDCWD, "a", fd, "hard", 0), .op = "link_from", .abs = at("a"));
	also(.op = "link_to", .abs = at("sub/hard"));
	expect(link("none", "hard2"), .op = "link_from", .abs = at("none"), .err = ENOENT);
	also(.op = "link_to", .abs = at("hard2"), .err = ENOENT);
	expect(symlink("a", "soft"), .op = "symlink", .abs = at("soft"), .requested = "soft");
	expect(symlinkat("/anything", fd, "soft"), .op = "symlink", .abs = at("sub/soft"));
	expect(symlink("a", "soft"), .op = "symlink", .abs = at("soft"), .err = EEXIST);
}
