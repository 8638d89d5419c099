// SPDX-License-Identifier: MIT
/* O_TMPFILE: the directory is what was named; the file has no name until it is linked. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
}

static void run(void)
{
	char magic[64];
	int fd = open("sub", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 && errno == EOPNOTSUPP)
		wl_skip("the file system has no O_TMPFILE");
	must(fd);
	also(.op = "open", .abs = at("sub"), .needs = "REQUESTED");
	snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
	expect(linkat(AT_FDCWD, magic, AT_FDCWD, "sub/name", AT_SYMLINK_FOLLOW), .op = "link_from",
	       .abs = magic);
	also(.op = "link_to", .abs = at("sub/name"));
}
