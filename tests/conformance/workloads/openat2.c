// SPDX-License-Identifier: MIT
/* openat2(2): absolute, relative to a descriptor, and refused by its resolve flags. */
#include "workload.h"

#include <linux/openat2.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
	make_file("sub/a", "");
	must(symlink("a", "sub/link"));
}

static long how_open(int dirfd, const char *path, unsigned long long resolve)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = resolve};

	return syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(how_open(AT_FDCWD, at("file"), 0), .op = "open", .abs = at("file"),
	       .resolved = at("file"));
	expect(how_open(AT_FDCWD, "sub/a", 0), .op = "open", .abs = at("sub/a"));
	expect(how_open(fd, "a", RESOLVE_BENEATH), .op = "open", .abs = at("sub/a"),
	       .requested = "a", .resolved = at("sub/a"));
	expect(how_open(fd, "link", RESOLVE_NO_SYMLINKS), .op = "open", .abs = at("sub/link"),
	       .err = ELOOP);
	expect(how_open(fd, "../file", RESOLVE_BENEATH), .op = "open", .abs = at("sub/../file"),
	       .err = EXDEV);
}
