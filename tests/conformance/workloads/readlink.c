// SPDX-License-Identifier: MIT
/* readlink(2) and readlinkat(2), also of what is no link. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	must(symlink("target", "link"));
	must(symlink("target", "sub/link"));
	make_file("file", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));
	char target[64];

	expect(readlink(at("link"), target, sizeof(target)), .op = "readlink", .abs = at("link"));
	expect(readlink("link", target, sizeof(target)), .op = "readlink", .abs = at("link"),
	       .requested = "link");
	expect(readlinkat(fd, "link", target, sizeof(target)), .op = "readlink",
	       .abs = at("sub/link"));
	expect(readlink("file", target, sizeof(target)), .op = "readlink", .abs = at("file"),
	       .err = EINVAL);
	expect(readlink("none", target, sizeof(target)), .op = "readlink", .abs = at("none"),
	       .err = ENOENT);
}
