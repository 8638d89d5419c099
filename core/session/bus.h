/* SPDX-License-Identifier: MIT */
/*
 * The bus: events of several sources (one per backend) go in batches through one bounded
 * queue to one writer thread, which hands them to every sink.
 *
 * A source copies events into its current batch without a lock. Full batches are queued;
 * when the queue is full the source waits, so nothing is lost here. Only a session that
 * is ended by force, or whose sink has failed, refuses events; those are counted.
 */
#ifndef SESSION_BUS_H
#define SESSION_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tkit/sink.h>

#include "plugin/ctx.h"
#include "util/err.h"

#define BUS_BATCH_EVENTS  512
#define BUS_BATCH_BYTES   (1u << 20) /* a batch with more bytes of strings is full */
#define BUS_STRING_MAX    (1u << 20) /* a longer byte string is a plugin's bug */
#define BUS_QUEUE_BATCHES 64
#define BUS_SOURCES_MAX   18 /* 16 backends, core itself and its snapshot */

struct bus;
struct bus_source;

/* One sink. Filled and opened by the session, which also keeps the array. */
struct bus_sink {
	const char *name;
	const struct tkit_sink_ops *ops;
	void *self; /* NULL until opened */
	struct tkit_ctx ctx;
	bool open;   /* open() succeeded: close() is due */
	bool failed; /* writer thread only */
};

struct bus_config {
	struct bus_sink *sinks;
	size_t sink_count;
	size_t queue_batches; /* 0 = BUS_QUEUE_BATCHES */

	/* Sees each batch before the sinks do; writer thread. NULL: nobody looks. */
	void (*observe)(void *arg, const struct tkit_batch *batch);
	/* A sink has failed: time to stop. Writer thread, once. NULL: nobody cares. */
	void (*failed)(void *arg);
	/* The writer has ended. Writer thread, its last act. NULL: nobody cares. */
	void (*done)(void *arg);
	void *arg;
};

struct bus_totals {
	uint64_t events;   /* written, losses included */
	uint64_t accesses; /* sum of `count` over accesses and execs */
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint64_t waits;         /* times a source waited for room in the queue */
	uint64_t batches;       /* batches written */
	uint64_t batch_allocs;  /* batches ever allocated */
	uint64_t string_allocs; /* times the room for strings of a batch had to grow */
};

/* Makes a bus without threads; gives each sink's ctx its line to the bus. */
int bus_new(const struct bus_config *config, struct bus **ret_bus, struct err *err);

/*
 * Adds a source; its thread alone may use it. Before bus_start() only. Sources may emit
 * before bus_start(): until then the queue has no bound.
 */
int bus_add_source(struct bus *bus, uint32_t backend, struct bus_source **ret_source);

/*
 * Copies `event`. Returns 0; -ECANCELED (counted) when the session has been ended by
 * force or a sink has failed; -EINVAL or -E2BIG for an event that breaks the contract;
 * -ENOMEM.
 */
int bus_emit(struct bus_source *source, const struct tkit_event *event);

/* Counts a loss, also when the bus refuses events. Source's thread. */
int bus_lose(struct bus_source *source, enum tkit_loss reason, uint64_t count, const char *detail);

/* Queues the current batch, if it holds anything. */
int bus_push(struct bus_source *source);

/* Age in ns of the oldest event in the current batch; 0 if it is empty. */
uint64_t bus_age(const struct bus_source *source);

/* What this source was given so far, losses not counted; what it was refused. */
uint64_t bus_emitted(const struct bus_source *source);
uint64_t bus_refused(const struct bus_source *source);
uint64_t bus_lost(const struct bus_source *source);

/* Any thread: whether the source waits for room in the queue right now. */
bool bus_waiting(const struct bus_source *source);

/*
 * Starts the writer thread and calls begin() of each sink on it; returns when that is
 * done. `run` must live until bus_finish() has returned.
 */
int bus_start(struct bus *bus, const struct tkit_run_info *run, struct err *err);

/* From now on events are refused; nobody waits for room any more. Any thread. */
void bus_force(struct bus *bus);

/* The queue is empty and the writer waits. Any thread. */
bool bus_idle(struct bus *bus);

/* Whether a sink has failed. Any thread. */
bool bus_failed(struct bus *bus);

/*
 * No more events will come: the writer writes what is queued, calls end() of each sink
 * with *end (copied; its counts are filled in, `complete` is kept only if nothing was
 * lost) unless `end` is NULL, and closes the sinks. Does not wait. Once.
 */
void bus_end(struct bus *bus, const struct tkit_run_end *end);

/* The writer has ended (or was never started). */
bool bus_done(struct bus *bus);

/*
 * After bus_end(): waits for the writer, no longer than timeout_ns (0 = for ever); then
 * -ETIMEDOUT, and the bus, its sinks and `run` must be left alone for ever. Else the
 * first failure of a sink. A bus that was never started closes its sinks here. Once.
 */
int bus_finish(struct bus *bus, uint64_t timeout_ns, struct err *err);

/* Valid after bus_finish(). */
const struct bus_totals *bus_totals(const struct bus *bus);

/* After bus_finish(). NULL-safe. */
void bus_free(struct bus *bus);

#endif
