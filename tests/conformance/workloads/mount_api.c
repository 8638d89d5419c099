// SPDX-License-Identifier: MIT
/* open_tree, move_mount, fsopen, fspick, mount_setattr, open_tree_attr, and where they fail. */
#include "workload.h"

#include <linux/mount.h>

#include "mounts.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

struct attributes { /* struct mount_attr, which two headers define or not */
	unsigned long long set, clear, propagation, userns;
};

static void setup(void)
{
	must(mkdir("from", 0755));
	must(mkdir("to", 0755));
	must(mkdir("memory", 0755));
	make_file("from/file", "");
}

static void attach(int tree, const char *to)
{
	expect(syscall(SYS_move_mount, tree, "", AT_FDCWD, to, 4 /* F_EMPTY_PATH */), .op = "mount",
	       .abs = at(to), .requested = to);
}

static void attributes(void)
{
	struct attributes readonly = {.set = 1 /* MOUNT_ATTR_RDONLY */};

	if (syscall(SYS_mount_setattr, -1, "", 0, &readonly, sizeof(readonly)) < 0 &&
	    errno == ENOSYS)
		return;
	expect(syscall(SYS_mount_setattr, AT_FDCWD, at("to"), 0, &readonly, sizeof(readonly)),
	       .op = "mount", .abs = at("to"), .requested = at("to"));
	expect(syscall(SYS_mount_setattr, AT_FDCWD, "no-attr", 0, &readonly, sizeof(readonly)),
	       .op = "mount", .abs = at("no-attr"), .err = ENOENT);
	if (syscall(SYS_open_tree_attr, -1, "", 0, NULL, 0) < 0 && errno == ENOSYS)
		return;
	expect(syscall(SYS_open_tree_attr, AT_FDCWD, at("from"), 1, &readonly, sizeof(readonly)),
	       .op = "mount", .abs = at("from"), .requested = at("from"));
}

static void run(void)
{
	int tree, fs;

	wl_may_lose("untraced"); /* who marks file systems when it sees them mounted */
	wl_own_mounts();
	tree = (int)expect(syscall(SYS_open_tree, AT_FDCWD, "from", 1 /* OPEN_TREE_CLONE */),
			   .op = "mount", .abs = at("from"), .requested = "from");
	attach(tree, "to");
	expect(open("to/file", O_RDONLY), .op = "open", .abs = at("to/file"),
	       .resolved = at("to/file"));
	attributes();
	expect(syscall(SYS_open_tree, AT_FDCWD, "no-tree", 0), .op = "mount", .abs = at("no-tree"),
	       .err = ENOENT);

	fs = must((int)syscall(SYS_fsopen, "tmpfs", 0));
	must(syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
	attach(must((int)syscall(SYS_fsmount, fs, 0, 0)), "memory");
	expect(syscall(SYS_fspick, AT_FDCWD, at("memory"), 0), .op = "mount", .abs = at("memory"),
	       .requested = at("memory"));
	expect(syscall(SYS_fspick, AT_FDCWD, "no-fs", 0), .op = "mount", .abs = at("no-fs"),
	       .err = ENOENT);
	expect(open("memory/new", O_WRONLY | O_CREAT, 0600), .op = "open", .abs = at("memory/new"),
	       .resolved = at("memory/new"), .created = 1);
	/* A tree that is not attached yet has no path. */
	also(.op = "mount_source", .any_abs = true, .maybe = true);
}
