// SPDX-License-Identifier: MIT
/* The main thread ends first; the process goes on and opens. */
#include "workload.h"

#include "blocked.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
}

static void *body(void *arg)
{
	while (task_state(getpid(), getpid()) != 'Z')
		usleep(1000);
	expect(chdir("sub"), .op = "chdir", .abs = at("sub"), .thread = true);
	expect(open("file", O_RDONLY), .op = "open", .abs = at("sub/file"), .requested = "file",
	       .resolved = at("sub/file"), .thread = true);
	expect(open("none", O_RDONLY), .op = "open", .abs = at("sub/none"), .err = ENOENT,
	       .thread = true);
	_exit(0);
}

static void run(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		wl_broken("cannot start a thread");
	syscall(SYS_exit, 0);
}
