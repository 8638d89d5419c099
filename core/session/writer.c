// SPDX-License-Identifier: MIT
/* The writer thread: the only one that calls the sinks between open() and the end. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "session/bus_priv.h"

#define FLUSH_NS 1000000000ull

static void sink_failed(struct bus *bus, struct bus_sink *sink, int rc, const char *doing)
{
	bool first;

	sink->failed = true;
	pthread_mutex_lock(&bus->lock);
	first = !bus->failed;
	bus->failed = true;
	if (first && sink->ctx.err.rc)
		err_set(&bus->err, rc, "sink %s: %s", sink->name, err_text(&sink->ctx.err));
	else if (first)
		err_sys(&bus->err, rc, "sink %s: %s", sink->name, doing);
	pthread_mutex_unlock(&bus->lock);
	if (!first)
		return;
	/* Nothing can be stored completely any more: the sources are to stop. */
	bus_force(bus);
	if (bus->config.failed)
		bus->config.failed(bus->config.arg);
}

static void begin_sinks(struct bus *bus)
{
	for (size_t i = 0; i < bus->config.sink_count; i++) {
		struct bus_sink *sink = &bus->config.sinks[i];
		int rc = sink->ops->begin ? sink->ops->begin(&sink->ctx, sink->self, bus->run) : 0;

		if (rc < 0)
			sink_failed(bus, sink, rc, "beginning the trace");
	}
}

static void flush_sinks(struct bus *bus)
{
	for (size_t i = 0; i < bus->config.sink_count; i++) {
		struct bus_sink *sink = &bus->config.sinks[i];
		int rc;

		if (sink->failed || !sink->ops->flush)
			continue;
		rc = sink->ops->flush(&sink->ctx, sink->self);
		if (rc < 0)
			sink_failed(bus, sink, rc, "flushing");
	}
}

static void count_batch(struct bus_totals *totals, const struct bus_batch *batch)
{
	totals->batches++;
	totals->events += batch->count;
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = &batch->events[i];
		uint64_t count = event->count ? event->count : 1;

		if (event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC)
			totals->accesses += count;
		else if (event->type == TKIT_EVENT_LOSS)
			totals->losses[event->reason] += count;
	}
}

static void write_batch(struct bus *bus, const struct bus_batch *batch)
{
	const struct tkit_batch out = {
		.size = sizeof(out),
		.backend = batch->backend,
		.count = batch->count,
		.stride = sizeof(batch->events[0]),
		.events = batch->events,
	};

	count_batch(&bus->totals, batch);
	if (bus->config.observe)
		bus->config.observe(bus->config.arg, &out);
	for (size_t i = 0; i < bus->config.sink_count; i++) {
		struct bus_sink *sink = &bus->config.sinks[i];
		int rc;

		if (sink->failed)
			continue;
		rc = sink->ops->write(&sink->ctx, sink->self, &out);
		if (rc < 0)
			sink_failed(bus, sink, rc, "writing");
	}
}

static struct timespec at_ns(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
				 .tv_nsec = (long)(ns % 1000000000u)};
}

/* The next batch; NULL when flush_at has come, or the queue is empty and closed. */
static struct bus_batch *take(struct bus *bus, uint64_t flush_at, bool *ret_closed)
{
	struct timespec until = at_ns(flush_at);
	struct bus_batch *batch;
	int rc = 0;

	pthread_mutex_lock(&bus->lock);
	bus->busy = false;
	while (!bus->head && !bus->closed && rc != ETIMEDOUT) {
		if (flush_at)
			rc = pthread_cond_timedwait(&bus->not_empty, &bus->lock, &until);
		else
			pthread_cond_wait(&bus->not_empty, &bus->lock);
	}
	batch = bus->head;
	if (batch) {
		bus->head = batch->next;
		if (!bus->head)
			bus->tail = NULL;
		bus->queued--;
		bus->busy = true;
		pthread_cond_signal(&bus->not_full);
	}
	*ret_closed = !batch && bus->closed;
	pthread_mutex_unlock(&bus->lock);
	return batch;
}

static void end_sinks(struct bus *bus)
{
	struct tkit_run_end *end = &bus->end;

	end->size = sizeof(*end);
	end->events = bus->totals.events;
	end->accesses = bus->totals.accesses;
	end->losses = bus->totals.losses;
	end->loss_count = TKIT_LOSS_COUNT_;
	end->duration_ns = tkit_now_ns() - bus->run->armed_monotonic_ns;
	if (bus->failed)
		end->complete = 0;
	for (int i = 0; i < TKIT_LOSS_COUNT_; i++)
		if (bus->totals.losses[i])
			end->complete = 0;
	for (size_t i = 0; i < bus->config.sink_count; i++) {
		struct bus_sink *sink = &bus->config.sinks[i];
		int rc;

		if (sink->failed || !sink->ops->end)
			continue;
		rc = sink->ops->end(&sink->ctx, sink->self, end);
		if (rc < 0)
			sink_failed(bus, sink, rc, "ending the trace");
	}
}

void bus_close_sinks(struct bus *bus)
{
	for (size_t i = 0; i < bus->config.sink_count; i++) {
		struct bus_sink *sink = &bus->config.sinks[i];
		int rc;

		if (!sink->open)
			continue;
		sink->open = false;
		rc = sink->ops->close(&sink->ctx, sink->self);
		if (rc < 0 && !sink->failed)
			sink_failed(bus, sink, rc, "closing");
	}
}

static void signal_progress(struct bus *bus, bool *what)
{
	pthread_mutex_lock(&bus->lock);
	*what = true;
	pthread_cond_broadcast(&bus->progress);
	pthread_mutex_unlock(&bus->lock);
}

void *bus_writer(void *arg)
{
	struct bus *bus = arg;
	uint64_t flush_at = 0; /* 0 = nothing to flush */
	bool closed = false;

	begin_sinks(bus);
	signal_progress(bus, &bus->begun);
	while (!closed) {
		struct bus_batch *batch = take(bus, flush_at, &closed);

		if (batch) {
			write_batch(bus, batch);
			bus_recycle(bus, batch);
			if (!flush_at)
				flush_at = tkit_now_ns() + FLUSH_NS;
		}
		if (flush_at && !closed && tkit_now_ns() >= flush_at) {
			flush_sinks(bus);
			flush_at = 0;
		}
	}
	if (bus->has_end)
		end_sinks(bus);
	bus_close_sinks(bus);
	signal_progress(bus, &bus->done);
	if (bus->config.done)
		bus->config.done(bus->config.arg);
	return NULL;
}

int bus_start(struct bus *bus, const struct tkit_run_info *run, struct err *err)
{
	int rc;

	bus->run = run;
	pthread_mutex_lock(&bus->lock);
	bus->bounded = true;
	pthread_mutex_unlock(&bus->lock);
	rc = pthread_create(&bus->thread, NULL, bus_writer, bus);
	if (rc)
		return err_sys(err, -rc, "starting the writer thread");
	bus->started = true;
	pthread_mutex_lock(&bus->lock);
	while (!bus->begun)
		pthread_cond_wait(&bus->progress, &bus->lock);
	rc = bus->failed ? err_set(err, bus->err.rc, "%s", err_text(&bus->err)) : 0;
	pthread_mutex_unlock(&bus->lock);
	return rc;
}

/* Waits for the writer; false if it did not finish in time. */
static bool wait_done(struct bus *bus, uint64_t timeout_ns)
{
	struct timespec until = at_ns(tkit_now_ns() + timeout_ns);
	bool done;
	int rc = 0;

	pthread_mutex_lock(&bus->lock);
	while (!bus->done && rc != ETIMEDOUT) {
		if (timeout_ns)
			rc = pthread_cond_timedwait(&bus->progress, &bus->lock, &until);
		else
			pthread_cond_wait(&bus->progress, &bus->lock);
	}
	done = bus->done;
	pthread_mutex_unlock(&bus->lock);
	return done;
}

void bus_end(struct bus *bus, const struct tkit_run_end *end)
{
	pthread_mutex_lock(&bus->lock);
	bus->has_end = end != NULL;
	if (end)
		bus->end = *end;
	bus->closed = true;
	pthread_cond_signal(&bus->not_empty);
	pthread_mutex_unlock(&bus->lock);
}

bool bus_done(struct bus *bus)
{
	bool done;

	pthread_mutex_lock(&bus->lock);
	done = bus->done || !bus->started;
	pthread_mutex_unlock(&bus->lock);
	return done;
}

int bus_finish(struct bus *bus, uint64_t timeout_ns, struct err *err)
{
	if (bus->started) {
		if (!wait_done(bus, timeout_ns))
			return err_set(err, -ETIMEDOUT,
				       "a sink did not take the rest of the trace in time");
		pthread_join(bus->thread, NULL);
		bus->started = false;
	} else {
		bus_close_sinks(bus);
	}
	bus->totals.waits = bus->waits;
	bus->totals.batch_allocs = bus->batch_allocs;
	for (size_t i = 0; i < bus->source_count; i++)
		bus->totals.string_allocs += bus->sources[i].string_allocs;
	return bus->failed ? err_set(err, bus->err.rc, "%s", err_text(&bus->err)) : 0;
}

/* ---- what a sink may ask of the session ---- */

/* A sink may report that it dropped events: a loss, counted but not written. */
static int sink_emit(void *session, const struct tkit_event *event)
{
	struct bus *bus = session;

	if (event->type != TKIT_EVENT_LOSS || event->reason >= TKIT_LOSS_COUNT_)
		return -EINVAL;
	bus->totals.losses[event->reason] += event->count ? event->count : 1;
	return 0;
}

static int sink_stop_fd(void *session)
{
	return ((struct bus *)session)->force_fd;
}

static void sink_command_status(void *session, int status)
{
}

static int sink_command_seccomp(void *session, struct err *err, const struct sock_filter *filter,
				size_t count, unsigned int flags, int *ret_listener)
{
	return err_set(err, -EINVAL, "only a backend can install a filter");
}

const struct ctx_session_ops bus_sink_ctx_ops = {
	.emit = sink_emit,
	.stop_fd = sink_stop_fd,
	.command_status = sink_command_status,
	.command_seccomp = sink_command_seccomp,
};
