// SPDX-License-Identifier: MIT
/* After pivot_root: where files are is told as the kernel's path, what was asked for as it was. */
#include "workload.h"

#include <sched.h>
#include <sys/mount.h>

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
	char *behind;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		wl_skip("mounting needs CAP_SYS_ADMIN");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	expect(mount("new", "new", NULL, MS_BIND, NULL), .op = "mount_source", .abs = at("new"));
	also(.op = "mount", .abs = at("new"));
	expect(syscall(SYS_pivot_root, "new", "new/old"), .op = "pivot_root", .abs = at("new"),
	       .requested = "new");
	also(.op = "pivot_old", .abs = at("new/old"), .requested = "new/old");
	expect(chdir("/sub"), .op = "chdir", .any_abs = true, .requested = "/sub");
	expect(open("/file", O_RDONLY), .op = "open", .any_abs = true, .requested = "/file");
	expect(open("file", O_RDWR), .op = "open", .any_abs = true, .requested = "file");
	if (asprintf(&behind, "/old%s", at("outside")) < 0)
		wl_broken("out of memory");
	expect(open(behind, O_RDONLY), .op = "open", .any_abs = true, .requested = behind);
}
