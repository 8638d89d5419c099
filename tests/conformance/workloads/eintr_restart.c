// SPDX-License-Identifier: MIT
/* A blocking open that a signal interrupts and the kernel restarts is one access. */
#include "workload.h"

static volatile sig_atomic_t seen;

static void handler(int number)
{
	seen = 1;
}

static void setup(void)
{
	must(mkfifo("fifo", 0600));
}

static void run(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	pid_t parent = getpid(), pid;

	must(sigaction(SIGUSR1, &action, NULL));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		/* The parent blocks in open meanwhile; several signals, so that one hits it. */
		for (int i = 0; i < 5; i++) {
			usleep(30000);
			must(kill(parent, SIGUSR1));
		}
		usleep(30000);
		_exit(open("fifo", O_WRONLY) < 0);
	}
	expect(open("fifo", O_RDONLY), .op = "open", .abs = at("fifo"), .requested = "fifo",
	       .times = 2);
	if (!seen)
		wl_broken("no signal came");
	wl_wait(pid);
}
