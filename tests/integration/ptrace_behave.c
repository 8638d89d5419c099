// SPDX-License-Identifier: MIT
/*
 * Prints what a program can observe of itself and its children. It must print the same
 * whether it is traced or not. usage: ptrace_behave DIR [SCENARIO]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace_behave.h"

const char *behave_dir;
char behave_self[4096];

const char *behave_status(int st)
{
	static char text[64];

	if (WIFEXITED(st))
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(st));
	else if (WIFSIGNALED(st))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(st));
	else if (WIFSTOPPED(st))
		snprintf(text, sizeof(text), "stopped %d", WSTOPSIG(st));
	else if (WIFCONTINUED(st))
		snprintf(text, sizeof(text), "continued");
	return text;
}

void behave_tell(const char *what, long ret)
{
	printf("%s: %ld errno %d\n", what, ret, ret < 0 ? errno : 0);
}

void behave_wait(pid_t pid, int flags)
{
	int st = 0;
	pid_t got = waitpid(pid, &st, flags);

	printf("%s%s\n", got > 0 ? "" : "no child: ", behave_status(st));
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"signals", behave_signals},
	{"dying", behave_dying},
	{"restart", behave_restart},
	{"stopping", behave_stopping},
	{"stop_threads", behave_stop_threads},
	{"stop_new_threads", behave_stop_new_threads},
	{"threads", behave_threads},
	{"processes", behave_processes},
	{"thread_exec", behave_thread_exec},
	{"untraced", behave_untraced},
	{"arguments", behave_arguments},
	{"filters", behave_filters},
	{"compat", behave_compat},
	{"strict", behave_strict},
};

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", behave_self, sizeof(behave_self) - 1);

	if (argc < 2 || n <= 0)
		return 2;
	behave_dir = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && strcmp(argv[2], "true") == 0)
		return 0;
	if (argc > 3 && strcmp(argv[2], "pid") == 0) {
		printf("same pid %d\n", atoi(argv[3]) == getpid());
		printf("same tid %d\n", getpid() == (int)syscall(SYS_gettid));
		return 9;
	}
	if (argc > 2 && strcmp(argv[2], "traceme") == 0) {
		printf("traceme: %s\n", ptrace(PTRACE_TRACEME, 0, 0, 0) ? strerror(errno) : "ok");
		return 0;
	}
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (argc > 2 && strcmp(argv[2], scenarios[i].name) != 0)
			continue;
		printf("-- %s\n", scenarios[i].name);
		fflush(stdout);
		if (!fork()) {
			scenarios[i].run();
			exit(0);
		}
		behave_wait(-1, 0);
	}
	return 0;
}
