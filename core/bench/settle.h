/* SPDX-License-Identifier: MIT */
/*
 * A tracer that watches the machine tells nobody when it is ready: it is when it rests. On a busy
 * machine it never does: then it is when it has opened nothing for longer.
 */
#ifndef BENCH_SETTLE_H
#define BENCH_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Since when a value is what it is. */
struct settle_value {
	uint64_t value;
	uint64_t since;
};

/* What was seen of a process so far; zeroed = nothing yet. */
struct settle {
	uint64_t begin;
	struct settle_value cpu;   /* ticks */
	struct settle_value files; /* descriptors */
};

/* To be asked every few milliseconds, with CLOCK_MONOTONIC in ns: is it ready? */
bool settle_done(struct settle *state, pid_t pid, uint64_t now);

#endif
