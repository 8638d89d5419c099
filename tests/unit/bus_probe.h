/* SPDX-License-Identifier: MIT */
/* A bus whose sinks remember what they were told. */
#ifndef BUS_PROBE_H
#define BUS_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "session/bus.h"
#include "util/bytes.h"

/* A sink that remembers what it was told. */
struct probe {
	atomic_int begun, flushed, ended, closed;
	uint64_t events;
	uint64_t next[BUS_SOURCES_MAX]; /* expected `ret` of each source's next access */
	uint64_t misordered;
	uint64_t fail_at; /* write() fails once so many events have come; 0 = never */
	sem_t *gate;      /* write() waits for it */
	char last[64];    /* `path` of the last event */
	char last_exe[64];
	struct tkit_event last_event;
	struct tkit_run_end end;
	uint64_t end_losses[TKIT_LOSS_COUNT_];
};

static inline int probe_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	((struct probe *)self)->begun++;
	return 0;
}

static inline int probe_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct probe *p = self;

	if (p->gate)
		sem_wait(p->gate);
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);

		p->events++;
		if (event->type == TKIT_EVENT_ACCESS) {
			if ((uint64_t)event->ret != p->next[batch->backend])
				p->misordered++;
			p->next[batch->backend]++;
		}
		p->last_event = *event;
		snprintf(p->last, sizeof(p->last), "%.*s", (int)event->path.len,
			 event->path.ptr ? event->path.ptr : "");
		snprintf(p->last_exe, sizeof(p->last_exe), "%.*s", (int)event->exe.len,
			 event->exe.ptr ? event->exe.ptr : "");
	}
	if (p->fail_at && p->events >= p->fail_at)
		return tkit_fail(ctx, -ENOSPC, "storing");
	return 0;
}

static inline int probe_flush(struct tkit_ctx *ctx, void *self)
{
	((struct probe *)self)->flushed++;
	return 0;
}

static inline int probe_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	struct probe *p = self;

	p->ended++;
	p->end = *end;
	memcpy(p->end_losses, end->losses, sizeof(p->end_losses));
	return 0;
}

static inline int probe_close(struct tkit_ctx *ctx, void *self)
{
	((struct probe *)self)->closed++;
	return 0;
}

__attribute__((unused)) static const struct tkit_sink_ops probe_ops = {
	.begin = probe_begin,
	.write = probe_write,
	.flush = probe_flush,
	.end = probe_end,
	.close = probe_close,
};

struct fixture {
	struct bus *bus;
	struct bus_sink sinks[2];
	struct probe probes[2];
	struct tkit_run_info run;
	atomic_int failed;
};

static inline void on_failed(void *arg)
{
	((struct fixture *)arg)->failed++;
}

static inline void make(struct fixture *f, size_t sinks, size_t queue)
{
	struct bus_config config = {
		.sinks = f->sinks,
		.sink_count = sinks,
		.queue_batches = queue,
		.failed = on_failed,
		.arg = f,
	};

	memset(f, 0, sizeof(*f));
	f->run.armed_monotonic_ns = tkit_now_ns();
	for (size_t i = 0; i < sinks; i++)
		f->sinks[i] = (struct bus_sink){.name = i ? "second" : "first",
						.ops = &probe_ops,
						.self = &f->probes[i],
						.open = true};
	assert_int_equal(bus_new(&config, &f->bus, NULL), 0);
}

static inline int finish(struct fixture *f, struct err *err)
{
	const struct tkit_run_end end = {.size = sizeof(end), .complete = 1, .wait_status = -1};

	bus_end(f->bus, &end);
	return bus_finish(f->bus, 10000000000ull, err);
}

static inline int emit_number(struct bus_source *source, uint64_t number, const char *path)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.valid = TKIT_V_RET | TKIT_V_PATH;
	event.ret = (int64_t)number;
	event.path = bytes_str(path);
	return bus_emit(source, &event);
}

struct producer {
	struct bus_source *source;
	uint64_t count;
	pthread_t thread;
	atomic_bool done;
};

static inline void *produce(void *arg)
{
	struct producer *p = arg;
	char path[64];

	for (uint64_t i = 0; i < p->count; i++) {
		snprintf(path, sizeof(path), "/some/where/%llu", (unsigned long long)i);
		if (emit_number(p->source, i, path) != 0)
			break;
		if (i % 1000 == 999)
			bus_lose(p->source, TKIT_LOSS_RING_FULL, 3, NULL);
	}
	bus_push(p->source);
	p->done = true;
	return NULL;
}

/* Begins a run whose producer waits for a sink that waits for the gate. */
static inline void make_stuck(struct fixture *f, uint32_t sinks, struct producer *producer,
			      sem_t *gate)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	sem_init(gate, 0, 0);
	make(f, 1, sinks);
	f->probes[0].gate = gate;
	bus_add_source(f->bus, 0, &producer->source);
	bus_start(f->bus, &f->run, NULL);
	pthread_create(&producer->thread, NULL, produce, producer);
	while (!bus_waiting(producer->source))
		nanosleep(&pause, NULL);
}

#endif
