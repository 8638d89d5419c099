// SPDX-License-Identifier: MIT
/* O_PATH descriptors, and opening them again through /proc/self/fd. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	char magic[64];
	int fd = (int)expect(open("file", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("file"), .resolved = at("file"));

	snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
	expect(open(magic, O_RDONLY), .op = "open", .abs = magic, .resolved = at("file"));
	snprintf(magic, sizeof(magic), "fd/%d", fd);
	fd = (int)must(open("/proc/self", O_PATH));
	expect(openat(fd, magic, O_RDONLY), .op = "open", .any_abs = true, .requested = magic,
	       .resolved = at("file"));
}
