/* SPDX-License-Identifier: MIT */
/*
 * Which processes of a control group are the container's own. A runtime's helper joins the
 * group first and executes the container's program then (`runc init`, also for `docker
 * exec`): what it does until that exec is the runtime's doing. From then on the process and
 * its children count.
 */
#ifndef SESSION_ENTRY_H
#define SESSION_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tkit/event.h>

/* One backend's view; only its thread uses it. */
struct entry {
	uint64_t *inside; /* bit set of pids; NULL: everything counts */
	bool lossy;       /* an exec may have been lost: strangers count, too */
	uint64_t dropped; /* events of processes that had not entered */
};

/* 0 or -ENOMEM. */
int entry_init(struct entry *entry);
void entry_done(struct entry *entry);

/* A process that is inside when the trace begins. */
void entry_add(struct entry *entry, pid_t pid);

/* Whether an event is about the container; keeps the books. */
bool entry_passes(struct entry *entry, const struct tkit_event *event);

#endif
