/* SPDX-License-Identifier: MIT */
/*
 * What a target had open already when the trace began, as events of op `held`: core's
 * own work, the same for all backends, on a thread of its own that starts when all backends are
 * armed. What is opened from then on, they see.
 */
#ifndef SESSION_SNAPSHOT_H
#define SESSION_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <tkit/backend.h>

#include "session/bus.h"
#include "session/session.h"
#include "session/tree.h"

struct snapshot {
	const struct tkit_target *target;
	struct tree *tree; /* NULL: none */
	struct bus_source *source;
	void (*done)(void *arg); /* its last act */
	void *arg;
	uint64_t armed; /* procfs_now() when the backends were armed */
	pthread_t thread;
	bool running;
	atomic_bool finished;
	atomic_bool canceled; /* ends soon, and counts the rest as lost */
};

/* The target runs already when the trace begins, and the snapshot was not declined. */
bool snapshot_wanted(const struct session_config *config);

/* Starts the thread. Fields up to `arg` are set. Returns 0 or -errno. */
int snapshot_start(struct snapshot *snapshot);

/* Joins the thread, if there is one. */
void snapshot_join(struct snapshot *snapshot);

#endif
