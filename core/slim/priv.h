/* SPDX-License-Identifier: MIT */
/* Inside of tkit slim and tkit verify. */
#ifndef SLIM_PRIV_H
#define SLIM_PRIV_H

#include "slim/slim.h"
#include "slim/source.h"

struct slim_job {
	const struct slim_options *options;
	struct slim_report *report;
	struct workdir dir;
	struct proc_set procs;
	struct slim_source source; /* the original; its rootfs is the model's when there is one */
	struct tkit_model *model;  /* of the original's traces */
	unsigned int number;       /* of runs so far, for names */
};

int slim_job_init(struct slim_job *job, const struct slim_options *options,
		  struct slim_report *report, struct err *err);
void slim_job_done(struct slim_job *job);

void slim_say(const struct slim_job *job, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs a source with the drive. *ret_trace: the trace's name, or NULL for an untraced run. */
int slim_drive(struct slim_job *job, const struct slim_source *source, bool small, char **ret_trace,
	       struct drive_result *ret, struct err *err);

/* Adds the health check of a configuration (may be NULL) to the drive, unless it is not to be run.
 */
int slim_add_health(struct slim_job *job, const struct tkit_image_config *config, struct err *err);

/* Reads traces (NULL-terminated); checks that nothing was lost. */
int slim_model(struct slim_job *job, char *const *traces, struct tkit_model **ret_model,
	       struct err *err);

/* Gives the model its root, which it owns from then on. */
int slim_enrich(struct slim_job *job, struct err *err);

/*
 * Runs a small image and looks for what is missing. -ENOEXEC with the cause if it does not
 * start.
 */
int slim_try(struct slim_job *job, const struct slim_source *small, struct missing *missing,
	     struct err *err);

/* Compares the results, with another run of the original if it takes that to judge. Sets the
 * verdict. */
int slim_judge(struct slim_job *job, bool missing, struct err *err);

#endif
