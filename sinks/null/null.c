// SPDX-License-Identifier: MIT
/* The null sink: counts events and drops them; can be slow or fail on request. */
#include <tkit/sink.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct options {
	int64_t fail_at;
	uint64_t delay;
	int fail_open;
	int fail_begin;
	int fail_end;
};

static const struct tkit_option options[] = {
	{"fail-at", TKIT_OPTION_INT, offsetof(struct options, fail_at), "-1", "-1..1000000000000",
	 "fail after so many events, -1 for never"},
	{"delay", TKIT_OPTION_DURATION, offsetof(struct options, delay), "0", NULL,
	 "take so long for each batch"},
	{"fail-open", TKIT_OPTION_BOOL, offsetof(struct options, fail_open), "no", NULL,
	 "fail in open()"},
	{"fail-begin", TKIT_OPTION_BOOL, offsetof(struct options, fail_begin), "no", NULL,
	 "fail in begin()"},
	{"fail-end", TKIT_OPTION_BOOL, offsetof(struct options, fail_end), "no", NULL,
	 "fail in end()"},
};

struct null_sink {
	const struct options *options;
	int64_t events;
};

static int null_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	const struct options *given = opts;
	struct null_sink *null;

	if (given->fail_open)
		return tkit_fail(ctx, -EIO, "failing in open() as asked");
	null = calloc(1, sizeof(*null));
	if (!null)
		return tkit_fail(ctx, -ENOMEM, "opening");
	null->options = given;
	*ret_self = null;
	return 0;
}

static int null_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct null_sink *null = self;

	if (null->options->fail_begin)
		return tkit_fail(ctx, -EIO, "failing in begin() as asked");
	return 0;
}

static int null_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct null_sink *null = self;
	const struct timespec delay = {.tv_sec = (time_t)(null->options->delay / 1000000000u),
				       .tv_nsec = (long)(null->options->delay % 1000000000u)};

	if (null->options->delay)
		nanosleep(&delay, NULL);
	null->events += batch->count;
	if (null->options->fail_at >= 0 && null->events >= null->options->fail_at)
		return tkit_fail(ctx, -EIO, "failing after %lld events as asked",
				 (long long)null->events);
	return 0;
}

static int null_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	struct null_sink *null = self;

	if (null->options->fail_end)
		return tkit_fail(ctx, -EIO, "failing in end() as asked");
	tkit_log(ctx, TKIT_LOG_INFO, "%lld events dropped", (long long)null->events);
	return 0;
}

static int null_close(struct tkit_ctx *ctx, void *self)
{
	free(self);
	return 0;
}

static const struct tkit_sink_ops ops = {
	.open = null_open,
	.begin = null_begin,
	.write = null_write,
	.end = null_end,
	.close = null_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "null",
	.version = "1",
	.summary = "drops the events; for tests and benchmarks",
	.licence = "MIT",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
