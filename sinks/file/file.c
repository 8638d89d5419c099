// SPDX-License-Identifier: MIT
/* The file sink: stores a run as a .tkit trace. */
#include <tkit/sink.h>
#include <tkit/trace.h>

#include <errno.h>
#include <stdlib.h>

#include "place.h"

#define DEFAULT_FILE "trace.tkit"

struct options {
	const char *file;
	int64_t level;
	int64_t block_events;
	int64_t time_step;
	int sync;
};

static const struct tkit_option options[] = {
	{"file", TKIT_OPTION_STRING, offsetof(struct options, file), NULL, NULL,
	 "where the trace goes, - for standard output (default: -o, or " DEFAULT_FILE ")"},
	{"level", TKIT_OPTION_INT, offsetof(struct options, level), "3", "1..19",
	 "zstd compression level"},
	{"block-events", TKIT_OPTION_INT, offsetof(struct options, block_events), "65536",
	 "1..65536", "most events in a block"},
	{"time-step", TKIT_OPTION_INT, offsetof(struct options, time_step), "128", "1..1073741824",
	 "times are rounded down to multiples of so many ns, a power of 2"},
	{"sync", TKIT_OPTION_BOOL, offsetof(struct options, sync), "no", NULL,
	 "write to the disk each second, so that a crash of the machine loses no more"},
};

struct file_sink {
	struct tkit_ctx *ctx;
	const struct options *options;
	struct place place;
	struct tkit_trace_writer *writer;
};

static int put_frame(void *arg, const void *frame, size_t size)
{
	struct file_sink *sink = arg;

	return place_write(sink->ctx, &sink->place, frame, size);
}

static int file_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	const struct options *given = opts;
	const char *path = given->file ? given->file : output ? output : DEFAULT_FILE;
	struct tkit_trace_writer_options writer_options = {
		.size = sizeof(writer_options),
		.level = (int32_t)given->level,
		.block_count = (uint32_t)given->block_events,
		.time_step = (uint32_t)given->time_step,
	};
	struct file_sink *sink = calloc(1, sizeof(*sink));
	int rc;

	if (!sink)
		return tkit_fail(ctx, -ENOMEM, "opening %s", path);
	sink->ctx = ctx;
	sink->options = given;
	rc = place_open(ctx, path, &sink->place);
	if (rc == 0) {
		rc = tkit_trace_writer_new(ctx, &writer_options, put_frame, sink, &sink->writer);
		if (rc < 0)
			place_close(NULL, &sink->place);
	}
	if (rc < 0) {
		free(sink);
		return rc;
	}
	*ret_self = sink;
	return 0;
}

/* The header is in the file before the file gets its name: an older trace makes way only now. */
static int file_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct file_sink *sink = self;
	int rc = tkit_trace_writer_begin(sink->writer, run);

	if (rc >= 0)
		rc = place_sync(ctx, &sink->place);
	return rc < 0 ? rc : place_publish(ctx, &sink->place);
}

static int file_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct file_sink *sink = self;

	return tkit_trace_writer_write(sink->writer, batch);
}

static int file_flush(struct tkit_ctx *ctx, void *self)
{
	struct file_sink *sink = self;
	int rc = tkit_trace_writer_flush(sink->writer);

	return rc < 0 || !sink->options->sync ? rc : place_sync(ctx, &sink->place);
}

static int file_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	struct file_sink *sink = self;
	int rc = tkit_trace_writer_end(sink->writer, end);

	return rc < 0 ? rc : place_sync(ctx, &sink->place);
}

static int file_close(struct tkit_ctx *ctx, void *self)
{
	struct file_sink *sink = self;
	int rc = place_close(ctx, &sink->place);

	tkit_trace_writer_free(sink->writer);
	free(sink);
	return rc;
}

static const struct tkit_sink_ops ops = {
	.open = file_open,
	.begin = file_begin,
	.write = file_write,
	.flush = file_flush,
	.end = file_end,
	.close = file_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "file",
	.version = "1",
	.summary = "stores the run in a .tkit trace file",
	.licence = "MIT",
	.caps = TKIT_SINK_FOLDS,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
