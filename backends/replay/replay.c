// SPDX-License-Identifier: MIT
/* The replay backend: emits the events of a .tkit trace once more. */
#include <tkit/backend.h>
#include <tkit/trace.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

/* All that a backend can see. */
#define SIGHT                                                                                    \
	(TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_INTERP | TKIT_CAN_METADATA | TKIT_CAN_FAILED | \
	 TKIT_CAN_REQUESTED | TKIT_CAN_RESOLVED | TKIT_CAN_CHANGES | TKIT_CAN_LIST |             \
	 TKIT_CAN_PROCESS | TKIT_CAN_CREATED | TKIT_CAN_IO_URING | TKIT_CAN_COMPAT32 |           \
	 TKIT_CAN_SOCKET | TKIT_CAN_INODE | TKIT_CAN_READ | TKIT_CAN_COUNT_LOSS)

struct options {
	const char *file;
	const char *listen;
	int allow_remote;
};

static const struct tkit_option options[] = {
	{"file", TKIT_OPTION_STRING, offsetof(struct options, file), NULL, NULL,
	 "trace to replay; - for standard input"},
	{"listen", TKIT_OPTION_STRING, offsetof(struct options, listen), NULL, NULL,
	 "wait for one connection of a socket sink on unix:PATH or tcp:127.0.0.1:PORT"},
	{"allow-remote", TKIT_OPTION_BOOL, offsetof(struct options, allow_remote), "no", NULL,
	 "with listen: an address that other machines can reach; nothing is encrypted"},
};

struct replay {
	const struct options *options;
	struct source source;
	struct tkit_trace_reader *reader;
	bool idle;  /* the source had nothing: wait before the next try */
	bool ended; /* read to its end */
	bool stopped;
	uint32_t run; /* the one that `shift` and `told` are for */
	bool in_run;
	bool shift_known;
	uint64_t shift;                  /* added to each ts: the run happens again, now */
	uint64_t told[TKIT_LOSS_COUNT_]; /* losses of the run emitted so far */
	struct tkit_stats stats;
};

static int replay_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
		       void **ret_self)
{
	const struct options *given = opts;
	struct replay *replay;
	int rc;

	if (!given->file == !given->listen)
		return tkit_fail(ctx, -EINVAL, "give file=TRACE, file=- or listen=ADDRESS (one)");
	replay = calloc(1, sizeof(*replay));
	if (!replay)
		return tkit_fail(ctx, -ENOMEM, "opening the trace");
	replay->options = given;
	if (given->file)
		rc = source_open(ctx, given->file, &replay->source);
	else
		rc = source_listen(ctx, given->listen, given->allow_remote, &replay->source);
	if (rc < 0) {
		free(replay);
		return rc;
	}
	*ret_self = replay;
	return 0;
}

static int make_reader(struct tkit_ctx *ctx, struct replay *replay)
{
	return tkit_trace_reader_new(ctx, replay->source.fd, replay->source.name, &replay->reader);
}

/* What the backends of a run could see, together. */
static uint64_t sight_of(const struct tkit_run_info *info)
{
	const char *at = (const char *)info->backends;
	uint64_t caps = 0;

	for (uint32_t i = 0; i < info->backend_count; i++, at += info->backend_stride)
		caps |= ((const struct tkit_backend_info *)(const void *)at)->caps;
	return caps;
}

/* What the backends of all its runs could see; it has to be read for that once more. */
static int find_sight(struct tkit_ctx *ctx, struct replay *replay, uint64_t *ret_sight)
{
	off_t start = lseek(replay->source.fd, 0, SEEK_CUR);
	uint64_t sight = SIGHT;
	struct tkit_trace_item item;
	bool any = false;
	int rc = make_reader(ctx, replay);

	while (rc >= 0 && (rc = tkit_trace_reader_next(replay->reader, &item)) > 0) {
		if (item.kind != TKIT_TRACE_RUN)
			continue;
		sight &= sight_of(item.info);
		any = true;
	}
	tkit_trace_reader_free(replay->reader);
	replay->reader = NULL;
	if (rc < 0)
		return rc;
	*ret_sight = any ? sight : 0;
	return lseek(replay->source.fd, start, SEEK_SET) < 0
		       ? tkit_fail(ctx, -errno, "going back to the start of %s",
				   replay->source.name)
		       : 0;
}

/*
 * A file that is no trace is an error now, before anything else starts. From a pipe or a
 * socket something must come first.
 */
static int replay_start(struct tkit_ctx *ctx, void *self)
{
	struct replay *replay = self;
	struct stat st;

	uint64_t sight;
	int rc;

	tkit_facilities(ctx, NULL, SIGHT);
	if (replay->source.fd < 0)
		return 0;
	if (fstat(replay->source.fd, &st) < 0)
		return tkit_fail(ctx, -errno, "opening %s", replay->source.name);
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	if (S_ISREG(st.st_mode)) {
		rc = find_sight(ctx, replay, &sight);
		if (rc < 0)
			return rc;
		tkit_facilities(ctx, NULL, SIGHT & ~sight);
	}
	return make_reader(ctx, replay);
}

/* Waits for the source or the stop. 0: nothing yet; 1: something to do; -errno. */
static int wait_for(struct tkit_ctx *ctx, int fd, int timeout_ms)
{
	struct pollfd pfds[2] = {{.fd = fd, .events = POLLIN},
				 {.fd = tkit_stop_fd(ctx), .events = POLLIN}};
	int rc = poll(pfds, 2, timeout_ms);

	if (rc < 0)
		return errno == EINTR ? 0 : tkit_fail(ctx, -errno, "waiting for the trace");
	return pfds[0].revents != 0;
}

/* Gets a reader once something has come. 0 or -errno. */
static int find_reader(struct tkit_ctx *ctx, struct replay *replay, int timeout_ms)
{
	bool connected = replay->source.fd >= 0;
	int rc =
		wait_for(ctx, connected ? replay->source.fd : replay->source.listen_fd, timeout_ms);

	if (rc > 0)
		rc = connected ? make_reader(ctx, replay) : source_accept(ctx, &replay->source);
	return rc < 0 ? rc : 0;
}

static void enter_run(struct replay *replay, uint32_t run)
{
	if (replay->in_run && replay->run == run)
		return;
	replay->in_run = true;
	replay->run = run;
	replay->shift_known = false;
	memset(replay->told, 0, sizeof(replay->told));
}

/* The time that the run was armed, or its first event if that is not known, is now. */
static void find_shift(struct replay *replay, const struct tkit_trace_item *item,
		       const struct tkit_event *event)
{
	uint64_t zero = item->info->armed_monotonic_ns;

	replay->shift = tkit_now_ns() - (zero ? zero : event->ts_ns);
	replay->shift_known = true;
}

/* What a later tkit wrote may be new to this one: then it is lost here, not wrong. */
static int emit_event(struct tkit_ctx *ctx, struct replay *replay, struct tkit_event *event)
{
	int rc;

	if (event->type == TKIT_EVENT_LOSS) {
		if (event->reason == TKIT_LOSS_NONE || event->reason >= TKIT_LOSS_COUNT_)
			event->reason = TKIT_LOSS_UPSTREAM;
		replay->told[event->reason] += event->count;
		replay->stats.lost += event->count;
		return tkit_emit(ctx, event);
	}
	/* The bus would take it for a bug of this backend. */
	rc = event->type > TKIT_EVENT_LOSS || event->op >= TKIT_OP_COUNT_ ? -EINVAL
									  : tkit_emit(ctx, event);
	if (rc == -EINVAL) {
		replay->stats.lost++;
		return tkit_lose(ctx, TKIT_LOSS_PARSE, 1,
				 "the trace has an event that this tkit does not know");
	}
	replay->stats.emitted++;
	return rc;
}

static int emit_batch(struct tkit_ctx *ctx, struct replay *replay,
		      const struct tkit_trace_item *item)
{
	int rc = 0;

	enter_run(replay, item->run);
	for (uint32_t i = 0; rc == 0 && i < item->batch->count; i++) {
		struct tkit_event event = *tkit_batch_event(item->batch, i);

		if (event.valid & TKIT_V_TS) {
			if (!replay->shift_known)
				find_shift(replay, item, &event);
			event.ts_ns += replay->shift;
		}
		rc = emit_event(ctx, replay, &event);
	}
	return rc;
}

static int emit_damage(struct tkit_ctx *ctx, struct replay *replay,
		       const struct tkit_trace_item *item)
{
	uint64_t count = item->lost_events ? item->lost_events : 1;
	char detail[200];

	snprintf(detail, sizeof(detail), "%s: at byte %llu: %s", replay->source.name,
		 (unsigned long long)item->offset, item->text);
	replay->stats.lost += count;
	return tkit_lose(ctx, TKIT_LOSS_DAMAGED, count, detail);
}

/* The footer may know of losses that no event told: those of the part that is damaged. */
static int emit_end(struct tkit_ctx *ctx, struct replay *replay, const struct tkit_trace_item *item)
{
	const struct tkit_run_end *end = item->end;
	int rc = 0;

	enter_run(replay, item->run);
	replay->stats.deduped += end->deduped;
	replay->stats.produced += end->produced;
	for (uint32_t i = 0; rc == 0 && i < end->loss_count; i++) {
		uint64_t told = i < TKIT_LOSS_COUNT_ ? replay->told[i] : 0;

		if (end->losses[i] <= told)
			continue;
		replay->stats.lost += end->losses[i] - told;
		rc = tkit_lose(ctx, i < TKIT_LOSS_COUNT_ ? (enum tkit_loss)i : TKIT_LOSS_UPSTREAM,
			       end->losses[i] - told, "from the footer of the trace");
	}
	return rc;
}

static int emit_item(struct tkit_ctx *ctx, struct replay *replay,
		     const struct tkit_trace_item *item)
{
	switch (item->kind) {
	case TKIT_TRACE_BATCH:
		return emit_batch(ctx, replay, item);
	case TKIT_TRACE_DAMAGE:
		return emit_damage(ctx, replay, item);
	case TKIT_TRACE_FOOT:
		return emit_end(ctx, replay, item);
	default:
		return 0;
	}
}

/* What is left unread when the run is stopped is missing from it. */
static int cut_short(struct tkit_ctx *ctx, struct replay *replay)
{
	replay->ended = true;
	replay->stats.lost++;
	return tkit_lose(ctx, TKIT_LOSS_UPSTREAM, 1, "stopped before the end of the trace");
}

static int replay_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct replay *replay = self;
	struct tkit_trace_item item;
	int rc;

	if (replay->stopped && !replay->ended) {
		rc = cut_short(ctx, replay);
		if (rc < 0)
			return rc;
	}
	if (replay->ended)
		return TKIT_END;
	if (!replay->reader)
		return find_reader(ctx, replay, timeout_ms);
	if (replay->idle) {
		rc = wait_for(ctx, replay->source.fd, timeout_ms);
		if (rc <= 0)
			return rc;
	}
	rc = tkit_trace_reader_next(replay->reader, &item);
	replay->idle = rc == -EAGAIN;
	replay->ended = rc == 0;
	if (rc == -EAGAIN)
		return 0;
	if (rc == 0)
		return TKIT_END;
	if (rc > 0)
		rc = emit_item(ctx, replay, &item);
	if (rc < 0)
		return rc;
	return item.kind == TKIT_TRACE_BATCH ? (int)item.batch->count : 1;
}

static int replay_stop(struct tkit_ctx *ctx, void *self)
{
	((struct replay *)self)->stopped = true;
	return 0;
}

static int replay_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	const struct replay *replay = self;

	stats->produced = replay->stats.produced;
	stats->emitted = replay->stats.emitted;
	stats->deduped = replay->stats.deduped;
	stats->lost = replay->stats.lost;
	return 0;
}

static void replay_close(struct tkit_ctx *ctx, void *self)
{
	struct replay *replay = self;

	tkit_trace_reader_free(replay->reader);
	source_close(&replay->source);
	free(replay);
}

static const struct tkit_backend_ops ops = {
	.open = replay_open,
	.start = replay_start,
	.pump = replay_pump,
	.stop = replay_stop,
	.stats = replay_stats,
	.close = replay_close,
};

/*
 * What it can see is what the trace's backends could see: start() says what they could not.
 * From a pipe or socket that is not known in time; then it claims nothing, so that
 * reports warn too much rather than too little.
 */
TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "replay",
	.version = "1",
	.summary = "replays a .tkit trace from a file, a pipe or a socket",
	.licence = "MIT",
	.caps = SIGHT | TKIT_CAN_TARGET_NONE,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
