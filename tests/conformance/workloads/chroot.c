// SPDX-License-Identifier: MIT
/* After chroot: absolute paths start at the new root, which is prepended. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("root", 0755));
	must(mkdir("root/sub", 0755));
	make_file("root/file", "");
	make_file("root/sub/file", "");
	make_file("outside", "");
	must(symlink("/file", "root/link"));
}

static void run(void)
{
	int outside =
		(int)expect(open(".", O_PATH), .op = "open", .needs = "REQUESTED", .abs = at(""));

	if (geteuid() != 0)
		wl_skip("chroot needs root");
	expect(chroot("root"), .op = "chroot", .abs = at("root"));
	expect(open("/file", O_RDONLY), .op = "open", .abs = at("root/file"), .requested = "/file",
	       .resolved = at("root/file"));
	expect(open("/link", O_RDONLY), .op = "open", .abs = at("root/link"),
	       .resolved = at("root/file"));
	expect(chdir("/sub"), .op = "chdir", .abs = at("root/sub"));
	expect(open("file", O_RDONLY), .op = "open", .abs = at("root/sub/file"),
	       .requested = "file");
	expect(open("/none", O_RDONLY), .op = "open", .abs = at("root/none"), .err = ENOENT);
	expect(openat(outside, "outside", O_RDONLY), .op = "open", .abs = at("outside"));
}
