// SPDX-License-Identifier: MIT
/* Events to cells. */
#include "model/builder.h"
#include "model/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

int model_builder_new(struct model_builder **ret_builder, struct err *err)
{
	struct model_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return err_sys(err, -ENOMEM, "building a model");
	intern_init(&b->names);
	intern_init(&b->texts);
	keyed_init(&b->cells, sizeof(struct cell), CELL_KEY_WORDS);
	keyed_init(&b->progs, sizeof(struct prog), 1);
	if (intern_add(&b->names, BYTES_LIT(""), NULL) != 0) {
		model_builder_free(b);
		return err_sys(err, -ENOMEM, "building a model");
	}
	*ret_builder = b;
	return 0;
}

void model_builder_free(struct model_builder *builder)
{
	if (!builder)
		return;
	for (uint32_t i = 0; i < builder->run_count; i++)
		run_data_free(builder->runs[i]);
	free(builder->runs);
	keyed_done(&builder->cells);
	keyed_done(&builder->progs);
	intern_done(&builder->names);
	intern_done(&builder->texts);
	free(builder);
}

static struct prog *prog_of(struct model_builder *b, uint32_t run, uint32_t exe)
{
	union {
		struct {
			uint32_t run, exe;
		} part;
		uint64_t word;
	} key = {.part = {run, exe}};
	int is_new;

	return keyed_get(&b->progs, &key.word, &is_new);
}

static int note_comm(struct model_builder *b, struct prog *prog, const struct tkit_event *event)
{
	if (prog->comm || !(event->valid & TKIT_V_COMM) || !event->comm.len)
		return 0;
	prog->comm = intern_add(&b->names, event->comm, NULL);
	return prog->comm == INTERN_NONE ? -ENOMEM : 0;
}

int builder_new_cell(struct model_builder *b, struct cell *cell, const struct tkit_event *event)
{
	struct prog *prog;
	int rc = intake_keep(b, event->valid & TKIT_V_PATH, event->path, &cell->requested);

	if (!rc)
		rc = intake_keep(b, event->valid & TKIT_V_BASE, event->base, &cell->base);
	if (!rc)
		rc = intake_keep(b, event->valid & TKIT_V_ROOT, event->root, &cell->root);
	prog = rc ? NULL : prog_of(b, cell->key.run, cell->key.program);
	if (!prog)
		return -ENOMEM;
	/* The thread name of an exec is the new program's. */
	return event->type == TKIT_EVENT_EXEC ? 0 : note_comm(b, prog, event);
}

/* Adds to the cell of the same key, or makes it. `event` gives the first one's strings. */
static int add_cell(struct model_builder *b, const struct cell *add, const struct tkit_event *event)
{
	const struct cell_access access = {.count = add->count,
					   .seq = add->last_seq,
					   .ns = add->last_ns,
					   .flags = add->flags,
					   .pflags = add->pflags,
					   .resolved = add->resolved,
					   .has_flags = add->has_flags};
	uint64_t words[CELL_KEY_WORDS];
	struct cell *cell;
	int is_new;

	memcpy(words, &add->key, sizeof(words));
	cell = keyed_get(&b->cells, words, &is_new);
	if (!cell)
		return -ENOMEM;
	if (!is_new) {
		builder_count(cell, &access);
		return 0;
	}
	*cell = *add;
	return event ? builder_new_cell(b, cell, event) : 0;
}

/* The event that goes with a pending first one. */
static bool completes(const struct model_builder *b, const struct cell *cell,
		      const struct tkit_event *event)
{
	uint16_t first = b->pending.key.op, op = cell->key.op;

	return b->has_pending && cell->key.path != INTERN_NONE && b->pending_ts == event->ts_ns &&
	       b->pending.key.run == cell->key.run && b->pending.first_pid == cell->first_pid &&
	       b->pending.key.err == cell->key.err &&
	       ((first == TKIT_OP_RENAME_FROM && op == TKIT_OP_RENAME_TO) ||
		(first == TKIT_OP_MOUNT_SOURCE && op == TKIT_OP_MOUNT) ||
		(first == TKIT_OP_MOUNT && op == TKIT_OP_MOUNT_SOURCE));
}

int builder_flush(struct model_builder *b)
{
	if (!b->has_pending)
		return 0;
	b->has_pending = false;
	return add_cell(b, &b->pending, NULL);
}

bool builder_is_pair(const struct cell *cell)
{
	int op = cell->key.op;

	return cell->key.err <= 0 && (op == TKIT_OP_RENAME_FROM || op == TKIT_OP_RENAME_TO ||
				      op == TKIT_OP_MOUNT || op == TKIT_OP_MOUNT_SOURCE);
}

/*
 * A rename's two names belong to each other: what is below the new name afterwards was
 * below the old one before. So each is the other's `aux`.
 */
static int add_pair(struct model_builder *b, struct cell *cell, const struct tkit_event *event)
{
	int rc = builder_new_cell(b, cell, event);

	if (rc)
		return rc;
	if (completes(b, cell, event)) {
		cell->key.aux = b->pending.key.path;
		b->pending.key.aux = cell->key.path;
		rc = builder_flush(b);
		return rc ? rc : add_cell(b, cell, NULL);
	}
	rc = builder_flush(b);
	if (rc)
		return rc;
	if (cell->key.op == TKIT_OP_RENAME_TO || cell->key.path == INTERN_NONE)
		return add_cell(b, cell, NULL);
	b->pending = *cell;
	b->pending_ts = event->ts_ns;
	b->has_pending = true;
	return 0;
}

static int add_access(struct model_builder *b, const struct intake *in)
{
	struct cell cell;
	int rc;

	rc = intake_cell(b, in, &cell);
	if (rc)
		return rc;
	if (builder_is_pair(&cell))
		return add_pair(b, &cell, in->event);
	rc = builder_flush(b);
	return rc ? rc : add_cell(b, &cell, in->event);
}

/* A process runs a new program from now on. */
static int add_image(struct model_builder *b, const struct intake *in)
{
	const struct tkit_event *event = in->event;
	uint32_t exe = 0, caller = 0;
	struct prog *prog;

	if (event->valid & TKIT_V_EXE)
		exe = intern_add(&b->names, event->exe, NULL);
	prog = exe == INTERN_NONE ? NULL : prog_of(b, in->run_index, exe);
	if (!prog)
		return -ENOMEM;
	if (event->valid & TKIT_V_PID)
		caller = pids_get(&in->run->pids, event->pid);
	if (!prog->has_exec) {
		prog->has_exec = 1;
		prog->parent = caller;
	}
	prog->execs = add_count(prog->execs, in->count);
	if (note_comm(b, prog, event) < 0)
		return -ENOMEM;
	return event->valid & TKIT_V_PID ? pids_set(&in->run->pids, event->pid, exe) : 0;
}

static int add_fork(struct model_builder *b, const struct intake *in)
{
	const struct tkit_event *event = in->event;
	uint32_t exe = 0;
	struct prog *prog;

	if (event->valid & TKIT_V_EXE)
		exe = intern_add(&b->names, event->exe, NULL);
	else if (event->valid & TKIT_V_PPID)
		exe = pids_get(&in->run->pids, event->ppid);
	prog = exe == INTERN_NONE ? NULL : prog_of(b, in->run_index, exe);
	if (!prog)
		return -ENOMEM;
	prog->forks = add_count(prog->forks, in->count);
	if (note_comm(b, prog, event) < 0)
		return -ENOMEM;
	return event->valid & TKIT_V_PID ? pids_set(&in->run->pids, event->pid, exe) : 0;
}

/* Says only which program a process runs: merged traces have this. */
static int add_marker(struct model_builder *b, const struct intake *in)
{
	struct cell_key ignored = {0};

	return intake_programs(b, in, &ignored);
}

int model_builder_add_event(struct model_builder *builder, uint32_t run,
			    const struct tkit_event *event, struct err *err)
{
	struct run_data *data = builder->runs[run];
	struct intake in = {.event = event,
			    .run = data,
			    .run_index = run,
			    .count = event->count ? event->count : 1};
	int rc = 0;

	if (event->valid & TKIT_V_TS && event->ts_ns > data->info.armed_monotonic_ns)
		in.ns = event->ts_ns - data->info.armed_monotonic_ns;
	if (event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC) {
		/* The snapshot's events are made beside the others, and have their own place. */
		in.seq = event->op == TKIT_OP_HELD ? data->seq
						   : run_place(data, event->pflags, in.ns);
		data->facts = add_count(data->facts, in.count);
	}
	switch (event->type) {
	case TKIT_EVENT_ACCESS:
		rc = event->op == TKIT_OP_NONE ? add_marker(builder, &in)
					       : add_access(builder, &in);
		break;
	case TKIT_EVENT_EXEC:
		rc = add_access(builder, &in);
		if (!rc)
			rc = add_image(builder, &in);
		break;
	case TKIT_EVENT_FORK:
		rc = add_fork(builder, &in);
		break;
	case TKIT_EVENT_EXIT:
		if (event->valid & TKIT_V_PID)
			rc = pids_set(&data->pids, event->pid, 0);
		break;
	case TKIT_EVENT_LOSS:
		if (event->reason < TKIT_LOSS_COUNT_)
			data->lost[event->reason] = add_count(data->lost[event->reason], in.count);
		else
			data->lost[TKIT_LOSS_PARSE] =
				add_count(data->lost[TKIT_LOSS_PARSE], in.count);
		break;
	default:
		break; /* a kind of event from a later version */
	}
	return rc ? err_sys(err, rc, "building a model") : 0;
}

int model_builder_end_run(struct model_builder *builder, uint32_t run,
			  const struct tkit_run_end *end, struct err *err)
{
	struct run_data *data = builder->runs[run];
	int rc = builder_flush(builder);

	pids_done(&data->pids);
	if (rc)
		return err_sys(err, rc, "building a model");
	if (!end)
		return 0;
	data->has_end = true;
	data->end = *end;
	data->end.size = sizeof(data->end);
	for (uint32_t i = 0; i < end->loss_count && i < TKIT_LOSS_COUNT_; i++)
		data->end_losses[i] = end->losses[i];
	data->end.loss_count = TKIT_LOSS_COUNT_;
	data->end.losses = data->end_losses;
	return 0;
}
