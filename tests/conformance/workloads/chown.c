// SPDX-License-Identifier: MIT
/* chown(2), lchown(2), fchownat(2). */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
	make_file("sub/b", "");
	must(symlink("a", "link"));
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(chown(at("a"), (uid_t)-1, (gid_t)-1), .op = "chown", .abs = at("a"));
	expect(lchown("link", (uid_t)-1, (gid_t)-1), .op = "chown", .abs = at("link"));
	expect(fchownat(fd, "b", (uid_t)-1, (gid_t)-1, 0), .op = "chown", .abs = at("sub/b"));
	expect(chown("none", 0, 0), .op = "chown", .abs = at("none"), .err = ENOENT);
}
