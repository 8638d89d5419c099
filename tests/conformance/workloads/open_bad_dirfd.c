// SPDX-License-Identifier: MIT
/* Directory descriptors that are none: no base, so no absolute path. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	int fd = (int)expect(open("file", O_RDONLY), .op = "open", .abs = at("file"));

	expect(openat(987, "closed", O_RDONLY), .op = "open", .abs = NULL, .requested = "closed",
	       .err = EBADF);
	expect(openat(-5, "negative", O_RDONLY), .op = "open", .abs = NULL, .requested = "negative",
	       .err = EBADF);
	expect(openat(fd, "below", O_RDONLY), .op = "open", .any_abs = true, .requested = "below",
	       .err = ENOTDIR);
	also(.op = "open", .abs = at("file/below"), .err = ENOTDIR, .maybe = true);
	expect(openat(987, at("file"), O_RDWR), .op = "open", .abs = at("file"));
}
