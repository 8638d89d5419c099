// SPDX-License-Identifier: MIT
/* Extended attributes: get, list, set, remove, of links, too. The file system may refuse; the trace
 * must say so. */
#include "workload.h"

#include <sys/xattr.h>

static void setup(void)
{
	make_file("file", "");
	must(symlink("file", "link"));
}

static void run(void)
{
	char value[64];

	expect(setxattr("file", "user.tkit", "v", 1, 0), .op = "setxattr", .abs = at("file"),
	       .err = ANY_ERROR);
	expect(getxattr(at("file"), "user.tkit", value, sizeof(value)), .op = "getxattr",
	       .abs = at("file"), .err = ANY_ERROR);
	expect(getxattr("file", "user.none", value, sizeof(value)), .op = "getxattr",
	       .abs = at("file"), .err = ANY_ERROR);
	expect(lgetxattr("link", "trusted.none", value, sizeof(value)), .op = "getxattr",
	       .abs = at("link"), .err = ANY_ERROR);
	expect(listxattr("file", value, sizeof(value)), .op = "listxattr", .abs = at("file"),
	       .err = ANY_ERROR);
	expect(llistxattr("link", value, sizeof(value)), .op = "listxattr", .abs = at("link"),
	       .err = ANY_ERROR);
	expect(removexattr("file", "user.tkit"), .op = "removexattr", .abs = at("file"),
	       .err = ANY_ERROR);
	expect(getxattr("none", "user.tkit", value, sizeof(value)), .op = "getxattr",
	       .abs = at("none"), .err = ENOENT);
}
