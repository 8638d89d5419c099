/* SPDX-License-Identifier: MIT */
/*
 * Which program each process runs, learnt from the exec, fork and exit events of one run:
 * so that an event that does not carry it can be told the program of its process. Memory
 * is bounded by the processes alive at once and the distinct names.
 */
#ifndef TRACE_PROCTRACK_H
#define TRACE_PROCTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/event.h>

#include "util/intern.h"

struct proctrack_entry {
	int32_t pid;
	int32_t ppid;
	uint32_t exe;  /* in `names`; INTERN_NONE = unknown */
	uint32_t comm; /* in `names`; INTERN_NONE = unknown */
	bool used;
	bool has_ppid;
};

struct proctrack {
	struct intern names;
	struct proctrack_entry *entries; /* open addressing by pid */
	uint32_t room;                   /* power of two */
	uint32_t count;
};

void proctrack_init(struct proctrack *track);
void proctrack_done(struct proctrack *track);

/* Learns from an event; call it for each one, in order. 0 or -ENOMEM. */
int proctrack_event(struct proctrack *track, const struct tkit_event *event);

/* What is known of a process; NULL if nothing is. Valid until the next event. */
const struct proctrack_entry *proctrack_find(const struct proctrack *track, int32_t pid);

/* Name by number; empty for INTERN_NONE. Valid as long as the tracker. */
struct tkit_bytes proctrack_name(const struct proctrack *track, uint32_t number);

/*
 * Gives `event` the program of its process as `exe`, if it has none and it is known. Call
 * it after proctrack_event() for an exec, before it for an exit.
 */
void proctrack_fill(const struct proctrack *track, struct tkit_event *event);

#endif
