/* SPDX-License-Identifier: MIT */
/* What is done with a running image, and what came of it. */
#ifndef SLIM_DRIVE_H
#define SLIM_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "slim/box.h"
#include "slim/http.h"
#include "util/buf.h"
#include "util/err.h"

#define DRIVE_STEPS_MAX 64 /* that are given; the image's health check is one more */

enum step_kind { STEP_EXEC, STEP_HTTP, STEP_SCRIPT, STEP_HEALTH };

struct step {
	enum step_kind kind;
	const char *text; /* as given; borrowed */
	char *own;        /* HEALTH: the text; else NULL */
	char **argv;      /* EXEC, HEALTH */
	struct http_url url;
};

struct drive {
	struct step steps[DRIVE_STEPS_MAX + 1];
	size_t count;
	uint64_t timeout_ns; /* of a whole run */
	uint64_t grace_ns;   /* between the stop signal and SIGKILL */
};

/* Adds a step. 0 or -errno with the cause: bad words, a bad URL, a script that is not there. */
int drive_add(struct drive *drive, enum step_kind kind, const char *text, struct err *err);

/* Adds an image's health check as the last step. 1, 0 if it has none (also for NULL), or -errno. */
int drive_add_health(struct drive *drive, const struct tkit_image_config *config, struct err *err);
void drive_done(struct drive *drive);

#define STATUS_NONE    (-1) /* no answer */
#define STATUS_TIMEOUT (-2) /* was ended when the time was over */

/* Of one step, or of the image's own process. */
struct outcome {
	int status;     /* exit status, 128 + signal, HTTP status, or STATUS_* */
	struct buf out; /* standard output, or an answer's body */
	struct buf err; /* standard error */
	bool cut;       /* there was more output than is kept */
};

struct drive_result {
	struct outcome steps[DRIVE_STEPS_MAX + 1];
	struct outcome main; /* the image itself: its output from start to end */
	size_t count;
	bool listened;    /* something listened */
	bool ended_early; /* it ended by itself before all steps were done */
	bool stopped;     /* it did not end by itself */
	bool killed;      /* it did not end at its stop signal */
};

void drive_result_done(struct drive_result *result);

/* Runs the spec's image, drives it and ends it. 0 or -errno with the cause: what the image
 * does, or fails to do, is a result, not an error. */
int drive_run(const struct drive *drive, const struct workdir *dir, struct proc_set *procs,
	      const struct box_spec *spec, struct drive_result *ret, struct err *err);

/* "`redis-cli ping`", "http://127.0.0.1/", or "the image" for index == count. */
const char *drive_name(const struct drive *drive, size_t index);

#endif
