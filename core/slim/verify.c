// SPDX-License-Identifier: MIT
/* What tkit slim and tkit verify share, and tkit verify. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tkit/reporter.h>

#include "model/model.h"
#include "plugin/ctx.h"
#include "slim/priv.h"
#include "util/cleanup.h"

void slim_say(const struct slim_job *job, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!job->options->progress)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	job->options->progress(job->options->arg, text);
}

int slim_job_init(struct slim_job *job, const struct slim_options *options,
		  struct slim_report *report, struct err *err)
{
	int rc;

	*report = (struct slim_report){.archive = -1};
	*job = (struct slim_job){.options = options,
				 .report = report,
				 .dir = {.guard = -1},
				 .procs = {.signals = -1}};
	rc = workdir_init(&job->dir, options->runtime, err);
	return rc < 0 ? rc : proc_set_init(&job->procs, err);
}

void slim_job_done(struct slim_job *job)
{
	job->source.borrowed = job->model && tkit_model_rootfs(job->model) == job->source.rootfs;
	slim_source_done(&job->source);
	model_free(job->model);
	workdir_done(&job->dir);
	proc_set_done(&job->procs);
}

void slim_report_done(struct slim_report *report)
{
	for (size_t i = 0; i < report->original_count; i++)
		drive_result_done(&report->originals[i]);
	for (size_t i = 0; i < report->round_count; i++) {
		missing_done(&report->rounds[i].missing);
		free(report->rounds[i].problem);
	}
	drive_result_done(&report->result);
	cleanup_close(&report->archive);
	*report = (struct slim_report){.archive = -1};
}

int slim_drive(struct slim_job *job, const struct slim_source *source, bool small, char **ret_trace,
	       struct drive_result *ret, struct err *err)
{
	const struct slim_options *options = job->options;
	char name[32], trace[40];
	struct box_spec spec = {
		.name = name,
		.lower = source->lower,
		.rootfs = source->rootfs,
		.config = source->config,
		.args = options->args,
		.arg_count = options->arg_count,
		.read_only = small && options->read_only,
		.backend = options->backend,
	};

	snprintf(name, sizeof(name), "run-%u", ++job->number);
	if (ret_trace) {
		snprintf(trace, sizeof(trace), "%s.tkit", name);
		*ret_trace = workdir_path(&job->dir, trace, 0, err);
		if (!*ret_trace)
			return err->rc;
		spec.trace = *ret_trace;
	}
	return drive_run(options->drive, &job->dir, &job->procs, &spec, ret, err);
}

int slim_model(struct slim_job *job, char *const *traces, struct tkit_model **ret_model,
	       struct err *err)
{
	struct model_builder *builder;
	uint64_t lost = 0;
	int rc = model_builder_new(&builder, err);

	for (size_t i = 0; rc == 0 && traces[i]; i++)
		rc = model_builder_add_file(builder, traces[i], NULL, NULL, err);
	if (rc == 0)
		rc = model_builder_finish(builder, ret_model, err);
	model_builder_free(builder);
	if (rc < 0 || tkit_model_complete(*ret_model))
		return rc;
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++)
		lost += tkit_model_losses(*ret_model, reason);
	job->report->events_lost += lost;
	if (job->options->allow_incomplete)
		return 0;
	return err_set(err, -ENODATA,
		       "the trace is incomplete (%llu lost), so files could be missing from the "
		       "image; --allow-incomplete goes on all the same",
		       (unsigned long long)lost);
}

int slim_enrich(struct slim_job *job, struct err *err)
{
	return model_enrich(job->model, job->source.rootfs, TKIT_WANTS_NODES, err);
}

int slim_try(struct slim_job *job, const struct slim_source *small, struct missing *missing,
	     struct err *err)
{
	_cleanup_free_ char *trace = NULL;
	struct tkit_model *after = NULL;
	int rc;

	drive_result_done(&job->report->result);
	job->report->ran = false;
	rc = slim_drive(job, small, true, &trace, &job->report->result, err);
	if (rc < 0)
		return rc;
	job->report->ran = true;
	rc = slim_model(job, (char *const[]){trace, NULL}, &after, err);
	if (rc == 0)
		job->report->blind = !(tkit_model_caps(after) & TKIT_CAN_FAILED);
	if (rc == 0)
		rc = missing_from_run(job->model, after, job->source.rootfs, small->rootfs,
				      missing);
	model_free(after);
	return rc;
}

/* A drive that fails with the original, too, proves nothing. */
static bool drive_failed(const struct slim_options *options, const struct drive_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct step *step = &options->drive->steps[i];
		int status = result->steps[i].status;

		if (step->kind == STEP_HTTP ? status < 100 || status >= 500 : status != 0)
			return true;
	}
	/* It ended by itself: what fails in both need not fail for the same reason. */
	return !result->stopped && result->main.status != 0;
}

static void compare(struct slim_report *report)
{
	compare_runs(report->originals, report->original_count, &report->result,
		     &report->comparison);
}

int slim_judge(struct slim_job *job, bool missing, struct err *err)
{
	struct slim_report *report = job->report;
	int rc = 0;

	report->verdict = SLIM_DIFFERS;
	if (!report->ran)
		return 0;
	if (!report->original_count) {
		report->verdict = missing                                       ? SLIM_DIFFERS
				  : drive_failed(job->options, &report->result) ? SLIM_FAILED
										: SLIM_VERIFIED;
		return 0;
	}
	compare(report);
	if (report->comparison.differences && report->original_count == 1) {
		slim_say(job, "outputs differ: running the original again to see what it repeats");
		rc = slim_drive(job, &job->source, false, NULL,
				&report->originals[report->original_count], err);
		report->original_count += rc == 0;
		if (rc == 0)
			compare(report);
	}
	if (rc == 0 && !missing && !report->comparison.differences)
		report->verdict = drive_failed(job->options, &report->originals[0]) ? SLIM_FAILED
										    : SLIM_VERIFIED;
	return rc;
}

/* ---- verify ---- */

static int open_reference(struct slim_job *job, struct err *err)
{
	int rc;

	if (!job->options->reference)
		return 0;
	rc = slim_source_open(&job->dir, &job->procs, "source", job->options->reference,
			      &job->source, err);
	if (rc == 0)
		rc = slim_enrich(job, err);
	if (rc == 0)
		rc = slim_add_health(job, job->source.config, err);
	if (rc == 0)
		rc = slim_drive(job, &job->source, false, NULL, &job->report->originals[0], err);
	job->report->original_count = rc == 0;
	return rc;
}

static int verify_image(struct slim_job *job, struct slim_round *round, struct err *err)
{
	struct slim_report *report = job->report;
	struct slim_source small;
	int rc = slim_source_open(&job->dir, &job->procs, "image", job->options->source, &small,
				  err);

	if (rc == 0 && !job->options->reference)
		rc = slim_add_health(job, small.config, err);
	if (rc == 0)
		rc = slim_source_size(small.rootfs, &report->files, &report->bytes);
	if (rc == 0)
		rc = missing_from_image(job->model, job->source.rootfs, small.rootfs,
					&round->missing);
	if (rc == 0)
		rc = slim_try(job, &small, &round->missing, err);
	if (rc == -ENOEXEC) {
		round->problem = strdup(err_text(err));
		err_done(err);
		rc = 0;
	}
	slim_source_done(&small);
	return rc;
}

int slim_verify(const struct slim_options *options, struct slim_report *ret, struct err *err)
{
	struct slim_job job;
	struct slim_round *round = &ret->rounds[0];
	uint64_t start = proc_now();
	int rc = slim_job_init(&job, options, ret, err);

	ret->round_count = 1;
	missing_init(&round->missing);
	if (rc == 0)
		rc = slim_model(&job, (char *const *)options->traces, &job.model, err);
	if (rc == 0)
		rc = open_reference(&job, err);
	if (rc == 0)
		rc = verify_image(&job, round, err);
	if (rc == 0)
		rc = slim_judge(&job, round->problem || round->missing.names.count, err);
	round->files = ret->files;
	round->bytes = ret->bytes;
	ret->time_verify = proc_now() - start;
	ret->signal = job.procs.caught;
	slim_job_done(&job);
	return rc;
}
