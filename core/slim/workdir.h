/* SPDX-License-Identifier: MIT */
/*
 * The private directory of one `tkit slim`: unpacked roots, bundles, traces, the OCI runtime's
 * state. It goes, with all containers in it, however tkit ends: a guardian process does it,
 * which outlives tkit for that.
 */
#ifndef SLIM_WORKDIR_H
#define SLIM_WORKDIR_H

#include <sys/types.h>

#include "util/err.h"

struct workdir {
	char *path;    /* absolute, 0700; NULL = none */
	char *runtime; /* the OCI runtime's path */
	int guard;     /* closing it lets the guardian clean up; -1 = none */
	pid_t guardian;
};

/*
 * Enters a mount namespace of its own, in which mounts are of no consequence for others, and
 * makes the directory in $TMPDIR or /var/tmp. Before any thread is started. Needs root.
 */
int workdir_init(struct workdir *dir, const char *runtime, struct err *err);

/* Removes all; waits for it. NULL-safe. */
void workdir_done(struct workdir *dir);

/* PATH/NAME of the directory; made as a directory if `mode` is not 0. Caller frees. NULL with
 * the cause. */
char *workdir_path(const struct workdir *dir, const char *name, mode_t mode, struct err *err);

/* Removes a directory below it, with everything; nothing that is mounted there is touched. */
int workdir_remove(int parent, const char *name);

#endif
