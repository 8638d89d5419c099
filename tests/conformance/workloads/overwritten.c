// SPDX-License-Identifier: MIT
/*
 * Another thread overwrites the name while the call is inside the kernel. What was opened is the
 * first name; a backend that reads names on exit (docs/EVENT_MODEL.md) tells the second one, and
 * the right `resolved` with it.
 */
#include "workload.h"

#include "blocked.h"

static char name[] = "first.fifo";

static void setup(void)
{
	must(mkfifo("first.fifo", 0600));
	must(mkfifo("other.fifo", 0600));
}

static void *body(void *arg)
{
	int fd;

	wait_blocked(getpid(), getpid(), SYS_openat);
	memcpy(name, "other", 5);
	fd = must(open("first.fifo", O_WRONLY)); /* lets the other one go on */
	also(.op = "open", .abs = at("first.fifo"), .thread = true, .needs = "REQUESTED");
	must(close(fd));
	return NULL;
}

static void run(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		wl_broken("cannot start a thread");
	expect(syscall(SYS_openat, AT_FDCWD, name, O_RDONLY), .op = "open", .any_abs = true,
	       .requested = "first.fifo", .late = "other.fifo", .resolved = at("first.fifo"),
	       .needs = "REQUESTED");
	pthread_join(thread, NULL);
}
