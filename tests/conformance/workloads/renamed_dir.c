// SPDX-License-Identifier: MIT
/* The directory of a descriptor, and the working directory, get another name meanwhile. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("a", 0755));
	must(mkdir("a/sub", 0755));
	make_file("a/file", "");
	make_file("a/sub/file", "");
}

static void run(void)
{
	int fd = (int)expect(open("a", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("a"));
	pid_t pid;

	expect(openat(fd, "file", O_RDONLY), .op = "open", .abs = at("a/file"));
	expect(chdir("a/sub"), .op = "chdir", .abs = at("a/sub"));
	pid = (pid_t)must(fork());
	if (pid == 0) { /* somebody else renames */
		expect(rename(at("a"), at("b")), .op = "rename_from", .abs = at("a"));
		also(.op = "rename_to", .abs = at("b"));
		_exit(0);
	}
	wl_wait(pid);
	expect(openat(fd, "file", O_RDONLY), .op = "open", .abs = at("b/file"),
	       .resolved = at("b/file"));
	expect(open("file", O_RDONLY), .op = "open", .abs = at("b/sub/file"),
	       .resolved = at("b/sub/file"));
	expect(open("none", O_RDONLY), .op = "open", .abs = at("b/sub/none"), .err = ENOENT);
}
