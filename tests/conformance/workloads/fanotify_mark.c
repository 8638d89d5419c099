// SPDX-License-Identifier: MIT
/* fanotify_mark(2): by name, relative to a descriptor, and the descriptor itself. */
#include "workload.h"

#include <sys/fanotify.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
	make_file("sub/file", "");
}

static void run(void)
{
	int fd = (int)expect(open("sub", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("sub"));
	int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY);

	if (group < 0)
		wl_skip("fanotify is not allowed");
	expect(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, at("file")),
	       .op = "watch", .abs = at("file"));
	expect(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_WRITE, fd, "file"), .op = "watch",
	       .abs = at("sub/file"), .requested = "file");
	expect(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_WRITE, fd, NULL), .op = "watch",
	       .abs = at("sub"));
	expect(fanotify_mark(group, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "none"), .op = "watch",
	       .abs = at("none"), .err = ENOENT);
}
