// SPDX-License-Identifier: MIT
#include "model/rows.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/learn.h"

struct row_waiting {
	uint64_t key[CELL_KEY_WORDS];
	struct cell_access access;
	const struct row_kind *kind;
	const struct decode_rows *row;
	uint32_t hash;
	uint32_t fetched; /* what keyed_fetch_item() said */
};

/* Who makes the access; notes which program the process runs. */
static int program_of(struct model_builder *b, struct run_data *run, const struct row_kind *kind,
		      const struct decode_block *block, const struct decode_rows *row,
		      struct row_task *task, uint32_t *ret_program)
{
	int32_t pid = block->pb->task_pid[row->task];
	int rc = 0;

	if (!kind->has_exe) {
		*ret_program = kind->cell.has_pid ? pids_get(&run->pids, pid) : 0;
		return 0;
	}
	if (!task->known)
		rc = learn_task(b, task, block, row->task);
	*ret_program = task->exe;
	if (!rc && kind->cell.has_pid && pids_get(&run->pids, pid) != task->exe)
		rc = pids_set(&run->pids, pid, task->exe);
	return rc;
}

/* The first access of a cell. */
static int new_cell(struct model_builder *b, const struct trace_rows *rows,
		    const struct row_waiting *waiting, struct cell *cell)
{
	const struct cell_access *access = &waiting->access;
	struct tkit_event event;

	*cell = waiting->kind->cell;
	memcpy(&cell->key, waiting->key, sizeof(cell->key));
	cell->count = access->count;
	cell->first_seq = cell->last_seq = access->seq;
	cell->first_ns = cell->last_ns = access->ns;
	cell->pflags = access->pflags;
	cell->resolved = access->resolved;
	if (cell->has_pid)
		cell->first_pid = rows->block->pb->task_pid[waiting->row->task];
	decode_block_event(rows->block, waiting->row, &event);
	return builder_new_cell(b, cell, &event);
}

static int count_access(struct model_builder *b, const struct trace_rows *rows,
			const struct row_waiting *waiting)
{
	int is_new;
	struct cell *cell = keyed_get_fetched(&b->cells, waiting->key, waiting->hash,
					      waiting->fetched, &is_new);

	if (!cell)
		return -ENOMEM;
	if (is_new)
		return new_cell(b, rows, waiting, cell);
	builder_count(cell, &waiting->access);
	return 0;
}

/*
 * Counts those that wait. In a large model each is somewhere else in memory, and waiting for one
 * after the other would take most of the time.
 */
static int count_waiting(struct model_builder *b, struct row_cache *cache,
			 const struct trace_rows *rows)
{
	uint32_t count = cache->waiting_count;
	int rc = 0;

	cache->waiting_count = 0;
	for (uint32_t i = 0; i < count; i++)
		cache->waiting[i].fetched = keyed_fetch_item(&b->cells, cache->waiting[i].hash);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = count_access(b, rows, &cache->waiting[i]);
	return rc;
}

/* As they lie in memory behind each other: put together here, the key is in registers. */
static inline uint64_t word_of(uint32_t first, uint32_t second)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? (uint64_t)second << 32 | first
							 : (uint64_t)first << 32 | second;
}

_Static_assert(offsetof(struct cell_key, run) == 0 && offsetof(struct cell_key, path) == 4 &&
		       offsetof(struct cell_key, program) == 8 &&
		       offsetof(struct cell_key, aux) == 12,
	       "the first two words of a key");

static int add_plain(struct model_builder *b, struct row_cache *cache, uint32_t run_index,
		     const struct trace_rows *rows, const struct decode_rows *row)
{
	const struct row_kind *kind = &cache->kinds[row->kind];
	struct run_data *run = b->runs[run_index];
	struct row_waiting *waiting = &cache->waiting[cache->waiting_count];
	uint32_t program, resolved = INTERN_NONE, aux = INTERN_NONE, pflags = kind->cell.pflags;
	uint64_t ns = 0;
	int rc = program_of(b, run, kind, rows->block, row, &cache->tasks[row->task], &program);

	if (rc)
		return rc;
	run->facts = add_count(run->facts, row->count);
	if (kind->has_ts && row->ts_ns > run->info.armed_monotonic_ns)
		ns = row->ts_ns - run->info.armed_monotonic_ns;
	if (row->file != DECODE_NO_FILE) {
		const struct row_file *file = &cache->files[row->file];

		if (kind->has_inode && file->directory)
			pflags |= TKIT_P_DIRECTORY;
		if (kind->resolves)
			resolved = file->resolved;
		if (kind->resolves && file->counts)
			aux = file->resolved;
	}
	waiting->key[0] = word_of(run_index, cache->names[row->name].path);
	waiting->key[1] = word_of(program, aux);
	waiting->key[2] = kind->key[2];
	waiting->key[3] = kind->key[3];
	waiting->access.count = row->count;
	waiting->access.seq = run_place(run, 0, ns);
	waiting->access.ns = ns;
	waiting->access.flags = kind->cell.flags;
	waiting->access.pflags = pflags;
	waiting->access.resolved = resolved;
	waiting->access.has_flags = kind->cell.has_flags;
	waiting->kind = kind;
	waiting->row = row;
	waiting->hash = keyed_hash(&b->cells, waiting->key, CELL_KEY_WORDS);
	keyed_fetch_slot(&b->cells, waiting->hash);
	return ++cache->waiting_count == ROWS_AT_ONCE ? count_waiting(b, cache, rows) : 0;
}

/* One row whose kind is known; its name, too, if it is to be counted without a look at it. */
static int add_row(struct model_builder *b, struct row_cache *cache, uint32_t run,
		   const struct trace_rows *rows, const struct decode_rows *row, struct err *err)
{
	const struct row_kind *kind = &cache->kinds[row->kind];
	struct row_name *name = &cache->names[row->name];
	struct tkit_event event;
	int rc;

	if (kind->plain && name->bits == kind->name_bits && name->path != INTERN_NONE) {
		rc = builder_flush(b);
		if (!rc)
			rc = add_plain(b, cache, run, rows, row);
		return rc ? err_sys(err, rc, "building a model") : 0;
	}
	rc = count_waiting(b, cache, rows);
	if (rc)
		return err_sys(err, rc, "building a model");
	decode_block_event(rows->block, row, &event);
	return model_builder_add_event(b, run, &event, err);
}

static int start_block(struct row_cache *cache, const struct trace_rows *rows)
{
	if (!cache->waiting)
		cache->waiting = calloc(ROWS_AT_ONCE, sizeof(*cache->waiting));
	return cache->waiting ? learn_block(cache, rows) : -ENOMEM;
}

int model_builder_add_rows(struct model_builder *builder, struct row_cache *cache, uint32_t run,
			   const struct trace_rows *rows, struct err *err)
{
	int rc = 0, learned = 0;

	if (cache->block_number != rows->block_number)
		rc = start_block(cache, rows);
	for (uint32_t i = 0; !rc && i < rows->count; i += (uint32_t)learned) {
		learned = learn_rows(builder, cache, rows, &rows->rows[i], rows->count - i);
		if (learned < 0)
			rc = learned;
		for (int k = 0; k < learned; k++) {
			rc = add_row(builder, cache, run, rows, &rows->rows[i + (uint32_t)k], err);
			if (rc)
				return rc;
		}
	}
	if (!rc)
		rc = count_waiting(builder, cache, rows);
	return rc ? err_sys(err, rc, "building a model") : 0;
}
