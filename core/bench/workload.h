/* SPDX-License-Identifier: MIT */
/* The workloads that the helper program offers, and how many accesses each makes. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/runner.h"

/* Kinds, as benchmarks/work.h has them. */
#define WORKLOAD_CONTROL 'c'
#define WORKLOAD_OPEN    'o'
#define WORKLOAD_FAILED  'f'
#define WORKLOAD_OTHER   'm'
#define WORKLOAD_COUNTED 'p'
#define WORKLOAD_ASIDE   'a'

struct workload {
	char *name;
	char *text;
	char kind;
	uint64_t count;
	char *skipped; /* why it cannot be run here; NULL: it can */
	char dir[PATH_MAX];
	char token[64];
	char number[24];       /* count as text */
	struct tally expected; /* valid if `reference` */
	const char
		*reference; /* how it is known: "construction", or a tracer's label; NULL = not */
};

struct workload_list {
	struct workload *items;
	size_t count;
};

void workload_list_done(struct workload_list *list);

/*
 * Reads the helper's list. `wanted`: comma-separated names, NULL = all; `most`: no count is
 * above it, 0 = as they are. An unknown name is an error, unless it is `other`.
 */
int workload_parse(struct workload_list *ret, char *text, const char *wanted, const char *other,
		   uint64_t most, struct err *err);

/* Has the helper make its directory and files. A failure is `skipped`. -EINTR, -ENOMEM */
int workload_prepare(struct workload *workload, struct runner *runner, struct err *err);

/* What runs it: words for runner_run(); borrowed from the workload. */
void workload_command(const struct workload *workload, const struct runner *runner,
		      const char *command[7]);

/* A list of names has this one; NULL has all. */
bool workload_wanted(const char *wanted, const char *name);

/* ${libexecdir}/tkit/tkit-bench-work, or that of the build tree, beside the running tkit. */
int workload_helper(char *buf, size_t size, struct err *err);

#endif
