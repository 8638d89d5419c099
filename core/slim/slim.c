// SPDX-License-Identifier: MIT
/* tkit slim: trace, build, try, add, again. */
#include "slim/slim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/ctx.h"
#include "slim/priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* Names to be added, over all rounds. */
struct additions {
	struct missing all;
	const char **items;
};

static int run_originals(struct slim_job *job, struct err *err)
{
	char *traces[SLIM_RUNS_MAX + 1] = {NULL};
	struct slim_report *report = job->report;
	uint64_t start = proc_now();
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < job->options->runs; i++) {
		slim_say(job, "running the image, traced (%u of %u)", i + 1, job->options->runs);
		rc = slim_drive(job, &job->source, false, &traces[i],
				&report->originals[report->original_count], err);
		report->original_count += rc == 0;
	}
	if (rc == 0)
		rc = slim_model(job, traces, &job->model, err);
	if (rc == 0)
		rc = slim_enrich(job, err);
	for (size_t i = 0; traces[i]; i++)
		free(traces[i]);
	report->time_trace = proc_now() - start;
	return rc;
}

static int context(struct err *err, struct tkit_ctx *ctx, int rc)
{
	if (rc < 0)
		err_set(err, rc, "%s", err_text(&ctx->err));
	ctx_done(ctx);
	return rc;
}

/* A name has to be looked up in the image by whoever starts it. */
static bool is_user_name(const char *user)
{
	return user && user[strspn(user, "0123456789:")];
}

static int make_closure(struct slim_job *job, const struct additions *additions,
			struct tkit_closure **ret, struct err *err)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	const struct tkit_image_config *config = job->source.config;
	struct tkit_closure_options want = {
		.size = sizeof(want),
		.need_users = config && is_user_name(config->user),
		.include = job->options->include,
		.exclude = job->options->exclude,
		.preserve = job->options->preserve,
		.presets = job->options->presets,
		.package_database = !job->options->no_package_database,
		.paths = {.items = additions->items, .count = additions->all.names.count},
	};

	return context(err, &ctx,
		       tkit_closure_new(&ctx, job->model, job->source.rootfs, &want, ret));
}

/* Of a plain root the command that was run becomes the image's. */
static void make_config(const struct slim_job *job, struct tkit_image_config *config)
{
	if (job->source.config)
		*config = *job->source.config;
	else
		*config = (struct tkit_image_config){
			.size = sizeof(*config),
			.cmd = {.items = (const char **)job->options->args,
				.count = job->options->arg_count}};
	config->name = job->options->tag;
}

static int write_image(struct slim_job *job, struct tkit_closure *closure, const char *file,
		       struct err *err)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	struct slim_report *report = job->report;
	struct tkit_image_config config;
	struct stat st;
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "making %s", file);
	cleanup_close(&report->archive);
	report->archive = fd;
	make_config(job, &config);
	rc = context(err, &ctx, tkit_image_write(&ctx, closure, &config, fd));
	if (rc == 0 && (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		rc = err_sys(err, -errno, "making %s", file);
	if (rc == 0)
		report->archive_bytes = (uint64_t)st.st_size;
	return rc;
}

/* Builds the image of this round; the archive's source name in *ret_name. */
static int build(struct slim_job *job, const struct additions *additions, size_t number,
		 char **ret_name, struct err *err)
{
	struct slim_report *report = job->report;
	struct slim_round *round = &report->rounds[number];
	struct tkit_closure *closure = NULL;
	uint64_t start = proc_now();
	char name[64];
	int rc = make_closure(job, additions, &closure, err);

	if (rc < 0)
		return rc;
	round->files = tkit_closure_count(closure);
	round->bytes = tkit_closure_bytes(closure);
	report->files = round->files;
	report->bytes = round->bytes;
	report->absent = tkit_closure_absent_count(closure);
	snprintf(name, sizeof(name), "image-%zu.tar", number);
	*ret_name = workdir_path(&job->dir, name, 0, err);
	rc = *ret_name ? write_image(job, closure, *ret_name, err) : err->rc;
	tkit_closure_free(closure);
	report->time_build += proc_now() - start;
	return rc;
}

static int try_image(struct slim_job *job, const char *archive, struct slim_round *round,
		     struct err *err)
{
	struct slim_source small;
	uint64_t start = proc_now();
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "small-%u", job->number);
	rc = slim_source_open(&job->dir, &job->procs, name, archive, &small, err);
	if (rc == 0)
		rc = slim_try(job, &small, &round->missing, err);
	if (rc == -ENOEXEC) {
		round->problem = strdup(err_text(err));
		err_done(err);
		/* No look-up tells what it needed, so all that the original used. */
		rc = missing_from_image(job->model, job->source.rootfs, small.rootfs,
					&round->missing);
	}
	slim_source_done(&small);
	job->report->time_verify += proc_now() - start;
	return rc;
}

/* Adds what the round found; how many names are new, or -ENOMEM. */
static int add_missing(struct additions *additions, const struct missing *missing)
{
	uint32_t before = additions->all.names.count;
	const char *name;

	for (size_t i = 0; (name = missing_name(missing, i)); i++)
		if (intern_add(&additions->all.names, BYTES(name, strlen(name) + 1), NULL) ==
		    INTERN_NONE)
			return -ENOMEM;
	free(additions->items);
	additions->items = calloc(additions->all.names.count + 1, sizeof(*additions->items));
	if (!additions->items)
		return -ENOMEM;
	for (size_t i = 0; i < additions->all.names.count; i++)
		additions->items[i] = missing_name(&additions->all, i);
	return (int)(additions->all.names.count - before);
}

static int one_round(struct slim_job *job, struct additions *additions, struct err *err)
{
	struct slim_report *report = job->report;
	size_t number = report->round_count++;
	struct slim_round *round = &report->rounds[number];
	_cleanup_free_ char *archive = NULL;
	int rc;

	missing_init(&round->missing);
	slim_say(job, "building and trying the minimal image, round %zu", number + 1);
	rc = build(job, additions, number, &archive, err);
	if (rc == 0)
		rc = try_image(job, archive, round, err);
	if (rc < 0)
		return rc;
	unlink(archive);
	rc = add_missing(additions, &round->missing);
	return rc < 0 ? err_sys(err, rc, "adding files") : rc;
}

/* Directories that whoever starts the image expects, with their owners. */
static int add_config(const struct slim_job *job, struct additions *additions)
{
	const struct tkit_image_config *config = job->source.config;
	struct missing names;
	int rc = 0;

	missing_init(&names);
	if (config && config->workdir && config->workdir[0] == '/')
		rc = intern_add(&names.names, BYTES(config->workdir, strlen(config->workdir) + 1),
				NULL) == INTERN_NONE;
	for (size_t i = 0; config && !rc && i < config->volumes.count; i++)
		rc = intern_add(
			     &names.names,
			     BYTES(config->volumes.items[i], strlen(config->volumes.items[i]) + 1),
			     NULL) == INTERN_NONE;
	rc = rc ? -ENOMEM : add_missing(additions, &names);
	missing_done(&names);
	return rc;
}

static int all_rounds(struct slim_job *job, struct err *err)
{
	struct additions additions = {.items = NULL};
	int rc = 1;

	missing_init(&additions.all);
	if (add_config(job, &additions) < 0)
		rc = err_sys(err, -ENOMEM, "adding files");
	while (rc > 0 && job->report->round_count < job->options->rounds)
		rc = one_round(job, &additions, err);
	free(additions.items);
	missing_done(&additions.all);
	return rc;
}

int slim_run(const struct slim_options *options, struct slim_report *ret, struct err *err)
{
	struct slim_job job;
	uint64_t start = proc_now();
	int rc = slim_job_init(&job, options, ret, err);

	if (rc == 0) {
		slim_say(&job, "reading %s", options->source);
		rc = slim_source_open(&job.dir, &job.procs, "source", options->source, &job.source,
				      err);
	}
	if (rc == 0)
		rc = slim_add_health(&job, job.source.config, err);
	if (rc == 0)
		slim_source_size(job.source.rootfs, &ret->source_files, &ret->source_bytes);
	ret->time_read = proc_now() - start;
	if (rc == 0)
		rc = run_originals(&job, err);
	if (rc == 0)
		rc = all_rounds(&job, err);
	if (rc >= 0) {
		const struct slim_round *last = &ret->rounds[ret->round_count - 1];

		rc = slim_judge(&job, last->problem || last->missing.names.count, err);
	}
	ret->signal = job.procs.caught;
	slim_job_done(&job);
	return rc;
}
