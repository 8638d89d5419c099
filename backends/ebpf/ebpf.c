// SPDX-License-Identifier: MIT
/* The ebpf backend: programs on tracepoints, records through a ring. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "ebpf.h"
#include "tkit.skel.h"

#define BATCH        4096      /* records that one pump() reads at most */
#define IDLE_MS_MIN  2         /* how long to sleep between two looks at the ring; */
#define IDLE_MS_MAX  32        /* the kernel wakes us earlier only when it fills up */
#define IDLE_MS_FILE 50        /* nobody waits for what is written to files */
#define LOOK_NS      200000000 /* how often the kernel's counters are read */
#define DRAIN_NS     200000000 /* how long programs that were running at stop() may take */
#define PUMP_ENOUGH  (-0x7fff) /* out of the ring's callback: stop here for now */

static int on_record(void *arg, void *data, size_t size)
{
	struct ebpf *e = arg;
	const struct ebpf_event *ev = data;
	int rc;

	if (size < sizeof(*ev) || ev->version != EBPF_VERSION || ev->len > size - sizeof(*ev))
		return tkit_fail(e->ctx, -EPROTO, "record of %zu bytes in the ring", size);
	e->hurry |= EBPF_IS_URGENT(ev);
	rc = decode_record(e, ev);
	if (rc)
		return rc;
	return --e->budget > 0 ? 0 : PUMP_ENOUGH;
}

/* Reports what a kernel counter has grown by. */
static void tell_loss(struct ebpf *e, enum tkit_loss reason, uint64_t now, const char *detail)
{
	uint64_t grown = now - e->told[reason];

	if (!grown)
		return;
	e->told[reason] = now;
	decode_lose(e, reason, grown, detail);
}

static void tell_losses(struct ebpf *e)
{
	char detail[128];

	e->looked_ns = tkit_now_ns();
	snprintf(detail, sizeof(detail), "ring-size=%" PRIu64, e->options->ring_size);
	tell_loss(e, TKIT_LOSS_RING_FULL, load_counter(e, EBPF_CNT_RING_FULL), detail);
	snprintf(detail, sizeof(detail), "processes=%" PRId64 ", io_uring requests=%d",
		 e->options->processes, EBPF_REQUESTS);
	tell_loss(e, TKIT_LOSS_MAP_FULL, load_counter(e, EBPF_CNT_MAP_FULL), detail);
	tell_loss(e, TKIT_LOSS_RECURSION, load_misses(e), NULL);
}

static int ebpf_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	int rc = load_probe(ctx, options, target);

	return rc < 0 ? rc : 90;
}

static void ebpf_close(struct tkit_ctx *ctx, void *self)
{
	struct ebpf *e = self;

	ring_buffer__free(e->ring);
	load_close(e);
	table_done(&e->dirs);
	table_done(&e->processes);
	table_done(&e->requests);
	fold_done(e);
	free(e);
}

static int check_options(struct tkit_ctx *ctx, const struct ebpf_options *options,
			 const struct tkit_target *target)
{
	if (options->ring_size & (options->ring_size - 1))
		return tkit_fail(ctx, -EINVAL, "ring-size %" PRIu64 " is not a power of two",
				 options->ring_size);
	if (target->kind == TKIT_TARGET_NONE)
		return tkit_fail(ctx, -EINVAL, "needs a command, process, cgroup or host to watch");
	if (target->kind == TKIT_TARGET_CGROUP && !(target->flags & TKIT_TARGET_LATE) &&
	    !target->cgroup_path)
		return tkit_fail(ctx, -EINVAL, "needs the directory of the cgroup");
	return 0;
}

static int map_ring(struct ebpf *e)
{
	ring_buffer__free(e->ring);
	e->ring = ring_buffer__new(bpf_map__fd(e->skel->maps.ring), on_record, e, NULL);
	return e->ring ? 0 : tkit_fail(e->ctx, -errno, "mapping the ring");
}

/* Reading takes processor time and cache from the target. */
static int idle_least(const struct ebpf *e)
{
	return counts_for_files(e->target) ? IDLE_MS_FILE : IDLE_MS_MIN;
}

static int ebpf_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		     void **ret_self)
{
	int rc = check_options(ctx, options, target);
	struct ebpf *e;

	if (rc)
		return rc;
	e = calloc(1, sizeof(*e));
	if (!e)
		return tkit_fail(ctx, -ENOMEM, "room for the backend");
	e->ctx = ctx;
	e->options = options;
	e->target = target;
	e->idle_ms = idle_least(e);
	e->limits.rlim_cur = e->limits.rlim_max = EBPF_LIMIT_KEPT;
	rc = load_open(e);
	if (!rc)
		rc = map_ring(e);
	if (rc) {
		ebpf_close(ctx, e);
		return rc;
	}
	*ret_self = e;
	return 0;
}

static int ebpf_start(struct tkit_ctx *ctx, void *self)
{
	struct ebpf *e = self;
	int rc = load_start(e);

	if (rc != EBPF_LOAD_AGAIN)
		return rc;
	rc = load_again(e);
	if (!rc)
		rc = map_ring(e);
	return rc ? rc : load_start(e);
}

/* Reads what is in the ring, up to the batch. Returns the number of records or -errno. */
static int consume(struct ebpf *e)
{
	int rc;

	e->budget = BATCH;
	rc = ring_buffer__consume(e->ring);
	if (e->rc)
		return e->rc;
	if (rc < 0 && rc != PUMP_ENOUGH)
		return rc;
	if (tkit_now_ns() - e->looked_ns > LOOK_NS) {
		tell_losses(e);
		counts_step(e);
	}
	return e->rc ? e->rc : BATCH - e->budget;
}

/* The ring is empty and nothing is attached any more. */
static int drained(struct ebpf *e)
{
	uint64_t deadline = tkit_now_ns() + DRAIN_NS;
	uint64_t missing;

	/* A program that was running on another CPU may still be about to deliver. */
	do {
		int rc = consume(e);

		if (rc)
			return rc;
		missing = load_counter(e, EBPF_CNT_PRODUCED) - load_counter(e, EBPF_CNT_RING_FULL) -
			  e->consumed;
		if (missing)
			poll(NULL, 0, 1);
	} while (missing && tkit_now_ns() < deadline);
	counts_end(e);
	tell_losses(e);
	tkit_log(e->ctx, TKIT_LOG_DEBUG, "paths by d_path=%" PRIu64,
		 load_counter(e, EBPF_CNT_D_PATH));
	track_requests_left(e, load_has_request);
	if (missing)
		decode_lose(e, TKIT_LOSS_UNFINISHED, missing, "produced, but not in the ring");
	return e->rc ? e->rc : TKIT_END;
}

static int ebpf_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct ebpf *e = self;
	struct pollfd fds[2] = {{.fd = ring_buffer__epoll_fd(e->ring), .events = POLLIN},
				{.fd = tkit_stop_fd(ctx), .events = POLLIN}};
	uint64_t deadline = tkit_now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;

	for (;;) {
		int rc = consume(e);
		uint64_t now = tkit_now_ns();
		int sleep_ms;

		if (rc) {
			e->idle_ms = e->hurry ? IDLE_MS_MIN : idle_least(e);
			e->hurry = false;
			return rc;
		}
		if (e->stopped)
			return drained(e);
		if (now >= deadline)
			return 0;
		sleep_ms = (int)((deadline - now) / 1000000) + 1;
		if (sleep_ms > e->idle_ms)
			sleep_ms = e->idle_ms;
		if (poll(fds, 2, sleep_ms) > 0 && fds[1].revents)
			deadline = now; /* one last look, then back to core */
		if (e->idle_ms < IDLE_MS_MAX || e->idle_ms < idle_least(e))
			e->idle_ms *= 2;
	}
}

static int ebpf_stop(struct tkit_ctx *ctx, void *self)
{
	struct ebpf *e = self;

	load_detach(e);
	e->stopped = true;
	return 0;
}

static int ebpf_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct ebpf *e = self;

	stats->produced = load_counter(e, EBPF_CNT_PRODUCED) + e->extra + e->fold.repeats +
			  e->told[TKIT_LOSS_MAP_FULL] + e->told[TKIT_LOSS_RECURSION];
	stats->emitted = e->emitted;
	stats->deduped = e->fold.repeats - e->fold.told;
	stats->lost = e->lost;
	return 0;
}

static const struct tkit_backend_ops ops = {
	.probe = ebpf_probe,
	.open = ebpf_open,
	.start = ebpf_start,
	.pump = ebpf_pump,
	.stop = ebpf_stop,
	.stats = ebpf_stats,
	.close = ebpf_close,
};

static const struct tkit_option options[] = {
	{"ring-size", TKIT_OPTION_SIZE, offsetof(struct ebpf_options, ring_size), "16M", "4K..1G",
	 "bytes of the ring between kernel and tkit, a power of two"},
	{"processes", TKIT_OPTION_INT, offsetof(struct ebpf_options, processes), "16384",
	 "64..4194304", "how many processes can be followed at one time"},
	{"programs", TKIT_OPTION_ENUM, offsetof(struct ebpf_options, programs), "auto",
	 "auto|modern|plain", "modern: as on Linux 5.17 to 6.1; plain: as before that"},
	{"resolve", TKIT_OPTION_ENUM, offsetof(struct ebpf_options, resolve), "auto",
	 "auto|walk|d_path",
	 "how the path of an opened file is found: d_path needs fentry programs"},
	{"dedup", TKIT_OPTION_ENUM, offsetof(struct ebpf_options, dedup), "auto", "auto|on|off",
	 "count repeats in the kernel; auto: if all sinks are files and no other backend watches"},
	{"dedup-entries", TKIT_OPTION_INT, offsetof(struct ebpf_options, dedup_entries), "16384",
	 "16..4194304", "how many different accesses are known at one time"},
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "ebpf",
	.version = "0.1.0",
	.summary = "watches system calls from inside the kernel, the target runs on undisturbed",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_INTERP | TKIT_CAN_METADATA |
		TKIT_CAN_FAILED | TKIT_CAN_REQUESTED | TKIT_CAN_RESOLVED | TKIT_CAN_CHANGES |
		TKIT_CAN_LIST | TKIT_CAN_IO_URING | TKIT_CAN_PROCESS | TKIT_CAN_CREATED |
		TKIT_CAN_COMPAT32 | TKIT_CAN_SOCKET | TKIT_CAN_INODE | TKIT_CAN_COUNT_LOSS |
		TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_CGROUP |
		TKIT_CAN_TARGET_ALL | TKIT_BACKEND_EARLY,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct ebpf_options),
	.options = options,
};
