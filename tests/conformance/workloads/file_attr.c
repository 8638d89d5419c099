// SPDX-License-Identifier: MIT
/* file_getattr and file_setattr (Linux 6.17). */
#include "workload.h"

#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
	make_file("file", "");
}

static void run(void)
{
	struct { /* struct file_attr */
		unsigned long long xflags;
		unsigned int extsize, nextents, projid, cowextsize;
	} attr;
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));

	if (syscall(SYS_file_getattr, -1, "none", &attr, sizeof(attr), 0) < 0 && errno == ENOSYS)
		wl_skip("the kernel has no file_getattr");
	expect(syscall(SYS_file_getattr, fd, "file", &attr, sizeof(attr), 0), .op = "stat",
	       .abs = at("sub/file"), .requested = "file", .err = ANY_ERROR);
	expect(syscall(SYS_file_getattr, fd, "", &attr, sizeof(attr), AT_EMPTY_PATH), .op = "stat",
	       .abs = at("sub"), .err = ANY_ERROR);
	expect(syscall(SYS_file_getattr, AT_FDCWD, "none", &attr, sizeof(attr), 0), .op = "stat",
	       .abs = at("none"), .err = ENOENT);
	expect(syscall(SYS_file_setattr, AT_FDCWD, at("file"), &attr, sizeof(attr), 0),
	       .op = "setattr", .abs = at("file"), .err = ANY_ERROR);
}
