// SPDX-License-Identifier: MIT
/* A grandchild whose parent is gone, in a session of its own. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	int pipes[2];
	char byte;
	pid_t pid;

	must(pipe2(pipes, O_CLOEXEC));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		must(setsid());
		if (must(fork()) > 0)
			_exit(0);
		while (getppid() == pid)
			usleep(1000);
		expect(open("file", O_RDONLY), .op = "open", .abs = at("file"));
		_exit(0);
	}
	wl_wait(pid);
	must(close(pipes[1]));
	if (must(read(pipes[0], &byte, 1)) != 0)
		wl_broken("the daemon does not end");
}
