// SPDX-License-Identifier: MIT
/* Bind mounts in a mount namespace of its own, and an open through one. */
#include "workload.h"

#include <sched.h>
#include <sys/mount.h>

static void setup(void)
{
	must(mkdir("from", 0755));
	must(mkdir("to", 0755));
	make_file("from/file", "");
}

static void run(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		wl_skip("mounting needs CAP_SYS_ADMIN");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	expect(mount("from", "to", NULL, MS_BIND, NULL), .op = "mount_source", .abs = at("from"));
	also(.op = "mount", .abs = at("to"));
	expect(open("to/file", O_RDONLY), .op = "open", .abs = at("to/file"));
	expect(umount2(at("to"), MNT_DETACH), .op = "umount", .abs = at("to"));
}
