// SPDX-License-Identifier: MIT
/* An absolute path, by open(2) as libc makes it and by a raw openat. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
	make_file("other.so.1", "");
}

static void run(void)
{
	expect(open(at("file"), O_RDONLY), .op = "open", .abs = at("file"), .requested = at("file"),
	       .resolved = at("file"));
	expect(syscall(SYS_openat, AT_FDCWD, at("other.so.1"), O_RDWR | O_CLOEXEC), .op = "open",
	       .abs = at("other.so.1"), .resolved = at("other.so.1"));
}
