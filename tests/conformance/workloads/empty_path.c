// SPDX-License-Identifier: MIT
/* The empty path: an error, or the descriptor itself with AT_EMPTY_PATH. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	int fd = (int)expect(open("file", O_RDONLY), .op = "open", .abs = at("file"));
	struct stat st;

	expect(open("", O_RDONLY), .op = "open", .abs = NULL, .requested = "", .err = ENOENT);
	expect(access("", F_OK), .op = "access", .abs = NULL, .requested = "", .err = ENOENT);
	expect(fstatat(fd, "", &st, 0), .op = "stat", .abs = NULL, .requested = "", .err = ENOENT);
	expect(fstatat(fd, "", &st, AT_EMPTY_PATH), .op = "stat", .abs = at("file"));
	expect(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH), .op = "stat", .abs = at(""));
}
