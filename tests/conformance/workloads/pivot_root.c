// SPDX-License-Identifier: MIT
/* After pivot_root: names are those of the new root, files are where the old one has them. */
#include "workload.h"

#include "mounts.h"

static void setup(void)
{
	must(mkdir("new", 0755));
	must(mkdir("new/old", 0755));
	must(mkdir("new/sub", 0755));
	make_file("new/file", "");
	make_file("new/sub/file", "");
	make_file("outside", "");
}

static void run(void)
{
	char *behind, *through;

	wl_own_mounts();
	expect(mount("new", "new", NULL, MS_BIND, NULL), .op = "mount_source", .abs = at("new"));
	also(.op = "mount", .abs = at("new"));
	expect(syscall(SYS_pivot_root, "new", "new/old"), .op = "pivot_root", .abs = at("new"),
	       .requested = "new");
	also(.op = "pivot_old", .abs = at("new/old"), .requested = "new/old");
	/* The new root is a directory of the old one: that is where the files are. */
	expect(chdir("/sub"), .op = "chdir", .abs = at("new/sub"), .requested = "/sub",
	       .resolved = at("new/sub"));
	expect(open("/file", O_RDONLY), .op = "open", .abs = at("new/file"), .requested = "/file",
	       .resolved = at("new/file"));
	expect(open("file", O_RDWR), .op = "open", .abs = at("new/sub/file"), .requested = "file",
	       .resolved = at("new/sub/file"));
	if (asprintf(&behind, "/old%s", at("outside")) < 0 ||
	    asprintf(&through, "%s%s", at("new"), behind) < 0)
		wl_broken("out of memory");
	expect(open(behind, O_RDONLY), .op = "open", .abs = through, .requested = behind,
	       .resolved = at("outside"));
}
