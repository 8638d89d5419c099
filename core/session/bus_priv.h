/* SPDX-License-Identifier: MIT */
/* What bus.c (sources, queue) and writer.c (writer thread, sinks) share. */
#ifndef SESSION_BUS_PRIV_H
#define SESSION_BUS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "session/bus.h"

struct bus_batch {
	struct bus_batch *next;
	uint32_t backend;
	uint32_t count;
	uint64_t first_ns; /* when the first event came */
	char *strings;     /* byte strings of the events */
	size_t strings_size;
	size_t strings_room;
	struct tkit_event events[BUS_BATCH_EVENTS];
};

struct bus_source {
	struct bus *bus;
	struct bus_batch *batch; /* being filled; NULL = none */
	uint32_t backend;
	uint64_t emitted; /* events taken, losses not counted */
	uint64_t lost;    /* sum of the counts of loss events taken */
	uint64_t refused; /* events refused with -ECANCELED */
	uint64_t string_allocs;
	atomic_bool waiting;
};

struct bus {
	struct bus_config config;
	struct bus_source sources[BUS_SOURCES_MAX];
	size_t source_count;
	size_t queue_limit;
	int force_fd;         /* eventfd: readable once events are refused */
	atomic_bool canceled; /* events are refused */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t not_full;
	pthread_cond_t not_empty; /* also: closed */
	pthread_cond_t progress;  /* begun, done */
	struct bus_batch *head, *tail, *unused;
	size_t queued;
	bool bounded; /* the writer runs: the queue has its bound */
	bool closed;  /* no more batches will come */
	bool busy;    /* the writer has a batch in hand */
	bool begun;
	bool done;
	bool failed;
	uint64_t waits;
	uint64_t batch_allocs;

	/* The writer's own; others read them after it is done. */
	const struct tkit_run_info *run;
	struct tkit_run_end end;
	bool has_end;
	struct bus_totals totals;
	struct err err; /* the first failure of a sink; under the lock until done */
	pthread_t thread;
	bool started;
};

/* The writer thread. */
void *bus_writer(void *arg);

/* Closes the sinks; used by the writer, or by main when there is none. */
void bus_close_sinks(struct bus *bus);

/* Gives a batch that was written back for use. Takes the lock. */
void bus_recycle(struct bus *bus, struct bus_batch *batch);

extern const struct ctx_session_ops bus_sink_ctx_ops;

#endif
