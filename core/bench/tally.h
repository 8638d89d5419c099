/* SPDX-License-Identifier: MIT */
/*
 * Counting the accesses of a workload in what a tracer wrote. Names of the workload begin with
 * a token, so that nothing of the format has to be understood but where a name can stand, and
 * whatever else goes on in the machine does not count.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/event.h>

#include "util/err.h"

/* Which accesses a tracer watches. */
enum bench_watch {
	BENCH_ALL,   /* every call that names a file */
	BENCH_OPENS, /* opens, failed ones too */
	BENCH_OPENED /* opens that succeed */
};

struct tally {
	uint64_t all;
	uint64_t opens;
	uint64_t opened;
	uint64_t lost;  /* as the tracer tells it */
	uint64_t total; /* all accesses in a trace, of whatever name */
};

uint64_t tally_of(const struct tally *tally, enum bench_watch watch);

/* Counts of one line of a log. */
typedef void (*tally_line)(struct tally *tally, struct tkit_bytes line, const char *token);

/* Each call, by its name, and the arguments that are paths of it. */
void tally_strace(struct tally *tally, struct tkit_bytes line, const char *token);
/* "PID COMM FD ERR PATH" */
void tally_opensnoop(struct tally *tally, struct tkit_bytes line, const char *token);
/* "COMM(PID): TYPES PATH" */
void tally_fatrace(struct tally *tally, struct tkit_bytes line, const char *token);
/* "o PATH" for an open, "m PATH" for any other; "Lost N events" */
void tally_bpftrace(struct tally *tally, struct tkit_bytes line, const char *token);
/* "... call(arguments) = result"; "LOST N events!" */
void tally_perf(struct tally *tally, struct tkit_bytes line, const char *token);

/* A whole log; one that is not there counts nothing. */
int tally_log(struct tally *tally, const char *file, tally_line count, const char *token,
	      struct err *err);

/* A .tkit trace: `all` counts what tally_strace() would in a log of the same run. */
int tally_trace(struct tally *tally, const char *file, const char *token, struct err *err);

/* What `tkit -v run` says at its end: total and lost. */
void tally_words(struct tally *tally, struct tkit_bytes line, const char *token);

#endif
