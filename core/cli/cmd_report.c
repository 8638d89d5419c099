// SPDX-License-Identifier: MIT
/* tkit report: traces to reports. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tkit/image.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "cli/report.h"
#include "cli/report_help.h"
#include "model/model.h"
#include "plugin/caps.h"
#include "util/cleanup.h"
#include "util/log.h"

/* Bits of a reporter's caps that are TKIT_CAN_* of backends. */
#define SIGHT_BITS 0xffffffffu

static int job_error(struct report_job *job, int rc, struct err *err)
{
	return err_set(err, rc, "%s: %s", job->plugin->desc.name,
		       job->ctx.err.rc ? err_text(&job->ctx.err) : strerror(-rc));
}

static const struct tkit_reporter_ops *ops_of(const struct report_job *job)
{
	return job->plugin->ops;
}

static int open_jobs(struct report_args *args, struct err *err)
{
	for (size_t i = 0; i < args->job_count; i++) {
		struct report_job *job = &args->jobs[i];
		int rc =
			ops_of(job)->open(&job->ctx, plugin_options_data(job->options), &job->self);

		if (rc < 0)
			return job_error(job, rc, err);
		job->opened = true;
	}
	return 0;
}

static void close_jobs(struct report_args *args)
{
	for (size_t i = 0; i < args->job_count; i++)
		if (args->jobs[i].opened)
			ops_of(&args->jobs[i])->close(&args->jobs[i].ctx, args->jobs[i].self);
}

/* An event on its way into the model: for the reporters that want each one. */
struct watchers {
	struct report_args *args;
	struct err *err;
};

static int pass_event(void *arg, const struct tkit_run *run, const struct tkit_event *event)
{
	struct watchers *watchers = arg;

	for (size_t i = 0; i < watchers->args->job_count; i++) {
		struct report_job *job = &watchers->args->jobs[i];
		int rc;

		if (!ops_of(job)->event)
			continue;
		rc = ops_of(job)->event(&job->ctx, job->self, run, event);
		if (rc < 0)
			return job_error(job, rc, watchers->err);
	}
	return 0;
}

static int read_files(struct report_args *args, struct tkit_model **ret_model, struct err *err)
{
	struct watchers watchers = {args, err};
	struct model_builder *builder;
	bool watched = false;
	int rc = model_builder_new(&builder, err);

	for (size_t i = 0; i < args->job_count; i++)
		watched = watched || ops_of(&args->jobs[i])->event;
	for (size_t i = 0; !rc && i < args->file_count; i++)
		rc = model_builder_add_file(builder, args->files[i], watched ? pass_event : NULL,
					    &watchers, err);
	if (!rc)
		rc = model_builder_finish(builder, ret_model, err);
	model_builder_free(builder);
	return rc;
}

/* The root that all runs had; NULL after an error. */
static const char *common_root(const struct tkit_model *model, struct err *err)
{
	const char *root = NULL;
	struct utsname uts;

	for (size_t i = 0; i < tkit_model_run_count(model); i++) {
		const struct tkit_run_info *info = tkit_model_run(model, i)->info;

		if (root && strcmp(root, info->root) != 0) {
			err_set(err, -EINVAL,
				"the traces have different roots (%s, %s); choose one with --root",
				root, info->root);
			return NULL;
		}
		root = info->root;
		if (info->host[0] && uname(&uts) == 0 && strcmp(uts.nodename, info->host) != 0)
			log_warn("the trace was made on host %s; files are taken from %s here "
				 "(--root chooses another place)",
				 info->host, root[0] ? root : "/");
	}
	if (root && !root[0]) {
		err_set(err, -EINVAL,
			"the trace does not tell the root directory of its target; give --root");
		return NULL;
	}
	return root;
}

static int add_root(struct report_args *args, struct tkit_model *model, struct err *err)
{
	const char *root = args->root, *who = NULL;
	struct tkit_rootfs *rootfs;
	struct tkit_ctx ctx = CTX_INIT(NULL);
	uint64_t wants = 0;
	int rc;

	for (size_t i = 0; i < args->job_count; i++) {
		wants |= args->jobs[i].plugin->desc.caps;
		if (args->jobs[i].plugin->desc.caps & TKIT_NEEDS_ROOTFS)
			who = args->jobs[i].plugin->desc.name;
	}
	if (!root && !who)
		return 0;
	if (!root)
		root = common_root(model, err);
	if (!root)
		return err->rc ? err->rc : err_set(err, -EINVAL, "%s needs --root or --image", who);
	/* What a trace says is a directory, whatever its name looks like. */
	rc = args->root ? tkit_rootfs_open(&ctx, root, &args->source, &rootfs)
			: tkit_rootfs_open_dir(&ctx, root, &rootfs);
	if (rc < 0)
		err_set(err, rc, "%s", err_text(&ctx.err));
	else
		rc = model_enrich(model, rootfs, wants, err);
	ctx_done(&ctx);
	return rc;
}

/* "12 ring-full, 1 damaged" */
static void losses_text(const struct tkit_model *model, struct buf *buf)
{
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++) {
		uint64_t count = tkit_model_losses(model, reason);

		if (count)
			buf_printf(buf, "%s%llu %s", buf->size ? ", " : "",
				   (unsigned long long)count, tkit_loss_name(reason));
	}
	if (!buf->size)
		buf_str(buf, "ended by force or in the middle");
	buf_char(buf, '\0');
}

static int check_complete(const struct report_args *args, const struct tkit_model *model,
			  const struct plugin *plugin, struct err *err)
{
	_cleanup_(buf_done) struct buf lost = BUF_INIT;

	if (tkit_model_complete(model) || !(plugin->desc.caps & TKIT_NEEDS_COMPLETE))
		return 0;
	losses_text(model, &lost);
	if (!args->allow_incomplete)
		return err_set(err, -ENODATA,
			       "the trace is incomplete (lost: %s), so files could be missing "
			       "from the result; --allow-incomplete goes on all the same",
			       lost.failed ? "?" : lost.data);
	log_warn("the trace is incomplete (lost: %s): files may be missing from the result",
		 lost.failed ? "?" : lost.data);
	return 0;
}

static void warn_blind(const struct tkit_model *model, const struct plugin *plugin)
{
	uint64_t missing = plugin->desc.caps & SIGHT_BITS & ~tkit_model_caps(model);
	_cleanup_(buf_done) struct buf names = BUF_INIT;

	if (!missing || !tkit_model_run_count(model))
		return;
	caps_text(&names, TKIT_KIND_BACKEND, missing, ", ");
	buf_char(&names, '\0');
	if (!names.failed)
		log_warn("%s: the trace's backend cannot see all that this report is about: %s",
			 plugin->desc.name, names.data);
}

static int open_output(const struct report_args *args, const struct report_job *job,
		       struct tkit_out **ret_out, struct err *err)
{
	if (!(job->plugin->desc.caps & TKIT_WRITES_DIRECTORY))
		return out_open_file(job->output, 0666, ret_out, err);
	if (!job->output || !strcmp(job->output, "-"))
		return err_set(err, -EINVAL, "%s writes a folder: name it with -o",
			       job->plugin->desc.name);
	return out_open_folder(job->output, args->force, ret_out, err);
}

/* Returns the report's exit status or -errno. */
static int render(const struct report_args *args, struct report_job *job,
		  const struct tkit_model *model, struct err *err)
{
	struct tkit_out *out;
	int status, rc;

	rc = check_complete(args, model, job->plugin, err);
	if (rc < 0)
		return rc;
	warn_blind(model, job->plugin);
	rc = open_output(args, job, &out, err);
	if (rc < 0)
		return rc;
	status = ops_of(job)->render(&job->ctx, job->self, model, out);
	/* A failed write is the cause of whatever came of it. */
	if (status < 0 && !out_error(out)) {
		out_abandon(out);
		return job_error(job, status, err);
	}
	rc = out_commit(out, err);
	return rc < 0 ? rc : status;
}

/* The status of a failure: 2 where every report asked for is a comparison. */
static int failure_status(const struct report_args *args)
{
	for (size_t i = 0; i < args->job_count; i++)
		if (!args->jobs[i].plugin ||
		    !(args->jobs[i].plugin->desc.caps & TKIT_EXITS_LIKE_DIFF))
			return CLI_FAILED;
	return 2;
}

static int report(struct report_args *args, struct err *err)
{
	struct plugin_registry *registry = NULL;
	struct tkit_model *model = NULL;
	int status = 0, rc = registry_new(&registry, err);

	if (!rc)
		rc = report_load(registry, args, err);
	args->failure = failure_status(args);
	if (!rc)
		rc = open_jobs(args, err);
	if (!rc)
		rc = read_files(args, &model, err);
	if (!rc)
		rc = add_root(args, model, err);
	for (size_t i = 0; rc >= 0 && i < args->job_count; i++) {
		rc = render(args, &args->jobs[i], model, err);
		if (rc > status)
			status = rc;
	}
	close_jobs(args);
	model_free(model);
	registry_free(registry);
	return rc < 0 ? rc : status;
}

static int run_command(int argc, char **argv)
{
	struct report_args args = {0};
	struct err err = ERR_INIT;
	int status = report_parse(argc, argv, &args);

	if (!status) {
		status = report(&args, &err);
		if (status < 0) {
			cli_error(&err);
			status = args.failure ? args.failure : CLI_FAILED;
		}
	}
	report_args_done(&args);
	err_done(&err);
	return status;
}

const struct cli_command cmd_report = {
	.name = "report",
	.summary = "turn traces into a report or a minimal image",
	.help = report_help,
	.run = run_command,
};
