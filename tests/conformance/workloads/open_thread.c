// SPDX-License-Identifier: MIT
/* In a thread. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
	make_file("main", "");
}

static void *body(void *arg)
{
	expect(open("file", O_RDONLY), .op = "open", .abs = at("file"), .thread = true);
	return NULL;
}

static void run(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL) || pthread_join(thread, NULL))
		wl_broken("cannot start a thread");
	expect(open("main", O_RDONLY), .op = "open", .abs = at("main"));
}
