// SPDX-License-Identifier: MIT
/* clone3(2): a child, a sibling (CLONE_PARENT), and one that shares directory and descriptors. */
#include "workload.h"

#include <linux/sched.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("child", "");
	make_file("sibling", "");
	make_file("aunt", "");
	make_file("sub/shared", "");
	make_file("sub/by-fd", "");
}

static pid_t clone_with(unsigned long long flags)
{
	struct clone_args args = {.flags = flags,
				  .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0 && errno == ENOSYS)
		wl_skip("the kernel has no clone3");
	return (pid_t)must(pid);
}

/* Opens a file in the new process. Returns when nobody holds the pipe any more. */
static void open_in(unsigned long long flags, const char *name)
{
	int pipes[2];
	char byte;
	pid_t pid;

	must(pipe2(pipes, O_CLOEXEC));
	pid = clone_with(flags);
	if (pid == 0) {
		expect(open(name, O_RDONLY), .op = "open", .abs = at(name), .requested = name,
		       .resolved = at(name));
		_exit(0);
	}
	must(close(pipes[1]));
	if (must(read(pipes[0], &byte, 1)) != 0)
		wl_broken("the child does not end");
	must(close(pipes[0]));
	if (!(flags & CLONE_PARENT))
		wl_wait(pid);
}

static void run(void)
{
	pid_t pid;

	open_in(0, "child");
	pid = (pid_t)must(fork());
	if (pid == 0) {
		open_in(CLONE_PARENT, "sibling"); /* becomes a child of the first process */
		_exit(0);
	}
	wl_wait(pid);
	wl_wait(-1);
	open_in(CLONE_PARENT, "aunt"); /* becomes a child of whoever started this workload */

	pid = clone_with(CLONE_FS | CLONE_FILES);
	if (pid == 0) {
		int fd = (int)expect(open("sub", O_RDONLY), .op = "open", .abs = at("sub"));

		must(dup2(fd, 42));
		expect(chdir("sub"), .op = "chdir", .abs = at("sub"));
		_exit(0);
	}
	wl_wait(pid);
	expect(open("shared", O_RDONLY), .op = "open", .abs = at("sub/shared"));
	expect(openat(42, "by-fd", O_RDONLY), .op = "open", .abs = at("sub/by-fd"));
}
