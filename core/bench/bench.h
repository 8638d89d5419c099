/* SPDX-License-Identifier: MIT */
/*
 * What does watching cost? Each tracer runs each workload in turn, with an untraced run before
 * and after it (A B A B A): a ratio compares neighbours. Beside each stands what of the accesses
 * came out, as the worst of all runs that were measured.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/machine.h"
#include "bench/stats.h"
#include "bench/tracer.h"
#include "bench/workload.h"
#include "util/buf.h"

#define BENCH_BUS "bus" /* the workload without a program: events made up by the null backend */

struct bench_options {
	struct tracer_request tracers;
	const char *workloads; /* NULL = all */
	unsigned int runs;
	uint64_t time_ns;    /* no new round that would end later than this; 0 = no limit */
	uint64_t timeout_ns; /* for one run */
	uint64_t most;       /* counts are not above it; 0 = as they are */
	void (*progress)(const char *text); /* what is being done; may be NULL */
};

/* One tracer with one workload. */
struct cell {
	struct series ratio;
	struct series ns;      /* of the measured part */
	struct series outside; /* ns around it: start and end of the tracer */
	struct series cpu;     /* ns of all processes */
	struct series stored;  /* bytes of the trace for each access in it */
	uint64_t seen;         /* the least of all runs */
	uint64_t lost;         /* the most */
	uint64_t others;       /* accesses of other names, for sinks that store nothing */
	unsigned int failed;   /* runs that did not work */
	char *failure;         /* why, of the first */
};

/* Carrying events that nobody has to catch. */
struct bus_row {
	char *sink;
	struct series ns; /* per event */
	uint64_t expected;
	uint64_t seen;
	uint64_t lost;
	char *failure;
};

struct bench_result {
	struct machine machine;
	struct tracer_list tracers;
	struct workload_list workloads;
	struct cell *cells; /* [workload * tracers.count + tracer] */
	struct bus_row *bus;
	size_t bus_count;
	unsigned int rounds; /* complete ones */
	bool interrupted;
	int signal; /* by which */
};

/*
 * Measures. Returns 0 with what there is, also when interrupted or when single runs did not
 * work; -errno with the cause if nothing could be measured. bench_done() in both cases.
 */
int bench_measure(const struct bench_options *options, struct bench_result *ret, struct err *err);

/* Only what there is and what cannot be used. */
int bench_survey(const struct bench_options *options, struct bench_result *ret, struct err *err);

void bench_done(struct bench_result *result);

const struct cell *bench_cell(const struct bench_result *result, size_t workload, size_t tracer);

/* The untraced one that a tracer is compared with. */
size_t bench_untraced(const struct bench_result *result, bool one_cpu);

/* What a tracer should have seen of a workload. */
uint64_t bench_watched(const struct bench_result *result, size_t workload, size_t tracer);

/*
 * The order of a round: tracers of equal placement that can be used, each once, another one
 * first in each round. Fills order[count], returns how many.
 */
size_t bench_order(const struct tracer_list *tracers, bool one_cpu, unsigned int round,
		   size_t *order);

/* The result for people, a Markdown table; as JSON; as a picture (SVG). */
void bench_table(const struct bench_result *result, struct buf *out);
void bench_json(const struct bench_result *result, const struct bench_options *options,
		struct buf *out);
void bench_chart(const struct bench_result *result, struct buf *out);

#endif
