// SPDX-License-Identifier: MIT
/* An overlay: from its lower and upper layer, copied up by a write, made, gone. */
#include "workload.h"

#include "mounts.h"

static void setup(void)
{
	must(mkdir("lower", 0755));
	must(mkdir("upper", 0755));
	must(mkdir("work", 0755));
	must(mkdir("merged", 0755));
	make_file("lower/low", "");
	make_file("lower/copied", "");
	make_file("upper/up", "");
}

static void run(void)
{
	char *options;

	wl_may_lose("untraced"); /* who marks file systems when it sees them mounted */
	wl_own_mounts();
	if (asprintf(&options, "lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"),
		     at("work")) < 0)
		wl_broken("out of memory");
	if (mount("overlay", "merged", "overlay", 0, options) < 0)
		wl_skip("no overlay can be mounted here");
	also(.op = "mount", .abs = at("merged"));
	also(.op = "open", .abs = at("work"), .maybe = true); /* the kernel, for itself */
	expect(open("merged/low", O_RDONLY), .op = "open", .abs = at("merged/low"),
	       .resolved = at("merged/low"));
	expect(open("merged/up", O_RDONLY), .op = "open", .abs = at("merged/up"),
	       .resolved = at("merged/up"));
	expect(open("merged/copied", O_RDWR), .op = "open", .abs = at("merged/copied"),
	       .resolved = at("merged/copied"));
	expect(open("merged/new", O_WRONLY | O_CREAT, 0600), .op = "open", .abs = at("merged/new"),
	       .resolved = at("merged/new"), .created = 1);
	expect(unlink("merged/low"), .op = "unlink", .abs = at("merged/low"));
	expect(open("merged/low", O_RDONLY), .op = "open", .abs = at("merged/low"), .err = ENOENT);
}
