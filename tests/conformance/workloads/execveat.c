// SPDX-License-Identifier: MIT
/* execveat(2): by descriptor alone (fexecve), relative to one, with a working directory elsewhere.
 */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	copy_program("exit0", "sub/one");
	copy_program("exit0", "sub/two");
}

static void exec_at(int dirfd, const char *path, int flags)
{
	char *argv[] = {"program", NULL};
	pid_t pid = (pid_t)must(fork());

	if (pid == 0) {
		syscall(SYS_execveat, dirfd, path, argv, environ, flags);
		_exit(errno);
	}
	wl_wait(pid);
}

static void run(void)
{
	int fd = (int)expect(open("sub/one", O_PATH | O_CLOEXEC), .op = "open",
			     .needs = "REQUESTED", .abs = at("sub/one"));
	int dir = (int)expect(open("sub", O_PATH | O_CLOEXEC), .op = "open", .needs = "REQUESTED",
			      .abs = at("sub"));

	exec_at(fd, "", AT_EMPTY_PATH);
	also(.op = "exec", .abs = at("sub/one"), .resolved = at("sub/one"));
	exec_at(dir, "two", 0);
	also(.op = "exec", .abs = at("sub/two"), .requested = "two", .resolved = at("sub/two"));
	if (syscall(SYS_execveat, dir, "none", NULL, NULL, 0) == 0 || errno != ENOENT)
		wl_broken("execveat of nothing");
	also(.op = "exec", .abs = at("sub/none"), .err = ENOENT);
}
