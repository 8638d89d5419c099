// SPDX-License-Identifier: MIT
#include "model/rows.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/intake.h"
#include "util/bytes.h"

/* What the meaning of a name depends on beside its strings. */
#define NAME_VALID  (TKIT_V_PATH | TKIT_V_BASE | TKIT_V_ROOT)
#define NAME_PFLAGS (TKIT_P_ABSTRACT | TKIT_P_FD)

/* Where `resolved` of an event counts if it has one (intake_has_resolved()). */
#define NOT_RESOLVED (TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC)

#define TEXT_ROOM 256 /* for a name; longer ones take the slow way */

struct row_kind {
	bool known;
	bool plain; /* an access that is counted without a look at the event */
	bool resolves;
	bool has_exe, has_inode, has_ts;
	uint64_t name_bits; /* of a name, with this kind */
	struct cell cell;   /* of an access of this kind */
};

struct row_name {
	uint64_t bits; /* of the kind with which it was worked out; 0 = not yet */
	uint32_t path; /* name id; INTERN_NONE: it has none */
};

struct row_file {
	bool known;
	bool counts; /* `resolved` is part of the cell's key */
	bool directory;
	uint32_t resolved; /* name id; INTERN_NONE: it has none */
};

struct row_task {
	bool known;
	uint32_t exe; /* name id */
};

struct row_waiting {
	struct cell add;
	uint32_t hash;
	const struct decode_rows *row;
};

void row_cache_done(struct row_cache *cache)
{
	free(cache->waiting);
	free(cache->kinds);
	free(cache->names);
	free(cache->files);
	free(cache->tasks);
	*cache = (struct row_cache){0};
}

/* Room for `count` items, all zero. 0 or -ENOMEM. */
static int blank(void *array, size_t *room, size_t count, size_t size)
{
	void **at = array;

	if (count > *room) {
		free(*at);
		*room = 0;
		*at = calloc(count, size);
		if (!*at)
			return -ENOMEM;
		*room = count;
	} else if (count) {
		memset(*at, 0, count * size);
	}
	return 0;
}

static int start_block(struct row_cache *cache, const struct trace_rows *rows)
{
	const Tkit__Block *pb = rows->block->pb;

	cache->block_number = 0;
	if (!cache->waiting)
		cache->waiting = calloc(ROWS_AT_ONCE, sizeof(*cache->waiting));
	if (!cache->waiting)
		return -ENOMEM;
	if (blank(&cache->kinds, &cache->kind_room, pb->n_kind_type, sizeof(*cache->kinds)) ||
	    blank(&cache->names, &cache->name_room, pb->n_name_path, sizeof(*cache->names)) ||
	    blank(&cache->files, &cache->file_room, pb->n_file_resolved, sizeof(*cache->files)) ||
	    blank(&cache->tasks, &cache->task_room, pb->n_task_pid, sizeof(*cache->tasks)))
		return -ENOMEM;
	cache->block_number = rows->block_number;
	return 0;
}

static void learn_kind(struct row_kind *kind, const struct tkit_event *event)
{
	intake_kind(event, &kind->cell);
	kind->known = true;
	kind->plain = event->type == TKIT_EVENT_ACCESS && event->op != TKIT_OP_NONE &&
		      event->op != TKIT_OP_HELD &&
		      !(event->pflags & (TKIT_P_TRUNCATED | TKIT_P_REPEAT)) &&
		      !builder_is_pair(&kind->cell);
	kind->resolves = event->valid & TKIT_V_RESOLVED && !(event->pflags & NOT_RESOLVED);
	kind->has_exe = event->valid & TKIT_V_EXE;
	kind->has_inode = event->valid & TKIT_V_INODE;
	kind->has_ts = event->valid & TKIT_V_TS;
	/* The highest bit: never 0. */
	kind->name_bits = 1ull << 63 | (uint64_t)(event->pflags & NAME_PFLAGS) << 32 |
			  (event->valid & NAME_VALID);
}

/* Names that are learned together, see intern_hash(). */
struct name_lesson {
	struct row_name *name;
	uint64_t bits; /* if the name has others by now, another kind has taken it over */
	uint32_t hash;
	uint32_t len;
	char text[TEXT_ROOM];
};

static int learn_long_name(struct model_builder *b, struct row_name *name,
			   const struct tkit_event *event)
{
	char buf[2 * PATH_MAX];
	long len = tkit_event_abs(event, buf, sizeof(buf));

	if (len > 0)
		name->path = intern_add(&b->names, BYTES(buf, (size_t)len), NULL);
	return len > 0 && name->path == INTERN_NONE ? -ENOMEM : 0;
}

/* What a row's kind and name mean, if that is not known yet. Whether *lesson is to be gone on. */
static int begin_lesson(struct model_builder *b, struct row_cache *cache,
			const struct trace_rows *rows, const struct decode_rows *row,
			struct name_lesson *lesson)
{
	struct row_kind *kind = &cache->kinds[row->kind];
	struct row_name *name = &cache->names[row->name];
	struct tkit_event event;
	long len;

	if (kind->known && (!kind->plain || name->bits == kind->name_bits))
		return 0;
	if (!kind->known) {
		decode_block_event(rows->block, row, &event);
		learn_kind(kind, &event);
	}
	if (!kind->plain || name->bits == kind->name_bits)
		return 0;
	decode_block_name(rows->block, row, &event);
	*name = (struct row_name){.bits = kind->name_bits, .path = INTERN_NONE};
	len = tkit_event_abs(&event, lesson->text, sizeof(lesson->text));
	if (len == -ENAMETOOLONG)
		return learn_long_name(b, name, &event);
	if (len <= 0)
		return 0;
	lesson->name = name;
	lesson->bits = name->bits;
	lesson->len = (uint32_t)len;
	lesson->hash = intern_hash(&b->names, BYTES(lesson->text, lesson->len));
	return 1;
}

/* The kinds and names of some rows. 0 or -ENOMEM. */
static int learn(struct model_builder *b, struct row_cache *cache, const struct trace_rows *rows,
		 const struct decode_rows *row, uint32_t count)
{
	struct name_lesson lessons[ROWS_AT_ONCE];
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		int rc = begin_lesson(b, cache, rows, &row[i], &lessons[n]);

		if (rc < 0)
			return rc;
		n += (uint32_t)rc;
	}
	for (int stage = 0; stage < 3; stage++)
		for (uint32_t i = 0; i < n; i++)
			intern_fetch(&b->names, lessons[i].hash, stage);
	for (uint32_t i = 0; i < n; i++) {
		struct tkit_bytes text = BYTES(lessons[i].text, lessons[i].len);
		uint32_t path = intern_add_hashed(&b->names, text, lessons[i].hash, NULL);

		if (path == INTERN_NONE)
			return -ENOMEM;
		if (lessons[i].name->bits == lessons[i].bits)
			lessons[i].name->path = path;
	}
	return 0;
}

static int learn_file(struct model_builder *b, struct row_file *file,
		      const struct decode_block *block, uint32_t row)
{
	struct tkit_bytes text = block->strings[block->pb->file_resolved[row]];
	bool usable = text.len && text.ptr[0] == '/';

	file->known = true;
	file->counts = usable && intake_resolved_counts(text);
	file->directory =
		block->pb->n_file_mode && (block->pb->file_mode[row] & 0170000) == 0040000;
	return intake_keep(b, usable, text, &file->resolved);
}

static int learn_task(struct model_builder *b, struct row_task *task,
		      const struct decode_block *block, uint32_t row)
{
	uint32_t exe = block->pb->n_task_exe ? block->pb->task_exe[row] : 0;

	task->known = true;
	return intake_keep(b, true, block->strings[exe], &task->exe);
}

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

static int count_access(struct model_builder *b, const struct trace_rows *rows,
			const struct row_waiting *waiting)
{
	struct tkit_event event;
	int is_new;
	struct cell *cell = builder_cell(b, &waiting->add, waiting->hash, &is_new);

	if (!cell)
		return -ENOMEM;
	if (!is_new)
		return 0;
	decode_block_event(rows->block, waiting->row, &event);
	return builder_new_cell(b, cell, &event);
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
		keyed_fetch_item(&b->cells, cache->waiting[i].hash);
	for (uint32_t i = 0; !rc && i < count; i++)
		rc = count_access(b, rows, &cache->waiting[i]);
	return rc;
}

static int add_plain(struct model_builder *b, struct row_cache *cache, uint32_t run_index,
		     const struct trace_rows *rows, const struct decode_rows *row)
{
	const struct row_kind *kind = &cache->kinds[row->kind];
	struct row_file *file = row->file == DECODE_NO_FILE ? NULL : &cache->files[row->file];
	struct run_data *run = b->runs[run_index];
	struct row_waiting *waiting = &cache->waiting[cache->waiting_count];
	struct cell *add = &waiting->add;
	int rc;

	*add = kind->cell;
	rc = program_of(b, run, kind, rows->block, row, &cache->tasks[row->task],
			&add->key.program);
	if (!rc && file && !file->known)
		rc = learn_file(b, file, rows->block, row->file);
	if (rc)
		return rc;
	run->facts = add_count(run->facts, row->count);
	add->key.run = run_index;
	add->key.path = cache->names[row->name].path;
	add->count = row->count;
	if (kind->has_ts && row->ts_ns > run->info.armed_monotonic_ns)
		add->first_ns = add->last_ns = row->ts_ns - run->info.armed_monotonic_ns;
	add->first_seq = add->last_seq = run_place(run, 0, add->first_ns);
	if (add->has_pid)
		add->first_pid = rows->block->pb->task_pid[row->task];
	if (file && kind->has_inode && file->directory)
		add->pflags |= TKIT_P_DIRECTORY;
	if (file && kind->resolves) {
		add->resolved = file->resolved;
		if (file->counts)
			add->key.aux = file->resolved;
	}
	waiting->row = row;
	waiting->hash = builder_hash(b, add);
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

int model_builder_add_rows(struct model_builder *builder, struct row_cache *cache, uint32_t run,
			   const struct trace_rows *rows, struct err *err)
{
	int rc = 0;

	if (cache->block_number != rows->block_number)
		rc = start_block(cache, rows);
	for (uint32_t i = 0; !rc && i < rows->count; i += ROWS_AT_ONCE) {
		uint32_t left = rows->count - i;
		uint32_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;

		rc = learn(builder, cache, rows, &rows->rows[i], count);
		for (uint32_t k = 0; !rc && k < count; k++) {
			rc = add_row(builder, cache, run, rows, &rows->rows[i + k], err);
			if (rc)
				return rc;
		}
	}
	if (!rc)
		rc = count_waiting(builder, cache, rows);
	return rc ? err_sys(err, rc, "building a model") : 0;
}
