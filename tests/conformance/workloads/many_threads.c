// SPDX-License-Identifier: MIT
/* A thousand threads that live at the same time, each opening a file of its own. */
#include "workload.h"

#define THREADS 1000

static pthread_barrier_t all_there;

static void setup(void)
{
	char name[16];

	for (int i = 0; i < THREADS; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		make_file(name, "");
	}
}

static void *body(void *arg)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "t%d", (int)(intptr_t)arg);
	pthread_barrier_wait(&all_there);
	fd = must(open(name, O_RDONLY));
	must(close(fd));
	return NULL;
}

static void run(void)
{
	static pthread_t threads[THREADS];
	pthread_attr_t attr;
	char name[16];

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_barrier_init(&all_there, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], &attr, body, (void *)(intptr_t)i))
			wl_skip("the system does not allow 1000 threads");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		snprintf(name, sizeof(name), "t%d", i);
		also(.op = "open", .abs = at(name), .requested = name, .resolved = at(name),
		     .thread = true, .times = 1);
	}
}
