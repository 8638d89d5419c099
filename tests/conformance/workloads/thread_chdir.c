// SPDX-License-Identifier: MIT
/* Threads share one working directory, until one unshares it. */
#include "workload.h"

#include <sched.h>

static void setup(void)
{
	must(mkdir("shared", 0755));
	must(mkdir("own", 0755));
	make_file("shared/file", "");
	make_file("own/file", "");
}

static void *enter_shared(void *arg)
{
	expect(chdir(at("shared")), .op = "chdir", .abs = at("shared"), .thread = true);
	return NULL;
}

static void *enter_own(void *arg)
{
	must(unshare(CLONE_FS));
	expect(chdir(at("own")), .op = "chdir", .abs = at("own"), .thread = true);
	expect(open("file", O_RDONLY), .op = "open", .abs = at("own/file"), .thread = true);
	return NULL;
}

static void in_thread(void *(*body)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL) || pthread_join(thread, NULL))
		wl_broken("cannot start a thread");
}

static void run(void)
{
	in_thread(enter_shared);
	expect(open("file", O_RDONLY), .op = "open", .abs = at("shared/file"));
	in_thread(enter_own);
	expect(open("file", O_RDWR), .op = "open", .abs = at("shared/file"));
}
