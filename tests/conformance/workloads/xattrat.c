// SPDX-License-Identifier: MIT
/* setxattrat, getxattrat, listxattrat, removexattrat (Linux 6.13). */
#include "workload.h"

#ifndef SYS_setxattrat
#define SYS_setxattrat    463
#define SYS_getxattrat    464
#define SYS_listxattrat   465
#define SYS_removexattrat 466
#endif

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
	make_file("file", "");
	must(symlink("file", "link"));
}

static void run(void)
{
	struct { /* struct xattr_args */
		unsigned long long value;
		unsigned int size, flags;
	} args;
	int fd = (int)expect(open("sub", O_PATH), .op = "open", .needs = "REQUESTED",
			     .abs = at("sub"));
	int file = (int)expect(open("file", O_RDONLY), .op = "open", .abs = at("file"));
	char value[64] = "v";

	args = (__typeof__(args)){(unsigned long)value, 1, 0};
	if (syscall(SYS_listxattrat, -1, value, 0, NULL, 0) < 0 && errno == ENOSYS)
		wl_skip("the kernel has no setxattrat");
	expect(syscall(SYS_setxattrat, fd, "file", 0, "user.a", &args, sizeof(args)),
	       .op = "setxattr", .abs = at("sub/file"), .requested = "file", .err = ANY_ERROR);
	args.size = sizeof(value);
	expect(syscall(SYS_getxattrat, AT_FDCWD, at("file"), 0, "user.a", &args, sizeof(args)),
	       .op = "getxattr", .abs = at("file"), .err = ANY_ERROR);
	expect(syscall(SYS_getxattrat, file, "", AT_EMPTY_PATH, "user.a", &args, sizeof(args)),
	       .op = "getxattr", .abs = at("file"), .err = ANY_ERROR);
	expect(syscall(SYS_listxattrat, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, value,
		       sizeof(value)),
	       .op = "listxattr", .abs = at("link"), .err = ANY_ERROR);
	expect(syscall(SYS_removexattrat, fd, "file", 0, "user.a"), .op = "removexattr",
	       .abs = at("sub/file"), .err = ANY_ERROR);
	expect(syscall(SYS_removexattrat, AT_FDCWD, "none", 0, "user.a"), .op = "removexattr",
	       .abs = at("none"), .err = ENOENT);
}
