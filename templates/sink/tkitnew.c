// SPDX-License-Identifier: MIT
/*
 * The tkitnew sink. As it stands it writes one line of text for each event to the file that -o
 * names. Replace put_event(); docs/PLUGIN_MANUAL.md of tkit tells what each callback may and
 * must do.
 */
#include <tkit/sink.h>
#include <tkit/trace.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 8192

struct options {
	int losses;
};

static const struct tkit_option options[] = {
	{"losses", TKIT_OPTION_BOOL, offsetof(struct options, losses), "yes", NULL,
	 "write losses, too"},
};

/* One instance. Nothing is global: several may run at a time. */
struct tkitnew {
	const struct options *options; /* live until close() */
	FILE *out;
	uint64_t zero_ns; /* of the times that are written */
};

/* Called before the command is started: a file that cannot be made ends the run here. */
static int tkitnew_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	struct tkitnew *t;

	if (!output)
		return tkit_fail(ctx, -EINVAL, "name a file with -o");
	t = calloc(1, sizeof(*t));
	if (!t)
		return tkit_fail(ctx, -ENOMEM, "opening");
	t->options = opts;
	t->out = fopen(output, "we");
	if (!t->out) {
		int rc = -errno;

		free(t);
		return tkit_fail(ctx, rc, "opening %s", output);
	}
	*ret_self = t;
	return 0;
}

static int tkitnew_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct tkitnew *t = self;

	t->zero_ns = run->armed_monotonic_ns;
	return 0;
}

/* Events are lent for the call: copy what is to be kept. */
static void put_event(struct tkitnew *t, const struct tkit_event *event)
{
	char line[LINE_BYTES];
	size_t len = tkit_event_text(event, t->zero_ns, line, sizeof(line));

	if (len > sizeof(line))
		len = sizeof(line); /* cut off */
	fwrite(line, 1, len, t->out);
	putc('\n', t->out);
}

static int tkitnew_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct tkitnew *t = self;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);

		if (event->type != TKIT_EVENT_LOSS || t->options->losses)
			put_event(t, event);
	}
	return ferror(t->out) ? tkit_fail(ctx, -EIO, "writing") : 0;
}

/* What was written so far survives a crash of tkit. */
static int tkitnew_flush(struct tkit_ctx *ctx, void *self)
{
	struct tkitnew *t = self;

	return fflush(t->out) ? tkit_fail(ctx, -errno, "writing") : 0;
}

/* A last write that fails is an error, too. */
static int tkitnew_close(struct tkit_ctx *ctx, void *self)
{
	struct tkitnew *t = self;
	int rc = fclose(t->out) ? -errno : 0;

	free(t);
	return rc ? tkit_fail(ctx, rc, "closing") : 0;
}

static const struct tkit_sink_ops ops = {
	.open = tkitnew_open,
	.begin = tkitnew_begin,
	.write = tkitnew_write,
	.flush = tkitnew_flush,
	.close = tkitnew_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "tkitnew",
	.version = "0.1",
	.summary = "writes one line of text for each event",
	.licence = "MIT",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
