/* SPDX-License-Identifier: MIT */
/* The runs of a trace, as a reader meets them. */
#ifndef TRACE_RUNLIST_H
#define TRACE_RUNLIST_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/sink.h>

#include "trace/arena.h"

struct run {
	struct tkit_run_info info;
	struct tkit_run_end end;
	uint64_t seen; /* events handed out or known to be lost */
	bool footed;   /* has its footer */
	bool damaged;
	bool cut; /* and that was told */
};

struct runlist {
	struct arena memory; /* of the runs and all they point to: as long as the list */
	struct run **runs;
	uint32_t count, room;
};

void runlist_init(struct runlist *list);
void runlist_done(struct runlist *list);

/* A new run at the end; NULL when memory is short or there are too many. */
struct run *runlist_add(struct runlist *list);

/*
 * Index of the run that a block or footer names by `key`: the latest one without a footer.
 * If there is none its header was lost: it is made, empty, and *ret_new is set. -ENOMEM.
 */
int runlist_find(struct runlist *list, uint64_t key, bool *ret_new);

#endif
