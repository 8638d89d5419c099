// SPDX-License-Identifier: MIT
/* A program on a mount of its own that hangs nowhere any more: it has no path, "/" least of all. */
#include "workload.h"

#include "mounts.h"
#include "programs.h"

static void setup(void)
{
	copy_program("opener", "opener");
	make_file("opener-at", "");
	make_file("file", "");
	make_file("dirfile", "");
}

static void run(void)
{
	char *argv[] = {"opener", NULL};
	int dir, fd;
	pid_t pid;

	wl_own_mounts();
	dir = (int)expect(open(".", O_PATH), .op = "open", .needs = "REQUESTED", .abs = at(""));
	must(dup2(dir, 7));
	expect(mount("opener", "opener-at", NULL, MS_BIND, NULL), .op = "mount_source",
	       .abs = at("opener"));
	also(.op = "mount", .abs = at("opener-at"));
	fd = (int)expect(open("opener-at", O_PATH | O_CLOEXEC), .op = "open", .needs = "REQUESTED",
			 .abs = at("opener-at"));
	expect(umount2("opener-at", MNT_DETACH), .op = "umount", .abs = at("opener-at"));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(errno);
	}
	wl_wait(pid);
	also(.op = "exec", .any_abs = true, .needs = "REQUESTED");
	also(.op = "open", .abs = at("file"), .requested = "file", .resolved = at("file"));
	also(.op = "open", .abs = at("dirfile"), .requested = "dirfile");
}
