// SPDX-License-Identifier: MIT
/* Sources, batches and the bounded queue. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "session/bus_priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

int bus_new(const struct bus_config *config, struct bus **ret_bus, struct err *err)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return err_sys(err, -ENOMEM, "making the event bus");
	bus->config = *config;
	bus->queue_limit = config->queue_batches ? config->queue_batches : BUS_QUEUE_BATCHES;
	bus->force_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bus->force_fd < 0) {
		int rc = -errno;

		free(bus);
		return err_sys(err, rc, "making an eventfd");
	}
	pthread_mutex_init(&bus->lock, NULL);
	cond_init(&bus->not_full);
	cond_init(&bus->not_empty);
	cond_init(&bus->progress);
	for (size_t i = 0; i < config->sink_count; i++) {
		config->sinks[i].ctx.name = config->sinks[i].name;
		config->sinks[i].ctx.session = bus;
		config->sinks[i].ctx.session_ops = &bus_sink_ctx_ops;
	}
	*ret_bus = bus;
	return 0;
}

int bus_add_source(struct bus *bus, uint32_t backend, struct bus_source **ret_source)
{
	struct bus_source *source;

	if (bus->source_count == BUS_SOURCES_MAX)
		return -ENOSPC;
	source = &bus->sources[bus->source_count++];
	source->bus = bus;
	source->backend = backend;
	*ret_source = source;
	return 0;
}

static void batch_free(struct bus_batch *batch)
{
	if (batch)
		free(batch->strings);
	free(batch);
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	for (size_t i = 0; i < bus->source_count; i++)
		batch_free(bus->sources[i].batch);
	for (struct bus_batch *b = bus->head, *next; b; b = next) {
		next = b->next;
		batch_free(b);
	}
	for (struct bus_batch *b = bus->unused, *next; b; b = next) {
		next = b->next;
		batch_free(b);
	}
	for (size_t i = 0; i < bus->config.sink_count; i++)
		ctx_done(&bus->config.sinks[i].ctx);
	err_done(&bus->err);
	pthread_cond_destroy(&bus->not_full);
	pthread_cond_destroy(&bus->not_empty);
	pthread_cond_destroy(&bus->progress);
	pthread_mutex_destroy(&bus->lock);
	close(bus->force_fd);
	free(bus);
}

static struct bus_batch *batch_take(struct bus *bus)
{
	struct bus_batch *batch;

	pthread_mutex_lock(&bus->lock);
	batch = bus->unused;
	if (batch)
		bus->unused = batch->next;
	else
		bus->batch_allocs++;
	pthread_mutex_unlock(&bus->lock);
	if (!batch)
		batch = calloc(1, sizeof(*batch));
	if (batch) {
		batch->next = NULL;
		batch->count = 0;
		batch->strings_size = 0;
	}
	return batch;
}

void bus_recycle(struct bus *bus, struct bus_batch *batch)
{
	pthread_mutex_lock(&bus->lock);
	batch->next = bus->unused;
	bus->unused = batch;
	pthread_mutex_unlock(&bus->lock);
}

/* The byte strings of an event, in a form that can be walked. */
#define EVENT_STRINGS(event)                                                        \
	{                                                                           \
		&(event)->path, &(event)->base, &(event)->root, &(event)->resolved, \
			&(event)->comm, &(event)->exe                               \
	}

static int strings_grow(struct bus_source *source, struct bus_batch *batch, size_t more)
{
	size_t room = batch->strings_room ? batch->strings_room * 2 : 64 * 1024;
	uintptr_t old = (uintptr_t)batch->strings;
	char *data;

	while (room - batch->strings_size < more)
		room *= 2;
	data = malloc(room);
	if (!data)
		return -ENOMEM;
	if (batch->strings_size)
		memcpy(data, batch->strings, batch->strings_size);
	for (uint32_t i = 0; i < batch->count; i++) {
		struct tkit_bytes *strs[] = EVENT_STRINGS(&batch->events[i]);

		for (size_t k = 0; k < sizeof(strs) / sizeof(*strs); k++)
			if (strs[k]->len)
				strs[k]->ptr = data + ((uintptr_t)strs[k]->ptr - old);
	}
	free(batch->strings);
	batch->strings = data;
	batch->strings_room = room;
	source->string_allocs++;
	return 0;
}

/* Takes the event's fixed part over, whatever header the plugin was compiled with. */
static int event_import(struct tkit_event *to, const struct tkit_event *from)
{
	size_t size = from->size;

	if (size < offsetof(struct tkit_event, path) || size > 4096)
		return -EINVAL;
	if (size >= sizeof(*to)) {
		const char *tail = (const char *)from + sizeof(*to);

		*to = *from;
		for (size_t i = 0; i < size - sizeof(*to); i++)
			if (tail[i])
				return -E2BIG;
	} else {
		memset(to, 0, sizeof(*to));
		memcpy(to, from, size);
	}
	to->size = sizeof(*to);
	if (to->type == TKIT_EVENT_NONE || to->type > TKIT_EVENT_LOSS)
		return -EINVAL;
	if ((to->type == TKIT_EVENT_ACCESS || to->type == TKIT_EVENT_EXEC) &&
	    to->op >= TKIT_OP_COUNT_)
		return -EINVAL;
	/* An access of no kind says which program a process runs (merged traces). */
	if (to->op == TKIT_OP_NONE &&
	    (to->type == TKIT_EVENT_EXEC ||
	     (to->type == TKIT_EVENT_ACCESS && !(to->valid & TKIT_V_EXE))))
		return -EINVAL;
	if (to->type == TKIT_EVENT_LOSS &&
	    (to->reason == TKIT_LOSS_NONE || to->reason >= TKIT_LOSS_COUNT_))
		return -EINVAL;
	return 0;
}

static int batch_add(struct bus_source *source, const struct tkit_event *event)
{
	struct bus_batch *batch = source->batch;
	struct tkit_event *to = &batch->events[batch->count];
	struct tkit_bytes *strs[] = EVENT_STRINGS(to);
	size_t total = 0;
	int rc = event_import(to, event);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(strs) / sizeof(*strs); i++) {
		if (strs[i]->len > BUS_STRING_MAX || (strs[i]->len && !strs[i]->ptr))
			return -EINVAL;
		total += strs[i]->len;
	}
	if (batch->strings_room - batch->strings_size < total) {
		rc = strings_grow(source, batch, total);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < sizeof(strs) / sizeof(*strs); i++) {
		if (!strs[i]->len) {
			strs[i]->ptr = NULL;
			continue;
		}
		memcpy(batch->strings + batch->strings_size, strs[i]->ptr, strs[i]->len);
		strs[i]->ptr = batch->strings + batch->strings_size;
		batch->strings_size += strs[i]->len;
	}
	if (batch->count++ == 0)
		batch->first_ns = tkit_now_ns();
	if (to->type == TKIT_EVENT_LOSS)
		source->lost += to->count ? to->count : 1;
	else
		source->emitted++;
	return 0;
}

static int emit(struct bus_source *source, const struct tkit_event *event)
{
	int rc;

	if (!source->batch) {
		source->batch = batch_take(source->bus);
		if (!source->batch)
			return -ENOMEM;
		source->batch->backend = source->backend;
	}
	rc = batch_add(source, event);
	if (rc < 0)
		return rc;
	if (source->batch->count == BUS_BATCH_EVENTS ||
	    source->batch->strings_size >= BUS_BATCH_BYTES)
		return bus_push(source);
	return 0;
}

int bus_emit(struct bus_source *source, const struct tkit_event *event)
{
	if (atomic_load_explicit(&source->bus->canceled, memory_order_relaxed)) {
		if (event->type == TKIT_EVENT_LOSS)
			return emit(source, event);
		source->refused++;
		return -ECANCELED;
	}
	return emit(source, event);
}

int bus_lose(struct bus_source *source, enum tkit_loss reason, uint64_t count, const char *detail)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.valid = TKIT_V_TS;
	event.ts_ns = tkit_now_ns();
	event.reason = (uint32_t)reason;
	event.count = count;
	if (detail) {
		event.valid |= TKIT_V_PATH;
		event.path = bytes_str(detail);
	}
	return emit(source, &event);
}

int bus_push(struct bus_source *source)
{
	struct bus *bus = source->bus;
	struct bus_batch *batch = source->batch;

	if (!batch || !batch->count)
		return 0;
	source->batch = NULL;
	pthread_mutex_lock(&bus->lock);
	if (bus->bounded && bus->queued >= bus->queue_limit && !atomic_load(&bus->canceled)) {
		bus->waits++;
		atomic_store(&source->waiting, true);
		while (bus->queued >= bus->queue_limit && !atomic_load(&bus->canceled))
			pthread_cond_wait(&bus->not_full, &bus->lock);
		atomic_store(&source->waiting, false);
	}
	/* A batch that was taken is never dropped: beyond the bound, at most one a source. */
	if (bus->tail)
		bus->tail->next = batch;
	else
		bus->head = batch;
	bus->tail = batch;
	bus->queued++;
	pthread_cond_signal(&bus->not_empty);
	pthread_mutex_unlock(&bus->lock);
	return 0;
}

uint64_t bus_age(const struct bus_source *source)
{
	if (!source->batch || !source->batch->count)
		return 0;
	return tkit_now_ns() - source->batch->first_ns + 1;
}

uint64_t bus_emitted(const struct bus_source *source)
{
	return source->emitted;
}

uint64_t bus_refused(const struct bus_source *source)
{
	return source->refused;
}

uint64_t bus_lost(const struct bus_source *source)
{
	return source->lost;
}

bool bus_waiting(const struct bus_source *source)
{
	return atomic_load(&source->waiting);
}

void bus_force(struct bus *bus)
{
	uint64_t one = 1;

	pthread_mutex_lock(&bus->lock);
	atomic_store(&bus->canceled, true);
	pthread_cond_broadcast(&bus->not_full);
	pthread_mutex_unlock(&bus->lock);
	/* Fails only if it is readable already. */
	if (write(bus->force_fd, &one, sizeof(one)) < 0)
		return;
}

bool bus_idle(struct bus *bus)
{
	bool idle;

	pthread_mutex_lock(&bus->lock);
	idle = !bus->head && !bus->busy;
	pthread_mutex_unlock(&bus->lock);
	return idle;
}

bool bus_failed(struct bus *bus)
{
	bool failed;

	pthread_mutex_lock(&bus->lock);
	failed = bus->failed;
	pthread_mutex_unlock(&bus->lock);
	return failed;
}

const struct bus_totals *bus_totals(const struct bus *bus)
{
	return &bus->totals;
}
