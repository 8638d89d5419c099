// SPDX-License-Identifier: MIT
/* inotify_add_watch(2). */
#include "workload.h"

#include <sys/inotify.h>

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	int fd = must(inotify_init1(IN_CLOEXEC));

	expect(inotify_add_watch(fd, at("file"), IN_OPEN), .op = "watch", .abs = at("file"));
	expect(inotify_add_watch(fd, ".", IN_OPEN), .op = "watch", .abs = at(""), .requested = ".");
	expect(inotify_add_watch(fd, "none", IN_OPEN), .op = "watch", .abs = at("none"),
	       .err = ENOENT);
}
