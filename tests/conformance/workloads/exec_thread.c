// SPDX-License-Identifier: MIT
/* An exec in a thread that is not the main one: it becomes the main one. */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	copy_program("exit0", "program");
	make_file("before", "");
}

static void *body(void *arg)
{
	char *argv[] = {"program", NULL};

	usleep(10000);
	expect(open("before", O_RDONLY), .op = "open", .abs = at("before"), .thread = true);
	also(.op = "exec", .abs = at("program"), .resolved = at("program"));
	execv("program", argv);
	wl_broken("exec: %s", strerror(errno));
}

static void run(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		wl_broken("cannot start a thread");
	for (;;)
		pause();
}
