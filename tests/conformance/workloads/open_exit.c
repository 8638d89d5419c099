// SPDX-License-Identifier: MIT
/* Right before the end: exit, exit of a group with threads, killed. */
#include "workload.h"

static void setup(void)
{
	make_file("exits", "");
	make_file("killed", "");
	make_file("last", "");
}

static void run(void)
{
	pid_t pid = (pid_t)must(fork());
	int status;

	if (pid == 0) {
		open("exits", O_RDONLY);
		_exit(0);
	}
	wl_wait(pid);
	pid = (pid_t)must(fork());
	if (pid == 0) {
		open("killed", O_RDONLY);
		raise(SIGKILL);
		_exit(0);
	}
	must(waitpid(pid, &status, 0));
	also(.op = "open", .abs = at("exits"));
	also(.op = "open", .abs = at("killed"));
	also(.op = "open", .abs = at("last"));
	_exit(open("last", O_RDONLY) < 0);
}
