// SPDX-License-Identifier: MIT
/*
 * A blocking open that a signal ends with EINTR. Inside the kernel that is the same as one that
 * will be restarted, so it need not be told (docs/EVENT_MODEL.md); the next try must be, once.
 */
#include "workload.h"

#include "blocked.h"

static void handler(int number)
{
}

static void setup(void)
{
	must(mkfifo("fifo", 0600));
}

static void run(void)
{
	struct sigaction action = {.sa_handler = handler};
	pid_t parent = getpid(), pid;
	int ended[2];
	char byte = 0;

	must(pipe(ended));
	must(sigaction(SIGUSR1, &action, NULL));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		wait_blocked(parent, parent, SYS_openat);
		must(kill(parent, SIGUSR1));
		must(read(ended[0], &byte, 1)); /* or the open would still succeed */
		expect(open("fifo", O_WRONLY), .op = "open", .abs = at("fifo"),
		       .needs = "REQUESTED");
		_exit(0);
	}
	expect(open("fifo", O_RDONLY), .op = "open", .abs = at("fifo"), .requested = "fifo",
	       .err = EINTR, .maybe = true);
	must(write(ended[1], &byte, 1));
	expect(open("fifo", O_RDONLY), .op = "open", .abs = at("fifo"), .requested = "fifo",
	       .needs = "REQUESTED");
	wl_wait(pid);
}
