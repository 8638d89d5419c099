// SPDX-License-Identifier: MIT
/* RESOLVE_IN_ROOT: an absolute path starts at the descriptor; where it ended up must be right. */
#include "workload.h"

#include <linux/openat2.h>

static void setup(void)
{
	must(mkdir("root", 0755));
	make_file("root/file", "");
	must(symlink("/file", "root/link"));
}

static void run(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
	int fd = (int)expect(open("root", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("root"));

	expect(syscall(SYS_openat2, fd, "/file", &how, sizeof(how)), .op = "open", .any_abs = true,
	       .requested = "/file", .resolved = at("root/file"));
	expect(syscall(SYS_openat2, fd, "link", &how, sizeof(how)), .op = "open",
	       .abs = at("root/link"), .resolved = at("root/file"));
}
