/* SPDX-License-Identifier: MIT */
/* For workloads in which somebody must act while another one waits inside a system call. */
#ifndef BLOCKED_H
#define BLOCKED_H

#include "workload.h"

/* One small file of /proc, "" if it is gone. */
__attribute__((unused)) static void proc_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The state letter of a thread, 0 if there is none; a tracer's stops are 't'. */
__attribute__((unused)) static char task_state(pid_t pid, pid_t tid)
{
	char path[64], text[512], *name_end;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	proc_text(path, text, sizeof(text));
	name_end = strrchr(text, ')');
	return name_end && name_end[1] ? name_end[2] : '\0';
}

/* Returns when the thread sleeps inside system call `number`, behind the tracer's look at its
 * entry. */
__attribute__((unused)) static void wait_blocked(pid_t pid, pid_t tid, long number)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	for (int i = 0; i < 20000; i++) {
		proc_text(path, text, sizeof(text));
		if (strtol(text, NULL, 10) == number && strncmp(text, "running", 7) != 0 &&
		    task_state(pid, tid) == 'S')
			return;
		usleep(1000);
	}
	wl_broken("thread %d never waits in call %ld: %s", tid, number, text);
}
#endif
