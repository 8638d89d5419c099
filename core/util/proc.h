/* SPDX-License-Identifier: MIT */
/*
 * Children with an end to each wait: their output is collected while anything is waited for,
 * and a signal that ends tkit ends the wait. One thread.
 */
#ifndef UTIL_PROC_H
#define UTIL_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

#define PROC_OUTPUT_MAX (8u << 20) /* of each stream; what is beyond is read and thrown away */
#define PROC_SET_MAX    16

/* One stream of a child. */
struct proc_pipe {
	int fd; /* -1: closed, or not wanted */
	struct buf data;
	bool cut; /* there was more than PROC_OUTPUT_MAX */
};

struct proc {
	pid_t pid; /* 0: none */
	int pidfd;
	bool ended;
	int status; /* wait status, valid if `ended` */
	struct proc_pipe out[2];
};

/* All children that are there now, and the signals that end the whole. */
struct proc_set {
	struct proc *list[PROC_SET_MAX];
	size_t count;
	int signals; /* signalfd; -1: none */
	int caught;  /* signal that came; every wait returns -EINTR from then on. 0 = none */
};

/* Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT and has them end waits. Makes tkit the parent of
 * orphans below it. */
int proc_set_init(struct proc_set *set, struct err *err);
void proc_set_done(struct proc_set *set); /* gives the signals back */

#define PROC_OUTPUT                                                                  \
	(1u << 0) /* collect standard output and error; else both go to tkit's error \
		   */

struct proc_spec {
	const char *path;          /* searched in PATH without a slash */
	char *const *argv;         /* NULL-terminated */
	char *const *env;          /* NULL: tkit's own */
	int (*run)(void *arg);     /* instead of `path`: called in the forked child, exit status */
	int (*prepare)(void *arg); /* called in the child before the exec; not 0: exit status */
	void *arg;
	unsigned int flags; /* PROC_* */
	const int *out;     /* instead of PROC_OUTPUT: standard output and error; or NULL */
	int extra;          /* becomes descriptor 3; 0 = none */
};

/* Starts a child, in a session of its own, with /dev/null as input. 0 or -errno. */
int proc_start(struct proc_set *set, const struct proc_spec *spec, struct proc *ret,
	       struct err *err);

/* Takes a child that exists (an orphan that became ours), with pipes to read or -1. */
int proc_adopt(struct proc_set *set, pid_t pid, const int pipes[2], struct proc *ret,
	       struct err *err);

/*
 * Waits until `proc` has ended and its output is read, `fd` (-1: none) is readable, or the
 * time is over; `proc` may be NULL. 1 = ended or readable, 0 = time is over, -EINTR = a signal.
 */
int proc_wait(struct proc_set *set, struct proc *proc, int fd, uint64_t deadline_ns);

/* Ends it by SIGTERM, then SIGKILL, reaps it and frees what it said. NULL-safe, repeatable. */
void proc_end(struct proc_set *set, struct proc *proc);

/* CLOCK_MONOTONIC in ns. */
uint64_t proc_now(void);

#define PROC_MS (1000000ull)
#define PROC_S  (1000000000ull)

#endif
