// SPDX-License-Identifier: MIT
/* Events to cells. */
#include "model/builder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "util/bytes.h"

#define ABS_MAX (64 * 1024) /* longer than what three joined parts can be in practice */

/* An event and what was worked out about it. */
struct intake {
	const struct tkit_event *event;
	struct run_data *run;
	uint32_t run_index;
	uint64_t ns;
	uint64_t count;
};

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

/* A resolved path that names a place in the target's root, and still does. */
static bool has_resolved(const struct tkit_event *event)
{
	return (event->valid & TKIT_V_RESOLVED) && event->resolved.len &&
	       event->resolved.ptr[0] == '/' &&
	       !(event->pflags & (TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC));
}

static enum tkit_pathless pathless_reason(const struct tkit_event *event, long len)
{
	if (event->pflags & TKIT_P_ABSTRACT)
		return TKIT_PATHLESS_NO_FILE;
	if (event->pflags & TKIT_P_UNREADABLE)
		return TKIT_PATHLESS_UNREADABLE;
	if (event->pflags & TKIT_P_TRUNCATED || len == -ENAMETOOLONG)
		return TKIT_PATHLESS_TRUNCATED;
	if (event->pflags & TKIT_P_FD)
		return TKIT_PATHLESS_NO_BASE;
	if (!(event->valid & TKIT_V_PATH))
		return TKIT_PATHLESS_ABSENT;
	return event->path.len ? TKIT_PATHLESS_NO_BASE : TKIT_PATHLESS_EMPTY;
}

/* The name that the access counts for: absolute, else where the kernel ended up. */
static int find_name(struct model_builder *b, const struct tkit_event *event, struct cell_key *key)
{
	char buf[2 * PATH_MAX];
	char *big = NULL, *text = buf;
	long len = 0;

	if (!(event->pflags & TKIT_P_TRUNCATED)) {
		len = tkit_event_abs(event, buf, sizeof(buf));
		if (len == -ENAMETOOLONG) {
			big = malloc(ABS_MAX);
			if (!big)
				return -ENOMEM;
			text = big;
			len = tkit_event_abs(event, big, ABS_MAX);
		}
	}
	key->path = INTERN_NONE;
	if (len > 0)
		key->path = intern_add(&b->names, BYTES(text, (size_t)len), NULL);
	else if (has_resolved(event))
		key->path = intern_add(&b->names, event->resolved, NULL);
	else
		key->aux = pathless_reason(event, len);
	free(big);
	return key->path == INTERN_NONE && (len > 0 || has_resolved(event)) ? -ENOMEM : 0;
}

static int keep(struct model_builder *b, bool valid, struct tkit_bytes text, uint32_t *ret_id)
{
	*ret_id = INTERN_NONE;
	if (!valid)
		return 0;
	*ret_id = intern_add(&b->names, text, NULL);
	return *ret_id == INTERN_NONE ? -ENOMEM : 0;
}

/* Who made the access, and (exec) what runs now. */
static int find_programs(struct model_builder *b, const struct intake *in, struct cell_key *key)
{
	const struct tkit_event *event = in->event;
	bool has_exe = event->valid & TKIT_V_EXE;
	uint32_t exe = 0;

	if (has_exe) {
		exe = intern_add(&b->names, event->exe, NULL);
		if (exe == INTERN_NONE)
			return -ENOMEM;
	}
	if (event->type == TKIT_EVENT_EXEC) {
		if (event->valid & TKIT_V_PID)
			key->program = pids_get(&in->run->pids, event->pid);
		key->image = exe;
		return 0;
	}
	if (!has_exe) {
		if (event->valid & TKIT_V_PID)
			key->program = pids_get(&in->run->pids, event->pid);
		return 0;
	}
	key->program = exe;
	return event->valid & TKIT_V_PID ? pids_set(&in->run->pids, event->pid, exe) : 0;
}

/* The call's flags, where they are bits that can be put together. */
static uint64_t flag_bits(const struct tkit_event *event)
{
	return event->valid & TKIT_V_FLAGS && event->op != TKIT_OP_QUOTACTL ? event->flags : 0;
}

static uint8_t variant_of(const struct tkit_event *event)
{
	static const struct {
		uint32_t pflag;
		uint8_t variant;
	} rows[] = {{TKIT_P_NOFOLLOW, CELL_NOFOLLOW}, {TKIT_P_FD, CELL_FD},
		    {TKIT_P_DELETED, CELL_DELETED},   {TKIT_P_OUTSIDE_ROOT, CELL_OUTSIDE},
		    {TKIT_P_RES_TRUNC, CELL_RES_CUT}, {TKIT_P_TRUNCATED, CELL_CUT}};
	uint8_t variant = event->type == TKIT_EVENT_EXEC ? CELL_EXEC : 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (event->pflags & rows[i].pflag)
			variant |= rows[i].variant;
	return variant;
}

/* Fills a cell from one event; strings that only the first event of a cell gives stay out. */
static int make_cell(struct model_builder *b, const struct intake *in, struct cell *cell)
{
	const struct tkit_event *event = in->event;
	struct cell_key *key = &cell->key;
	int rc;

	*cell = (struct cell){.key = {.run = in->run_index,
				      .aux = INTERN_NONE,
				      .sysno = INTERN_NONE,
				      .op = event->op,
				      .err = CELL_ERR_UNKNOWN,
				      .evidence = (uint8_t)evidence_of(event),
				      .via = (uint8_t)event->via},
			      .count = in->count,
			      .flags = flag_bits(event),
			      .first_seq = in->run->seq,
			      .last_seq = in->run->seq,
			      .first_ns = in->ns,
			      .last_ns = in->ns,
			      .requested = INTERN_NONE,
			      .base = INTERN_NONE,
			      .root = INTERN_NONE,
			      .resolved = INTERN_NONE,
			      .pflags = event->pflags & ~TKIT_P_CREATED,
			      .has_flags = !!(event->valid & TKIT_V_FLAGS)};
	if (event->valid & TKIT_V_PID) {
		cell->first_pid = event->pid;
		cell->has_pid = 1;
	}
	if (event->valid & TKIT_V_ERR && event->err >= 0 && event->err <= INT16_MAX)
		key->err = (int16_t)event->err;
	if (event->valid & TKIT_V_SYSNO) {
		key->sysno = (uint32_t)event->sysno;
		key->arch = (uint8_t)event->arch;
	}
	key->variant = variant_of(event);
	if ((event->valid & TKIT_V_INODE) && (event->mode & 0170000) == 0040000)
		cell->pflags |= TKIT_P_DIRECTORY;
	rc = find_programs(b, in, key);
	if (!rc)
		rc = find_name(b, event, key);
	if (!rc && has_resolved(event))
		rc = keep(b, true, event->resolved, &cell->resolved);
	/* In /proc the resolved name has the process id in it: one cell for all of them. */
	if (!rc && cell->resolved != INTERN_NONE && key->path != INTERN_NONE &&
	    !bytes_below(event->resolved, BYTES_LIT("/proc")))
		key->aux = cell->resolved;
	return rc;
}

/* Adds to the cell of the same key, or makes it. `event` gives the first one's strings. */
static int add_cell(struct model_builder *b, const struct cell *add, const struct tkit_event *event)
{
	uint64_t words[CELL_KEY_WORDS];
	struct cell *cell;
	struct prog *prog;
	int is_new, rc;

	memcpy(words, &add->key, sizeof(words));
	cell = keyed_get(&b->cells, words, &is_new);
	if (!cell)
		return -ENOMEM;
	if (!is_new) {
		cell->count = add_count(cell->count, add->count);
		cell->flags |= add->flags;
		cell->pflags |= add->pflags;
		cell->has_flags |= add->has_flags;
		cell->last_seq = add->last_seq;
		cell->last_ns = add->last_ns;
		if (cell->resolved == INTERN_NONE)
			cell->resolved = add->resolved;
		return 0;
	}
	*cell = *add;
	if (!event)
		return 0;
	rc = keep(b, event->valid & TKIT_V_PATH, event->path, &cell->requested);
	if (!rc)
		rc = keep(b, event->valid & TKIT_V_BASE, event->base, &cell->base);
	if (!rc)
		rc = keep(b, event->valid & TKIT_V_ROOT, event->root, &cell->root);
	if (rc)
		return rc;
	prog = prog_of(b, add->key.run, add->key.program);
	if (!prog)
		return -ENOMEM;
	/* The thread name of an exec is the new program's. */
	return event->type == TKIT_EVENT_EXEC ? 0 : note_comm(b, prog, event);
}

/* The event that goes with a pending first one. */
static bool completes(const struct model_builder *b, const struct cell *cell,
		      const struct tkit_event *event)
{
	uint16_t first = b->pending.key.op, op = cell->key.op;

	return b->has_pending && b->pending_ts == event->ts_ns &&
	       b->pending.key.run == cell->key.run && b->pending.first_pid == cell->first_pid &&
	       b->pending.key.err == cell->key.err &&
	       ((first == TKIT_OP_RENAME_FROM && op == TKIT_OP_RENAME_TO) ||
		(first == TKIT_OP_MOUNT_SOURCE && op == TKIT_OP_MOUNT) ||
		(first == TKIT_OP_MOUNT && op == TKIT_OP_MOUNT_SOURCE));
}

static int flush_pending(struct model_builder *b)
{
	if (!b->has_pending)
		return 0;
	b->has_pending = false;
	return add_cell(b, &b->pending, NULL);
}

static bool is_pair_op(int op)
{
	return op == TKIT_OP_RENAME_FROM || op == TKIT_OP_RENAME_TO || op == TKIT_OP_MOUNT ||
	       op == TKIT_OP_MOUNT_SOURCE;
}

/*
 * A rename's two names belong to each other: what is below the new name afterwards was
 * below the old one before. So each is the other's `aux`.
 */
static int add_pair(struct model_builder *b, struct cell *cell, const struct tkit_event *event)
{
	struct prog *prog;
	int rc;

	rc = keep(b, event->valid & TKIT_V_PATH, event->path, &cell->requested);
	if (!rc)
		rc = keep(b, event->valid & TKIT_V_BASE, event->base, &cell->base);
	if (!rc)
		rc = keep(b, event->valid & TKIT_V_ROOT, event->root, &cell->root);
	prog = rc ? NULL : prog_of(b, cell->key.run, cell->key.program);
	if (!prog)
		return -ENOMEM;
	rc = note_comm(b, prog, event);
	if (rc)
		return rc;
	if (completes(b, cell, event)) {
		cell->key.aux = b->pending.key.path;
		b->pending.key.aux = cell->key.path;
		rc = flush_pending(b);
		return rc ? rc : add_cell(b, cell, NULL);
	}
	rc = flush_pending(b);
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

	rc = make_cell(b, in, &cell);
	if (rc)
		return rc;
	if (is_pair_op(cell.key.op) && cell.key.err == 0)
		return add_pair(b, &cell, in->event);
	rc = flush_pending(b);
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

	return find_programs(b, in, &ignored);
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
	data->seq++;
	if (event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC)
		data->facts = add_count(data->facts, in.count);
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
	int rc = flush_pending(builder);

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
