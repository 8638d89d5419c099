// SPDX-License-Identifier: MIT
/* Mounts on mounts, a bound file, and a descriptor into a mount that is no longer attached. */
#include "workload.h"

#include "mounts.h"

static void setup(void)
{
	must(mkdir("one", 0755));
	must(mkdir("two", 0755));
	must(mkdir("at", 0755));
	make_file("one/file", "");
	make_file("two/file", "");
	make_file("source", "");
	make_file("target", "");
}

static void bind_on(const char *from, const char *to)
{
	expect(mount(from, to, NULL, MS_BIND, NULL), .op = "mount_source", .abs = at(from));
	also(.op = "mount", .abs = at(to));
}

static void run(void)
{
	int fd;

	wl_own_mounts();
	bind_on("one", "at");
	fd = (int)expect(open("at", O_PATH), .op = "open", .needs = "REQUESTED", .abs = at("at"));
	bind_on("two", "at");
	expect(open("at/file", O_RDONLY), .op = "open", .abs = at("at/file"),
	       .resolved = at("at/file"));
	expect(openat(fd, "file", O_RDWR), .op = "open", .abs = at("at/file"), .requested = "file");
	bind_on("source", "target");
	expect(open("target", O_RDONLY), .op = "open", .abs = at("target"),
	       .resolved = at("target"));
	expect(umount2("at", MNT_DETACH), .op = "umount", .abs = at("at"));
	expect(umount2("at", MNT_DETACH), .op = "umount", .abs = at("at"));
	/* Both are gone; the descriptor's mount has no place any more. */
	expect(openat(fd, "file", O_RDONLY), .op = "open", .any_abs = true, .requested = "file");
}
