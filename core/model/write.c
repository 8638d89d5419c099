// SPDX-License-Identifier: MIT
/*
 * A model as a trace: one or two events for each cell, at the places of its first and its
 * last event, so that reading it again gives the same model (see builder.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "model/priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define BATCH_EVENTS 512

struct place {
	uint64_t seq;
	uint32_t cell;
	uint32_t last; /* the cell's last event, not its first */
};

struct run_writer {
	const struct tkit_model *model;
	const struct run_data *run;
	struct tkit_trace_writer *writer;
	uint32_t *comms; /* name id of the exe -> name id of the thread name */
	struct tkit_event *events;
	uint32_t count;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int flush(struct run_writer *w)
{
	struct tkit_batch batch = {.size = sizeof(batch),
				   .count = w->count,
				   .stride = sizeof(struct tkit_event),
				   .events = w->events};

	w->count = 0;
	return batch.count ? tkit_trace_writer_write(w->writer, &batch) : 0;
}

static int put(struct run_writer *w, const struct tkit_event *event)
{
	int rc = 0;

	if (w->count == BATCH_EVENTS)
		rc = flush(w);
	w->events[w->count++] = *event;
	return rc;
}

static void set_text(const struct tkit_model *m, struct tkit_event *event, uint32_t id,
		     uint32_t bit, struct tkit_bytes *text)
{
	if (id == INTERN_NONE)
		return;
	event->valid |= bit;
	*text = intern_get(&m->names, id);
}

static void set_program(struct run_writer *w, struct tkit_event *event, uint32_t exe)
{
	set_text(w->model, event, exe, TKIT_V_EXE, &event->exe);
	if (w->comms[exe])
		set_text(w->model, event, w->comms[exe], TKIT_V_COMM, &event->comm);
}

static void event_of_cell(struct run_writer *w, const struct cell *cell, struct tkit_event *event)
{
	const struct cell_key *key = &cell->key;

	tkit_event_init(event, key->variant & CELL_EXEC ? TKIT_EVENT_EXEC : TKIT_EVENT_ACCESS);
	event->op = key->op;
	event->via = key->via;
	event->valid = TKIT_V_TS;
	event->pflags = cell->pflags;
	if (key->err != CELL_ERR_UNKNOWN) {
		event->valid |= TKIT_V_ERR;
		event->err = key->err;
	}
	if (cell->has_flags) {
		event->valid |= TKIT_V_FLAGS;
		event->flags = cell->flags;
	}
	if (key->sysno != INTERN_NONE) {
		event->valid |= TKIT_V_SYSNO;
		event->sysno = (int32_t)key->sysno;
		event->arch = key->arch;
	}
	if (cell->has_pid) {
		event->valid |= TKIT_V_PID;
		event->pid = cell->first_pid;
	}
	if (key->op == TKIT_OP_OPEN && key->err == 0 && key->evidence != EVIDENCE_AFTER)
		event->valid |= TKIT_V_CREATED;
	if (key->op == TKIT_OP_OPEN && key->evidence == EVIDENCE_CREATES)
		event->pflags |= TKIT_P_CREATED;
	set_text(w->model, event, cell->requested, TKIT_V_PATH, &event->path);
	set_text(w->model, event, cell->base, TKIT_V_BASE, &event->base);
	set_text(w->model, event, cell->root, TKIT_V_ROOT, &event->root);
	set_text(w->model, event, cell->resolved, TKIT_V_RESOLVED, &event->resolved);
	if (key->op == TKIT_OP_HELD && cell->resolved == INTERN_NONE)
		set_text(w->model, event, key->path, TKIT_V_RESOLVED, &event->resolved);
}

static int put_cell(struct run_writer *w, const struct place *place)
{
	const struct cell *cell = model_cell(w->model, place->cell);
	bool twice = cell->last_seq != cell->first_seq;
	struct tkit_event event, marker;
	int rc = 0;

	event_of_cell(w, cell, &event);
	event.count = !twice ? cell->count : place->last ? 1 : cell->count - 1;
	event.ts_ns = add_count(w->run->info.armed_monotonic_ns,
				place->last ? cell->last_ns : cell->first_ns);
	if (!(cell->key.variant & CELL_EXEC)) {
		set_program(w, &event, cell->key.program);
		return put(w, &event);
	}
	/* An exec names the new program; an event before it says who called. */
	if (cell->has_pid) {
		tkit_event_init(&marker, TKIT_EVENT_ACCESS);
		marker.valid = TKIT_V_TS | TKIT_V_PID;
		marker.ts_ns = event.ts_ns;
		marker.pid = event.pid;
		set_program(w, &marker, cell->key.program);
		rc = put(w, &marker);
	}
	set_program(w, &event, cell->key.image);
	return rc ? rc : put(w, &event);
}

/* Processes that began as a copy of another, by program. */
static int put_forks(struct run_writer *w)
{
	const struct tkit_model *m = w->model;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < m->progs.count; i++) {
		const struct prog *prog = keyed_at(&m->progs, i);
		struct tkit_event event;

		if (prog->run != w->run->pub.index || !prog->forks)
			continue;
		tkit_event_init(&event, TKIT_EVENT_FORK);
		event.valid = TKIT_V_TS;
		event.ts_ns = w->run->info.armed_monotonic_ns;
		event.count = prog->forks;
		set_program(w, &event, prog->exe);
		rc = put(w, &event);
	}
	return rc;
}

static int put_losses(struct run_writer *w)
{
	int rc = 0;

	for (uint32_t reason = 0; !rc && reason < TKIT_LOSS_COUNT_; reason++) {
		struct tkit_event event;

		if (!w->run->lost[reason])
			continue;
		tkit_event_init(&event, TKIT_EVENT_LOSS);
		event.valid = TKIT_V_TS;
		event.ts_ns = w->run->info.armed_monotonic_ns;
		event.reason = reason;
		event.count = w->run->lost[reason];
		rc = put(w, &event);
	}
	return rc;
}

static int put_cells(struct run_writer *w)
{
	const struct tkit_model *m = w->model;
	uint32_t run = w->run->pub.index, count = 0;
	uint32_t from = m->run_first[run], to = m->run_first[run + 1];
	_cleanup_free_ struct place *places =
		malloc(((size_t)(to - from) * 2 + 1) * sizeof(*places));
	int rc = 0;

	if (!places)
		return -ENOMEM;
	for (uint32_t i = from; i < to; i++) {
		const struct cell *cell = model_cell(m, m->by_run[i]);

		if (cell->key.variant & CELL_INFERRED)
			continue;
		places[count++] = (struct place){cell->first_seq, m->by_run[i], 0};
		if (cell->last_seq != cell->first_seq)
			places[count++] = (struct place){cell->last_seq, m->by_run[i], 1};
	}
	qsort(places, count, sizeof(*places), compare_places);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = put_cell(w, &places[i]);
	return rc;
}

/* A run that was cut off gets a footer, too: one that says so. */
static int put_end(struct run_writer *w)
{
	struct tkit_run_end end = {.size = sizeof(end), .wait_status = -1};
	uint64_t losses[TKIT_LOSS_COUNT_];

	if (w->run->has_end)
		end = w->run->end;
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++)
		losses[reason] = run_data_lost(w->run, reason);
	end.complete = w->run->pub.complete;
	end.loss_count = TKIT_LOSS_COUNT_;
	end.losses = losses;
	return tkit_trace_writer_end(w->writer, &end);
}

static int write_run(struct run_writer *w)
{
	const struct tkit_model *m = w->model;
	int rc = tkit_trace_writer_begin(w->writer, &w->run->info);

	if (rc < 0)
		return rc;
	memset(w->comms, 0, m->name_count * sizeof(*w->comms));
	for (uint32_t i = 0; i < m->progs.count; i++) {
		const struct prog *prog = keyed_at(&m->progs, i);

		if (prog->run == w->run->pub.index)
			w->comms[prog->exe] = prog->comm;
	}
	rc = put_forks(w);
	if (!rc)
		rc = put_cells(w);
	if (!rc)
		rc = put_losses(w);
	if (!rc)
		rc = flush(w);
	return rc ? rc : put_end(w);
}

int model_write(const struct tkit_model *model, struct tkit_trace_writer *writer, struct err *err)
{
	_cleanup_free_ struct tkit_event *events = malloc(BATCH_EVENTS * sizeof(*events));
	_cleanup_free_ uint32_t *comms = malloc(model->name_count * sizeof(*comms));
	int rc = events && comms ? 0 : -ENOMEM;

	for (uint32_t i = 0; !rc && i < model->run_count; i++) {
		struct run_writer w = {.model = model,
				       .run = model->runs[i],
				       .writer = writer,
				       .comms = comms,
				       .events = events};

		rc = write_run(&w);
	}
	return rc < 0 ? err_sys(err, rc, "writing the merged trace") : 0;
}
