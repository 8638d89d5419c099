// SPDX-License-Identifier: MIT
/*
 * The null backend: watches nothing, makes events up. For tests of everything behind a
 * backend, faults included, and for measuring how many events tkit itself can carry.
 */
#include "null.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <tkit/backend.h>

#define PUMP_EVENTS  256 /* most events in one pump() */
#define CLOCK_EVENTS 16  /* accesses from one look at the clock to the next */

struct options {
	int64_t count;
	int64_t rate;
	int64_t paths;
	int64_t processes;
	int shape; /* enum null_shape */
	int64_t lose;
	int64_t fail_at;
	int fail_open;
	int fail_start;
	int stuck;
	int bad_event;
};

static const struct tkit_option options[] = {
	{"count", TKIT_OPTION_INT, offsetof(struct options, count), "1000", "0..1000000000000",
	 "accesses to make"},
	{"rate", TKIT_OPTION_INT, offsetof(struct options, rate), "0", "0..1000000000",
	 "accesses a second, 0 for as fast as possible"},
	{"paths", TKIT_OPTION_INT, offsetof(struct options, paths), "100", "1..1000000000",
	 "distinct paths"},
	{"processes", TKIT_OPTION_INT, offsetof(struct options, processes), "1", "1..1000000",
	 "processes that the accesses come from, each with a fork and an exit event"},
	{"shape", TKIT_OPTION_ENUM, offsetof(struct options, shape), "plain", "plain|build",
	 "plain: opens of each path in turn; build: calls, repeats and names as in a compile job"},
	{"lose", TKIT_OPTION_INT, offsetof(struct options, lose), "0", "0..1000000000000",
	 "report so many facts as lost, at the end"},
	{"fail-at", TKIT_OPTION_INT, offsetof(struct options, fail_at), "-1", "-1..1000000000000",
	 "fail after so many accesses, -1 for never"},
	{"fail-open", TKIT_OPTION_BOOL, offsetof(struct options, fail_open), "no", NULL,
	 "fail in open()"},
	{"fail-start", TKIT_OPTION_BOOL, offsetof(struct options, fail_start), "no", NULL,
	 "fail in start()"},
	{"stuck", TKIT_OPTION_BOOL, offsetof(struct options, stuck), "no", NULL,
	 "never say that everything has been read"},
	{"bad-event", TKIT_OPTION_BOOL, offsetof(struct options, bad_event), "no", NULL,
	 "make an event that breaks the contract"},
};

struct null_backend {
	const struct options *options;
	struct null_shaper shaper;
	int64_t made;   /* accesses */
	int64_t forked; /* processes told so far */
	int64_t exited;
	uint64_t emitted;
	uint64_t start_ns;
	uint64_t now_ns; /* time of the next access */
	int lost_told;
	int stopped;
};

static int null_probe(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target)
{
	return 1;
}

static int null_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
		     void **ret_self)
{
	struct null_backend *null;
	const struct options *given = opts;

	if (given->fail_open)
		return tkit_fail(ctx, -EPERM, "failing in open() as asked");
	null = calloc(1, sizeof(*null));
	if (!null)
		return tkit_fail(ctx, -ENOMEM, "opening");
	null->options = given;
	null->shaper = (struct null_shaper){
		.shape = given->shape, .paths = given->paths, .processes = given->processes};
	*ret_self = null;
	return 0;
}

static int null_start(struct tkit_ctx *ctx, void *self)
{
	struct null_backend *null = self;

	if (null->options->fail_start)
		return tkit_fail(ctx, -EPERM, "failing in start() as asked");
	null->start_ns = tkit_now_ns();
	return 0;
}

static int emit_process(struct tkit_ctx *ctx, struct null_backend *null, int type, int64_t index)
{
	struct tkit_event event;
	int rc;

	tkit_event_init(&event, type);
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_PPID | TKIT_V_COMM;
	event.ts_ns = tkit_now_ns();
	event.pid = event.tid = NULL_FIRST_PID + (int)index;
	event.ppid = 1;
	event.comm = (struct tkit_bytes){"null", 4};
	if (type == TKIT_EVENT_EXIT)
		event.valid |= TKIT_V_RET;
	rc = tkit_emit(ctx, &event);
	if (rc == 0)
		null->emitted++;
	return rc;
}

static int emit_access(struct tkit_ctx *ctx, struct null_backend *null)
{
	struct tkit_event event;
	char text[NULL_TEXT];
	int rc;

	/* A look at the clock costs as much as the rest: what is measured here is tkit. */
	if (null->options->rate || null->made % CLOCK_EVENTS == 0)
		null->now_ns = tkit_now_ns();
	null_access(&null->shaper, text, &event);
	event.ts_ns = null->now_ns++;
	if (null->options->bad_event)
		event.op = TKIT_OP_NONE;
	rc = tkit_emit(ctx, &event);
	if (rc == 0) {
		null->made++;
		null->emitted++;
	}
	return rc;
}

/* How many accesses are due now. */
static int64_t due(const struct null_backend *null)
{
	int64_t left = null->options->count - null->made;

	if (null->options->fail_at >= 0 && left > null->options->fail_at - null->made)
		left = null->options->fail_at - null->made;
	if (null->options->rate) {
		double seconds = (double)(tkit_now_ns() - null->start_ns) / 1e9;
		int64_t ready = (int64_t)(seconds * (double)null->options->rate) - null->made;

		if (left > ready)
			left = ready;
	}
	return left < PUMP_EVENTS ? left : PUMP_EVENTS;
}

static int finish(struct tkit_ctx *ctx, struct null_backend *null)
{
	int rc = 0;

	while (rc == 0 && null->exited < null->forked)
		rc = emit_process(ctx, null, TKIT_EVENT_EXIT, null->exited++);
	if (rc == 0 && null->options->lose && !null->lost_told) {
		null->lost_told = 1;
		rc = tkit_lose(ctx, TKIT_LOSS_INJECTED, (uint64_t)null->options->lose,
			       "asked for by the option lose");
	}
	if (rc < 0)
		return rc;
	return null->options->stuck ? 0 : TKIT_END;
}

static void pause_for(struct tkit_ctx *ctx, int timeout_ms)
{
	struct pollfd fd = {.fd = tkit_stop_fd(ctx), .events = POLLIN};

	poll(&fd, 1, timeout_ms);
}

static int null_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct null_backend *null = self;
	int64_t todo, done = 0;
	int rc = 0;

	while (rc == 0 && !null->stopped && null->forked < null->options->processes)
		rc = emit_process(ctx, null, TKIT_EVENT_FORK, null->forked++);
	if (rc < 0)
		return rc;
	if (null->options->fail_at >= 0 && null->made >= null->options->fail_at)
		return tkit_fail(ctx, -EIO, "failing after %lld accesses as asked",
				 (long long)null->made);
	if (null->stopped || null->made >= null->options->count) {
		rc = finish(ctx, null);
		if (rc == 0)
			pause_for(ctx, timeout_ms);
		return rc;
	}
	todo = due(null);
	if (todo <= 0) {
		pause_for(ctx, timeout_ms < 5 ? timeout_ms : 5);
		return 0;
	}
	while (done < todo && rc == 0) {
		rc = emit_access(ctx, null);
		done++;
	}
	return rc < 0 ? rc : (int)done;
}

static int null_stop(struct tkit_ctx *ctx, void *self)
{
	struct null_backend *null = self;

	null->stopped = 1;
	return 0;
}

static int null_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct null_backend *null = self;

	stats->lost = null->lost_told ? (uint64_t)null->options->lose : 0;
	stats->emitted = null->emitted;
	stats->produced = null->emitted + stats->lost;
	return 0;
}

static void null_close(struct tkit_ctx *ctx, void *self)
{
	free(self);
}

static const struct tkit_backend_ops ops = {
	.probe = null_probe,
	.open = null_open,
	.start = null_start,
	.pump = null_pump,
	.stop = null_stop,
	.stats = null_stats,
	.close = null_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "null",
	.version = "1",
	.summary = "makes synthetic events and faults, for tests and benchmarks",
	.licence = "MIT",
	.caps = TKIT_CAN_TARGET_NONE | TKIT_CAN_TARGET_COMMAND | TKIT_CAN_COUNT_LOSS,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
