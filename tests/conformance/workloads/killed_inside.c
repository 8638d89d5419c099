// SPDX-License-Identifier: MIT
/* Killed inside a call that never returned: no result may be made up for it. */
#include "workload.h"

#include "blocked.h"

static void setup(void)
{
	must(mkfifo("fifo", 0600));
	make_file("before", "");
	make_file("after", "");
}

static void run(void)
{
	pid_t pid = (pid_t)must(fork());
	int status;

	if (pid == 0) {
		expect(open("before", O_RDONLY), .op = "open", .abs = at("before"));
		open("fifo", O_RDONLY);
		_exit(1);
	}
	wait_blocked(pid, pid, SYS_openat);
	must(kill(pid, SIGKILL));
	must(waitpid(pid, &status, 0));
	if (!WIFSIGNALED(status))
		wl_broken("it was not killed");
	expect(open("after", O_RDONLY), .op = "open", .abs = at("after"));
	wl_may_lose("unfinished");
}
