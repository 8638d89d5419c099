// SPDX-License-Identifier: MIT
/*
 * The tkitnew reporter. As it stands it lists the files that were used, with the number of
 * accesses. Replace render_path(); docs/PLUGIN_MANUAL.md of tkit tells what each callback may
 * and must do.
 */
#include <tkit/backend.h>
#include <tkit/reporter.h>

#include <errno.h>
#include <stdlib.h>

struct options {
	int failed;
};

static const struct tkit_option options[] = {
	{"failed", TKIT_OPTION_BOOL, offsetof(struct options, failed), "no", NULL,
	 "list what was looked for and not found, too"},
};

/* One instance. Nothing is global. */
struct tkitnew {
	const struct options *options; /* live until close() */
};

static int tkitnew_open(struct tkit_ctx *ctx, const void *opts, void **ret_self)
{
	struct tkitnew *t = calloc(1, sizeof(*t));

	if (!t)
		return tkit_fail(ctx, -ENOMEM, "opening");
	t->options = opts;
	*ret_self = t;
	return 0;
}

static void render_path(const struct tkit_model *model, const struct tkit_path *path,
			struct tkit_out *out)
{
	const struct tkit_access *access;
	uint64_t count = 0;

	for (size_t i = 0; (access = tkit_model_access(model, path, i)); i++)
		count += access->count;
	tkit_out_printf(out, "%8llu  ", (unsigned long long)count);
	tkit_out_path(out, path->name); /* escaped: names are any bytes */
	tkit_out_printf(out, "\n");
}

/* The same model gives the same bytes: lists are sorted, and no clock is looked at. */
static int tkitnew_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
			  struct tkit_out *out)
{
	const struct tkitnew *t = self;
	const struct tkit_path *path;

	/* Who reads a report must know that something is missing from it. */
	if (!tkit_model_complete(model))
		tkit_out_printf(out, "The trace is incomplete.\n");
	for (size_t i = 0; (path = tkit_model_path(model, i)); i++)
		if ((path->state & TKIT_PATH_SUCCEEDED) || t->options->failed)
			render_path(model, path, out);
	return 0; /* the exit status of `tkit report` */
}

static void tkitnew_close(struct tkit_ctx *ctx, void *self)
{
	free(self);
}

static const struct tkit_reporter_ops ops = {
	.open = tkitnew_open,
	.render = tkitnew_render,
	.close = tkitnew_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "tkitnew",
	.version = "0.1",
	.summary = "lists the files that were used",
	.licence = "MIT",
	/* What the report is about: core warns if the trace's backend was blind for it. */
	.caps = TKIT_CAN_OPEN,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
