// SPDX-License-Identifier: MIT
/* The stat family: absolute, relative, by descriptor, of links. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("a", "");
	make_file("b", "");
	make_file("sub/c", "");
	must(symlink("a", "link"));
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));
	struct statx stx;
	struct stat st;

	expect(stat(at("a"), &st), .op = "stat", .abs = at("a"));
	expect(stat("b", &st), .op = "stat", .abs = at("b"), .requested = "b");
	expect(lstat("link", &st), .op = "stat", .abs = at("link"));
	expect(fstatat(fd, "c", &st, AT_SYMLINK_NOFOLLOW), .op = "stat", .abs = at("sub/c"));
	expect(fstatat(fd, "", &st, AT_EMPTY_PATH), .op = "stat", .abs = at("sub"));
	expect(statx(AT_FDCWD, at("sub"), AT_STATX_DONT_SYNC, STATX_ALL, &stx), .op = "stat",
	       .abs = at("sub"));
	expect(statx(fd, "c", 0, STATX_MODE, &stx), .op = "stat", .abs = at("sub/c"));
	expect(statx(fd, "none", 0, STATX_MODE, &stx), .op = "stat", .abs = at("sub/none"),
	       .err = ENOENT);
	expect(stat("a/b", &st), .op = "stat", .abs = at("a/b"), .err = ENOTDIR);
}
