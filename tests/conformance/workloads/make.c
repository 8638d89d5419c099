// SPDX-License-Identifier: MIT
/* mkdir(2), rmdir(2), mknod(2) and their forms with a descriptor. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	expect(mkdir("dir", 0755), .op = "mkdir", .abs = at("dir"), .requested = "dir");
	expect(mkdirat(fd, "dir", 0755), .op = "mkdir", .abs = at("sub/dir"));
	expect(mkdir("dir", 0755), .op = "mkdir", .abs = at("dir"), .err = EEXIST);
	expect(mkfifo(at("fifo"), 0600), .op = "mknod", .abs = at("fifo"));
	expect(mknodat(fd, "node", S_IFREG | 0600, 0), .op = "mknod", .abs = at("sub/node"));
	expect(rmdir("dir"), .op = "rmdir", .abs = at("dir"));
	expect(unlinkat(fd, "dir", AT_REMOVEDIR), .any_abs = true, .op = "unlink", .maybe = true);
	also(.op = "rmdir", .abs = at("sub/dir"), .maybe = true);
	expect(rmdir("sub"), .op = "rmdir", .abs = at("sub"), .err = ENOTEMPTY);
}
