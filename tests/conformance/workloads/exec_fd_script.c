// SPDX-License-Identifier: MIT
/* A script by descriptor alone: its interpreter gets a name below /dev/fd. */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	char *line;

	copy_program("exit0", "interp");
	if (asprintf(&line, "#!%s\n", at("interp")) < 0)
		wl_broken("out of memory");
	make_file("script", line);
	must(chmod("script", 0755));
}

static void run(void)
{
	/* Not close-on-exec, or the interpreter could not open it: the kernel refuses. */
	int fd = (int)expect(open("script", O_RDONLY), .op = "open", .abs = at("script"));
	char *argv[] = {"script", NULL};
	pid_t pid = (pid_t)must(fork());

	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(errno);
	}
	wl_wait(pid);
	also(.op = "exec", .abs = at("script"));
	also(.op = "interp", .abs = at("interp"), .resolved = at("interp"));
	must(fcntl(fd, F_SETFD, FD_CLOEXEC));
	expect(syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH), .op = "exec",
	       .abs = at("script"), .err = ENOENT);
}
