// SPDX-License-Identifier: MIT
/*
 * Something to attach to: many threads that each look for a name of their own, threads that come
 * and go, children (one of them dead and not waited for; the first thread of every other one is
 * gone, with a child of that one), one that executes a program from another than its first thread.
 * usage: ptrace_attach THREADS CHILDREN SECONDS; prints "ready" when all are there
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int seconds;
static const char *self;

static void look(const char *what, long number)
{
	char name[64];

	snprintf(name, sizeof(name), "/nosuch/%s%ld", what, number);
	for (;;) {
		access(name, F_OK);
		usleep(100000);
	}
}

static void *looker(void *arg)
{
	look("thread", (long)arg);
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

/* Threads come and go while somebody lists them. */
static void *churn(void *arg)
{
	pthread_t t;

	for (;;) {
		if (pthread_create(&t, NULL, nothing, NULL) == 0)
			pthread_join(t, NULL);
		usleep(200);
	}
	return arg;
}

static void *spawner(void *arg)
{
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm((unsigned int)seconds);
		look("grandchild", (long)arg);
	}
	pause(); /* the child goes with this thread */
	return NULL;
}

static void child(long number)
{
	pthread_t t;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm((unsigned int)seconds);
	pthread_create(&t, NULL, looker, (void *)(100000 + number));
	if (number % 2) {
		pthread_create(&t, NULL, spawner, (void *)number);
		syscall(SYS_exit, 0); /* the first thread is a zombie from now on */
	}
	look("child", number);
}

static int is_traced(void)
{
	char name[64], line[256];
	int tracer = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/task/%ld/status", syscall(SYS_gettid));
	f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "TracerPid: %d", &tracer);
	if (f)
		fclose(f);
	return tracer != 0;
}

static void *runner(void *arg)
{
	while (!is_traced())
		usleep(20000);
	usleep(200000);
	execl(self, "runs", "from", "another", "thread", NULL);
	return NULL;
}

/* Its first thread is gone, and comes back when another one executes a program. */
static void leaderless(void)
{
	pthread_t t;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm((unsigned int)seconds);
	pthread_create(&t, NULL, runner, NULL);
	syscall(SYS_exit, 0);
}

/* Children that appear while tkit attaches. */
static void *parent(void *arg)
{
	for (long i = 0; i < (long)arg; i++)
		if (!fork())
			child(i);
	if (!fork())
		_exit(0); /* a zombie */
	if (!fork())
		leaderless();
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (!fork())
			_exit(access("/nosuch/brief", F_OK) == 0);
		usleep(3000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t t;

	if (argc == 4 && !strcmp(argv[0], "runs"))
		return access("/nosuch/run", F_OK) == 0;
	if (argc != 4)
		return 2;
	self = argv[0];
	seconds = atoi(argv[3]);
	alarm((unsigned int)seconds);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (long i = 0; i < atol(argv[1]); i++)
		if (pthread_create(&t, &attr, looker, (void *)i))
			return 1;
	pthread_create(&t, &attr, churn, NULL);
	pthread_create(&t, &attr, churn, NULL);
	pthread_create(&t, &attr, parent, (void *)atol(argv[2]));
	look("first", 0);
	return 0;
}
