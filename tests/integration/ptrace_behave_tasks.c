// SPDX-License-Identifier: MIT
/* Threads and processes, how they begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace_behave.h"

/* ---- threads and processes ---- */

static void *opener(void *arg)
{
	int fd = open(behave_dir, O_RDONLY);

	if (fd < 0)
		return (void *)1;
	close(fd);
	return NULL;
}

void behave_threads(void)
{
	long made = 0, failed = 0;

	for (int round = 0; round < 10; round++) {
		pthread_t t[100];
		void *result;

		for (int i = 0; i < 100; i++)
			made += pthread_create(&t[i], NULL, opener, NULL) == 0;
		for (int i = 0; i < 100; i++) {
			pthread_join(t[i], &result);
			failed += result != NULL;
		}
	}
	printf("made %ld failed %ld\n", made, failed);
}

void behave_processes(void)
{
	char *argv[] = {behave_self, (char *)behave_dir, (char *)"true", NULL};
	pid_t pid, grandchild;
	int pipefd[2];

	pid = vfork();
	if (!pid) {
		execve(behave_self, argv, NULL);
		_exit(127);
	}
	behave_wait(pid, 0);
	printf("spawn %d\n", posix_spawn(&pid, behave_self, NULL, NULL, argv, NULL));
	behave_wait(pid, 0);
	printf("spawn %d\n", posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, NULL));
	/* the leader goes first, the other thread ends the process */
	pid = fork();
	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, behave_pause_thread, NULL);
		if (syscall(SYS_gettid) == getpid()) {
			alarm(1);
			syscall(SYS_exit, 3);
		}
	}
	behave_wait(pid, 0);
	/* an orphan goes on */
	if (pipe(pipefd) < 0)
		return;
	pid = fork();
	if (!pid) {
		grandchild = fork();
		if (!grandchild) {
			usleep(50000);
			_exit(write(pipefd[1], "x", access("/", F_OK) == 0) != 1);
		}
		_exit(0);
	}
	behave_wait(pid, 0);
	printf("orphan %zd\n", read(pipefd[0], argv, 1));
}

static void *exec_thread(void *arg)
{
	char pid[32];
	char *argv[] = {behave_self, (char *)behave_dir, (char *)"pid", pid, NULL};

	snprintf(pid, sizeof(pid), "%d", getpid());
	execve(behave_self, argv, NULL);
	return NULL;
}

/* exec from a thread that is not the leader, while others sit in calls */
void behave_thread_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 5; i++)
			pthread_create(&t, NULL, behave_pause_thread, NULL);
		usleep(20000);
		pthread_create(&t, NULL, exec_thread, NULL);
		pause();
	}
	behave_wait(pid, 0);
}

#define STACK 65536
static int untraced_child(void *arg)
{
	return access("/", F_OK) == 0 ? 11 : errno;
}

void behave_untraced(void)
{
	static char stack[STACK] __attribute__((aligned(16)));
	struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
	pid_t pid = clone(untraced_child, stack + STACK, CLONE_UNTRACED | SIGCHLD, NULL);

	behave_wait(pid, 0);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(untraced_child(NULL));
	printf("flags %d\n", args.flags == CLONE_UNTRACED);
	behave_wait(pid, 0);
}
