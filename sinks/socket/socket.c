// SPDX-License-Identifier: MIT
/* The socket sink: sends a run as a .tkit stream to whoever listens. */
#include <tkit/backend.h>
#include <tkit/sink.h>
#include <tkit/trace.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

enum on_slow { SLOW_WAIT, SLOW_DROP, SLOW_FAIL };

struct options {
	const char *to;
	int on_slow;
	uint64_t timeout_ns;
	uint64_t buffer;
	int64_t level;
	int64_t block_events;
	int allow_remote;
};

static const struct tkit_option options[] = {
	{"to", TKIT_OPTION_STRING, offsetof(struct options, to), NULL, NULL,
	 "who listens: unix:PATH or tcp:HOST:PORT (default: -o)"},
	{"on-slow", TKIT_OPTION_ENUM, offsetof(struct options, on_slow), "wait", "wait|drop|fail",
	 "when the reader does not keep up: wait for it, drop and count events, or fail"},
	{"timeout", TKIT_OPTION_DURATION, offsetof(struct options, timeout_ns), "5s", NULL,
	 "longest wait for a reader that takes nothing"},
	{"buffer", TKIT_OPTION_SIZE, offsetof(struct options, buffer), "4M", "0..1G",
	 "how far the reader may be behind before it counts as slow"},
	{"level", TKIT_OPTION_INT, offsetof(struct options, level), "3", "1..19",
	 "zstd compression level"},
	{"block-events", TKIT_OPTION_INT, offsetof(struct options, block_events), "65536",
	 "1..65536", "most events in a block"},
	{"allow-remote", TKIT_OPTION_BOOL, offsetof(struct options, allow_remote), "no", NULL,
	 "allow other machines; the stream is not encrypted"},
};

struct socket_sink {
	struct tkit_ctx *ctx;
	const struct options *options;
	struct stream stream;
	struct tkit_trace_writer *writer;
	bool gone;                       /* on-slow=drop: the reader has left */
	bool dropping;                   /* on-slow=drop: since the last event that was taken */
	uint64_t lost[TKIT_LOSS_COUNT_]; /* not yet told in the stream, by reason */
	uint64_t dropped_events, dropped_accesses; /* over the whole run */
	uint64_t dropped;                          /* facts, over the whole run */
	uint64_t at_risk;                          /* facts taken since the reader had everything */
};

/* In the totals of the run, which --strict goes by, and in our own. */
static void count_dropped(struct socket_sink *sink, uint64_t count)
{
	sink->dropped += count;
	tkit_lose(sink->ctx, TKIT_LOSS_SINK, count, NULL);
}

/* A reader that is gone or stuck: an error, or with on-slow=drop a loss. */
static int reader_failed(struct socket_sink *sink, int rc)
{
	if (sink->options->on_slow != SLOW_DROP)
		return tkit_fail(sink->ctx, rc,
				 rc == -ETIMEDOUT ? "the reader of %s takes nothing"
						  : "sending to %s",
				 sink->stream.to);
	if (!sink->gone)
		tkit_log(sink->ctx, TKIT_LOG_WARN, "the reader of %s is gone: %s", sink->stream.to,
			 strerror(-rc));
	sink->gone = true;
	count_dropped(sink, sink->at_risk);
	sink->at_risk = 0;
	return 0;
}

static uint64_t facts(const struct tkit_batch *batch)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		uint64_t count = tkit_batch_event(batch, i)->count;

		sum += count ? count : 1;
	}
	return sum;
}

static int put_frame(void *arg, const void *frame, size_t size)
{
	struct socket_sink *sink = arg;
	int rc;

	if (sink->gone)
		return 0;
	if (stream_add(&sink->stream, frame, size) < 0)
		return tkit_fail(sink->ctx, -ENOMEM, "sending to %s", sink->stream.to);
	if (sink->options->on_slow == SLOW_WAIT)
		rc = stream_drain(&sink->stream, (size_t)sink->options->buffer);
	else
		rc = stream_send(&sink->stream);
	if (rc < 0)
		return reader_failed(sink, rc);
	if (sink->options->on_slow == SLOW_FAIL &&
	    stream_queued(&sink->stream) > sink->options->buffer)
		return tkit_fail(sink->ctx, -ENOBUFS, "the reader of %s does not keep up",
				 sink->stream.to);
	return 0;
}

static int socket_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	const struct options *given = opts;
	const char *to = given->to ? given->to : output;
	struct tkit_trace_writer_options writer_options = {
		.size = sizeof(writer_options),
		.level = (int32_t)given->level,
		.block_count = (uint32_t)given->block_events,
	};
	struct socket_sink *sink;
	int rc;

	if (!to)
		return tkit_fail(ctx, -EINVAL,
				 "where to? Give to=unix:PATH or to=tcp:127.0.0.1:PORT");
	sink = calloc(1, sizeof(*sink));
	if (!sink)
		return tkit_fail(ctx, -ENOMEM, "connecting to %s", to);
	sink->ctx = ctx;
	sink->options = given;
	rc = stream_open(ctx, to, given->allow_remote, given->timeout_ns, &sink->stream);
	if (rc == 0)
		rc = tkit_trace_writer_new(ctx, &writer_options, put_frame, sink, &sink->writer);
	if (rc < 0) {
		stream_close(&sink->stream);
		free(sink);
		return rc;
	}
	*ret_self = sink;
	return 0;
}

static int socket_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct socket_sink *sink = self;
	int rc = tkit_trace_writer_begin(sink->writer, run);

	return rc < 0 ? rc : 0;
}

/* The events of a batch do not go out; what they said about losses is kept. */
static void drop_batch(struct socket_sink *sink, const struct tkit_batch *batch)
{
	uint64_t dropped = 0;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);
		uint64_t count = event->count ? event->count : 1;

		sink->dropped_events++;
		if (event->type == TKIT_EVENT_LOSS) {
			uint32_t reason =
				event->reason < TKIT_LOSS_COUNT_ ? event->reason : TKIT_LOSS_SINK;

			sink->lost[reason] += count;
			continue;
		}
		if (event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC)
			sink->dropped_accesses += count;
		dropped += count;
	}
	sink->lost[TKIT_LOSS_SINK] += dropped;
	count_dropped(sink, dropped);
	if (!sink->dropping)
		tkit_log(sink->ctx, TKIT_LOG_INFO, "the reader of %s is slow: events are dropped",
			 sink->stream.to);
	sink->dropping = true;
}

/* Tells in the stream what was dropped. */
static int tell_losses(struct socket_sink *sink, uint32_t backend)
{
	int rc = 0;

	for (uint32_t reason = 0; rc == 0 && reason < TKIT_LOSS_COUNT_; reason++) {
		struct tkit_event event;
		struct tkit_batch batch = {.size = sizeof(batch),
					   .backend = backend,
					   .count = 1,
					   .stride = sizeof(event),
					   .events = &event};

		if (!sink->lost[reason])
			continue;
		tkit_event_init(&event, TKIT_EVENT_LOSS);
		event.valid = TKIT_V_TS;
		event.ts_ns = tkit_now_ns();
		event.reason = reason;
		event.count = sink->lost[reason];
		sink->lost[reason] = 0;
		rc = tkit_trace_writer_write(sink->writer, &batch);
	}
	sink->dropping = false;
	return rc;
}

static int socket_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct socket_sink *sink = self;
	int rc = 0;

	if (sink->options->on_slow == SLOW_DROP) {
		if (!sink->gone)
			rc = stream_send(&sink->stream);
		if (rc < 0)
			reader_failed(sink, rc);
		if (sink->gone || stream_queued(&sink->stream) > sink->options->buffer) {
			drop_batch(sink, batch);
			return 0;
		}
		rc = sink->dropping ? tell_losses(sink, batch->backend) : 0;
		if (rc < 0)
			return rc;
		sink->at_risk += facts(batch);
	}
	return tkit_trace_writer_write(sink->writer, batch);
}

static int socket_flush(struct tkit_ctx *ctx, void *self)
{
	struct socket_sink *sink = self;
	int rc;

	if (sink->gone)
		return 0;
	/* Too far behind already: the open block waits, too. */
	if (stream_queued(&sink->stream) <= sink->options->buffer) {
		rc = tkit_trace_writer_flush(sink->writer);
		if (rc < 0)
			return rc;
	}
	rc = sink->gone ? 0 : stream_send(&sink->stream);
	if (rc < 0)
		return reader_failed(sink, rc);
	if (!stream_queued(&sink->stream))
		sink->at_risk = 0;
	return 0;
}

/* The footer tells what was sent, not what was there to send. */
static int socket_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	struct socket_sink *sink = self;
	struct tkit_run_end sent = *end;
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	int rc = tell_losses(sink, 0);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < end->loss_count && i < TKIT_LOSS_COUNT_; i++)
		losses[i] = end->losses[i];
	if (losses[TKIT_LOSS_SINK] < sink->dropped)
		losses[TKIT_LOSS_SINK] = sink->dropped;
	if (sink->dropped_events) {
		sent.complete = 0;
		sent.losses = losses;
		sent.loss_count = TKIT_LOSS_COUNT_;
		sent.events -=
			sent.events < sink->dropped_events ? sent.events : sink->dropped_events;
		sent.accesses -= sent.accesses < sink->dropped_accesses ? sent.accesses
									: sink->dropped_accesses;
	}
	rc = tkit_trace_writer_end(sink->writer, &sent);
	if (rc == 0 && !sink->gone) {
		rc = stream_drain(&sink->stream, 0);
		rc = rc < 0 ? reader_failed(sink, rc) : 0;
	}
	if (sink->dropped)
		tkit_log(ctx, TKIT_LOG_INFO, "%llu events were dropped on the way to %s",
			 (unsigned long long)sink->dropped, sink->stream.to);
	return rc;
}

static int socket_close(struct tkit_ctx *ctx, void *self)
{
	struct socket_sink *sink = self;

	stream_close(&sink->stream);
	tkit_trace_writer_free(sink->writer);
	free(sink);
	return 0;
}

static const struct tkit_sink_ops ops = {
	.open = socket_open,
	.begin = socket_begin,
	.write = socket_write,
	.flush = socket_flush,
	.end = socket_end,
	.close = socket_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "socket",
	.version = "1",
	.summary = "sends the run as a .tkit stream over a unix or TCP socket",
	.licence = "MIT",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
