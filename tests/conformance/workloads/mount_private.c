// SPDX-License-Identifier: MIT
/* A file system in a mount namespace of its own, gone at once: a backend that cannot see it says
 * so. */
#include "workload.h"

#include "mounts.h"

static void setup(void)
{
	must(mkdir("at", 0755));
}

static void run(void)
{
	int fd;

	wl_own_mounts();
	expect(mount("none", "at", "tmpfs", 0, NULL), .op = "mount", .abs = at("at"));
	wl_may_lose("untraced");
	fd = (int)expect(open("at/file", O_WRONLY | O_CREAT, 0600), .op = "open",
			 .abs = at("at/file"), .resolved = at("at/file"), .created = true);
	must(close(fd));
	expect(open("at/file", O_RDONLY), .op = "open", .abs = at("at/file"),
	       .resolved = at("at/file"));
	expect(umount2("at", MNT_DETACH), .op = "umount", .abs = at("at"));
}
