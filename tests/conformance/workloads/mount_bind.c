// SPDX-License-Identifier: MIT
/* Bind mounts in a mount namespace of its own, and an open through one. */
#include "workload.h"

#include "mounts.h"

static void setup(void)
{
	must(mkdir("from", 0755));
	must(mkdir("to", 0755));
	make_file("from/file", "");
}

static void run(void)
{
	wl_own_mounts();
	expect(mount("from", "to", NULL, MS_BIND, NULL), .op = "mount_source", .abs = at("from"));
	also(.op = "mount", .abs = at("to"));
	expect(open("to/file", O_RDONLY), .op = "open", .abs = at("to/file"));
	expect(umount2(at("to"), MNT_DETACH), .op = "umount", .abs = at("to"));
}
