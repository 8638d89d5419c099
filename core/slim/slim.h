/* SPDX-License-Identifier: MIT */
/*
 * `tkit slim`: runs an image traced, builds the minimal one, runs that with the same drive,
 * compares, adds what is missing, and again. `tkit verify`: the last part for any image and
 * trace. Before any thread is started; needs root.
 */
#ifndef SLIM_SLIM_H
#define SLIM_SLIM_H

#include <stdbool.h>

#include <tkit/image.h>

#include "slim/compare.h"
#include "slim/drive.h"
#include "slim/missing.h"

#define SLIM_RUNS_MAX   16
#define SLIM_ROUNDS_MAX 16

struct slim_options {
	const char *source;      /* see tkit_rootfs_open() */
	const char *tag;         /* name of the result; NULL: none */
	struct drive *drive;     /* gets the image's health check as last step */
	const char *const *args; /* instead of the image's CMD */
	size_t arg_count;
	const char *backend;                                         /* NULL: auto */
	const char *runtime;                                         /* of OCI; path */
	struct tkit_option_list include, exclude, preserve, presets; /* as for the closure */
	bool no_package_database;
	unsigned int runs;   /* of the original, 1 to SLIM_RUNS_MAX */
	unsigned int rounds; /* builds at most, 1 to SLIM_ROUNDS_MAX */
	bool allow_incomplete;
	bool read_only; /* of the small image's root when it runs */
	bool no_health; /* leave the image's health check out */
	/* verify */
	const char *reference;     /* the original to compare with; NULL: none */
	const char *const *traces; /* verify: NULL-terminated */
	void (*progress)(void *arg, const char *text); /* may be NULL */
	void *arg;
};

/* One build and its run. */
struct slim_round {
	size_t files;
	uint64_t bytes;
	char *problem;          /* it did not even start: why; NULL = it did */
	struct missing missing; /* found by the run, added for the next round */
};

enum slim_health { SLIM_HEALTH_NONE, SLIM_HEALTH_RUN, SLIM_HEALTH_NOT_RUN };

enum slim_verdict {
	SLIM_VERIFIED = 1,
	SLIM_DIFFERS = 2, /* a part differs, or a file is missing for good */
	SLIM_FAILED = 3   /* the original's own drive fails: it proves nothing */
};

struct slim_report {
	size_t source_files, files; /* entries of all kinds */
	uint64_t source_bytes, bytes;
	uint64_t archive_bytes;
	struct slim_round rounds[SLIM_ROUNDS_MAX];
	size_t round_count;
	struct drive_result originals[SLIM_RUNS_MAX + 1];
	size_t original_count;
	struct drive_result result; /* of the last round */
	bool ran;                   /* the result is valid */
	struct comparison comparison;
	size_t absent; /* names that the trace says existed and the source has not */
	uint64_t events_lost;
	bool blind; /* the backend does not see look-ups that fail in the small image */
	enum slim_health health; /* the image's own check */
	enum slim_verdict verdict;
	int archive; /* fd of the image, offset 0; -1 = none. Closed by slim_report_done() */
	int signal;  /* ended by that signal; 0 = none */
	/* ns */
	uint64_t time_read, time_trace, time_build, time_verify;
};

/* 0 with a verdict, or -errno with the cause. slim_report_done() in both cases. */
int slim_run(const struct slim_options *options, struct slim_report *ret, struct err *err);
int slim_verify(const struct slim_options *options, struct slim_report *ret, struct err *err);
void slim_report_done(struct slim_report *report);

/* The report for people, and as JSON. */
void slim_text(const struct slim_options *options, const struct slim_report *report,
	       struct buf *out);
void slim_json(const struct slim_options *options, const struct slim_report *report,
	       struct buf *out);
const char *slim_verdict_name(enum slim_verdict verdict);

#endif
