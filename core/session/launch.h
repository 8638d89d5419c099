/* SPDX-License-Identifier: MIT */
/*
 * Starting the traced command without a gap: it is forked and held before its exec, so
 * that backends can arm, then let go. It keeps what tkit itself was given: environment,
 * descriptors, signal mask and dispositions, process group, terminal, limits.
 */
#ifndef SESSION_LAUNCH_H
#define SESSION_LAUNCH_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <tkit/backend.h>

#include "util/err.h"

struct launch {
	pid_t pid; /* 0 = there is no child */
	int pidfd; /* -1 where the kernel has none */
	int sock;  /* our end; -1 = closed */
	bool held;
	bool reaped;
	pthread_mutex_t lock; /* one request at a time */
};

struct launch_config {
	const char *path; /* from launch_resolve() */
	char **argv;
	int root_fd; /* -1 = tkit's own root */
	sigset_t mask;
	struct sigaction pipe_action;
	struct sigaction child_action;
};

/*
 * Finds `name` as the shell would: in $PATH unless it holds a slash; inside root_fd
 * unless that is -1. Returns 0 with *ret_path (to be freed), -ENOENT if there is no such
 * command, -EACCES if there is, but it cannot be executed.
 */
int launch_resolve(const char *name, int root_fd, char **ret_path, struct err *err);

/* Forks the held child. Before any thread is started. */
int launch_hold(struct launch *launch, const struct launch_config *config, struct err *err);

/* Installs a filter in the held child, see tkit_command_seccomp(). Any thread. */
int launch_seccomp(struct launch *launch, struct err *err, const struct sock_filter *filter,
		   size_t count, unsigned int flags, int *ret_listener);

/* Lets the child go; launch->sock becomes readable when its exec has succeeded or failed. */
int launch_go(struct launch *launch, struct err *err);

/* After launch_go(): 1 = not known yet, 0 = executed (or killed before), -errno of execve. */
int launch_outcome(struct launch *launch);

/*
 * Releases everything. A child that is still held exits and is reaped; one that was let
 * go is left alone. NULL-safe for a zeroed struct with pid 0.
 */
void launch_done(struct launch *launch);

#endif
