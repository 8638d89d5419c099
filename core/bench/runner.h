/* SPDX-License-Identifier: MIT */
/* One measured run of a command, alone or under a tracer. */
#ifndef BENCH_RUNNER_H
#define BENCH_RUNNER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/tally.h"
#include "bench/tracer.h"
#include "util/err.h"
#include "util/proc.h"

struct runner {
	struct proc_set set;
	const char *helper;      /* program that makes the workloads, borrowed */
	char dir[PATH_MAX / 2];  /* private directory, "" = none */
	char out[PATH_MAX];      /* what a tracer writes to */
	char words[2][PATH_MAX]; /* standard output, error */
	uint64_t timeout_ns;     /* for one run */
};

struct bench_run {
	double ns;      /* of the measured part, by the command's own clock */
	double outside; /* ns from start to end, without that part; -1 = cannot be told */
	double cpu;     /* ns that all processes of the run used */
	double stored;  /* bytes of the trace for each access in it; -1 = there is no trace */
	struct tally tally;
};

/* Makes the private directory. */
int runner_init(struct runner *runner, const char *helper, uint64_t timeout_ns, struct err *err);
void runner_done(struct runner *runner); /* removes it; NULL-safe for a zeroed one */

/* Runs the helper with these words, unmeasured; its output is in `ret_words`, malloc'd. */
int runner_helper(struct runner *runner, const char *const *words, char **ret_words,
		  struct err *err);

/*
 * Runs `command` under the tracer; an empty one: the tracer alone, for what makes its events up.
 * `aside`: the tracer is given an idle process instead and the command runs beside it. Accesses are
 * counted by `token`. 0, -EINTR when interrupted, or -errno with the cause: it did not work this
 * time.
 */
int runner_run(struct runner *runner, const struct tracer *tracer, const char *const *command,
	       bool aside, const char *token, struct bench_run *ret, struct err *err);

#endif
