/* SPDX-License-Identifier: MIT */
/* For workloads that execute something: small programs from the helpers directory. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "workload.h"

/* Copies the helper program `name`, which the build puts beside the workloads, to `to`. */
__attribute__((unused)) static void copy_program(const char *name, const char *to)
{
	char path[PATH_MAX], buf[65536];
	ssize_t n = must(readlink("/proc/self/exe", path, sizeof(path) - 1));
	int from, out;

	path[n] = '\0';
	*(strrchr(path, '/') + 1) = '\0';
	strncat(path, "helper-", sizeof(path) - strlen(path) - 1);
	strncat(path, name, sizeof(path) - strlen(path) - 1);
	from = must(open(path, O_RDONLY | O_CLOEXEC));
	out = must(open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
	while ((n = must(read(from, buf, sizeof(buf)))) > 0)
		must(write(out, buf, (size_t)n));
	must(close(from));
	must(close(out));
}

/* Runs a program in a child and waits; it must end with status 0. */
__attribute__((unused)) static void spawn(const char *program, const char *arg)
{
	char *argv[] = {(char *)program, (char *)arg, NULL};
	pid_t pid = (pid_t)must(fork());

	if (pid == 0) {
		execv(program, argv);
		_exit(errno ? errno : 1);
	}
	wl_wait(pid);
}
#endif
