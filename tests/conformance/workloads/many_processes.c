// SPDX-License-Identifier: MIT
/* A hundred processes that start together; each has a working directory and a file of its own. */
#include "workload.h"

#define PROCESSES 100

static void setup(void)
{
	char name[32];

	for (int i = 0; i < PROCESSES; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		must(mkdir(name, 0755));
		strcat(name, "/own");
		make_file(name, "");
	}
}

static void child(int number, int start)
{
	char name[32], byte;

	snprintf(name, sizeof(name), "p%d", number);
	must(read(start, &byte, 1)); /* the end of the pipe: all are there */
	if (chdir(name) < 0 || open("own", O_RDONLY) < 0)
		_exit(errno);
	_exit(0);
}

static void run(void)
{
	pid_t pids[PROCESSES];
	char name[32];
	int start[2];

	must(pipe(start));
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = (pid_t)must(fork());
		if (pids[i] == 0) {
			must(close(start[1]));
			child(i, start[0]);
		}
	}
	must(close(start[1]));
	for (int i = 0; i < PROCESSES; i++) {
		wl_wait(pids[i]);
		snprintf(name, sizeof(name), "p%d", i);
		also(.op = "chdir", .abs = at(name), .resolved = at(name), .times = 1);
		strcat(name, "/own");
		also(.op = "open", .abs = at(name), .requested = "own", .resolved = at(name),
		     .times = 1);
	}
}
