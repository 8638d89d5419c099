// SPDX-License-Identifier: MIT
#include "model/learn.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/intake.h"
#include "util/bytes.h"

/* What the meaning of a name depends on beside its strings. */
#define BITS_ABSTRACT (1u << 0)
#define BITS_FD       (1u << 1)
#define BITS_PATH     (1u << 2)
#define BITS_BASE     (1u << 3)
#define BITS_ROOT     (1u << 4)
#define BITS_SET      (1u << 5) /* always */

/* Where `resolved` of an event counts if it has one (intake_has_resolved()). */
#define NOT_RESOLVED (TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC)

#define NAMES_AHEAD 8

#define LESSONS   64
#define TEXT_ROOM 256 /* for a name; longer ones take the slow way */

/* A text whose id is asked for. */
struct lesson {
	struct tkit_bytes text; /* of the block, or in `texts` */
	uint32_t hash;
	uint32_t looked;       /* what intern_look() said */
	uint32_t bits;         /* if the name has others by now, another kind has taken it over */
	struct row_file *file; /* who asks: a file, */
	struct row_name *name; /* else a name */
};

struct lessons {
	uint32_t count;
	struct lesson list[LESSONS];
	char texts[LESSONS][TEXT_ROOM];
};

void row_cache_done(struct row_cache *cache)
{
	free(cache->waiting);
	free(cache->lessons);
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

int learn_block(struct row_cache *cache, const struct trace_rows *rows)
{
	const Tkit__Block *pb = rows->block->pb;

	cache->block_number = 0;
	if (!cache->lessons)
		cache->lessons = calloc(1, sizeof(*cache->lessons));
	if (!cache->lessons)
		return -ENOMEM;
	if (blank(&cache->kinds, &cache->kind_room, pb->n_kind_type, sizeof(*cache->kinds)) ||
	    blank(&cache->names, &cache->name_room, pb->n_name_path, sizeof(*cache->names)) ||
	    blank(&cache->files, &cache->file_room, pb->n_file_resolved, sizeof(*cache->files)) ||
	    blank(&cache->tasks, &cache->task_room, pb->n_task_pid, sizeof(*cache->tasks)))
		return -ENOMEM;
	cache->block_number = rows->block_number;
	return 0;
}

static uint32_t name_bits(const struct tkit_event *event)
{
	return BITS_SET | (event->pflags & TKIT_P_ABSTRACT ? BITS_ABSTRACT : 0) |
	       (event->pflags & TKIT_P_FD ? BITS_FD : 0) |
	       (event->valid & TKIT_V_PATH ? BITS_PATH : 0) |
	       (event->valid & TKIT_V_BASE ? BITS_BASE : 0) |
	       (event->valid & TKIT_V_ROOT ? BITS_ROOT : 0);
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
	kind->name_bits = name_bits(event);
	memcpy(kind->key, &kind->cell.key, sizeof(kind->key));
}

/* Who asks is still to be told. */
static struct lesson *begin_lesson(struct model_builder *b, struct lessons *lessons,
				   struct tkit_bytes text)
{
	struct lesson *lesson = &lessons->list[lessons->count++];

	lesson->text = text;
	lesson->hash = intern_hash(&b->names, text);
	intern_fetch_slot(&b->names, lesson->hash);
	return lesson;
}

static int learn_long_name(struct model_builder *b, struct row_name *name,
			   const struct tkit_event *event)
{
	char buf[2 * PATH_MAX];
	long len = tkit_event_abs(event, buf, sizeof(buf));

	if (len > 0)
		name->path = intern_add(&b->names, BYTES(buf, (size_t)len), NULL);
	return len > 0 && name->path == INTERN_NONE ? -ENOMEM : 0;
}

static int learn_name(struct model_builder *b, struct lessons *lessons,
		      const struct trace_rows *rows, const struct decode_rows *row,
		      struct row_name *name, uint32_t bits)
{
	char *text = lessons->texts[lessons->count];
	struct tkit_event event;
	long len;

	decode_block_name(rows->block, row, &event);
	*name = (struct row_name){.bits = bits, .path = INTERN_NONE};
	len = tkit_event_abs(&event, text, TEXT_ROOM);
	if (len == -ENAMETOOLONG)
		return learn_long_name(b, name, &event);
	if (len > 0) {
		struct lesson *lesson = begin_lesson(b, lessons, BYTES(text, (size_t)len));

		lesson->name = name;
		lesson->bits = bits;
		lesson->file = NULL;
	}
	return 0;
}

static void learn_file(struct model_builder *b, struct lessons *lessons, struct row_file *file,
		       const struct decode_block *block, uint32_t row)
{
	struct tkit_bytes text = block->strings[block->pb->file_resolved[row]];
	bool usable = text.len && text.ptr[0] == '/';

	file->known = true;
	file->counts = usable && intake_resolved_counts(text);
	file->directory =
		block->pb->n_file_mode && (block->pb->file_mode[row] & 0170000) == 0040000;
	file->resolved = INTERN_NONE;
	if (usable)
		begin_lesson(b, lessons, text)->file = file;
}

/* What a row means, if that is not known yet: at most two lessons. 0 or -ENOMEM. */
static int learn_row(struct model_builder *b, struct row_cache *cache,
		     const struct trace_rows *rows, const struct decode_rows *row)
{
	struct row_kind *kind = &cache->kinds[row->kind];
	struct row_name *name = &cache->names[row->name];
	struct tkit_event event;

	if (!kind->known) {
		decode_block_event(rows->block, row, &event);
		learn_kind(kind, &event);
	}
	if (!kind->plain)
		return 0;
	if (row->file != DECODE_NO_FILE && !cache->files[row->file].known)
		learn_file(b, cache->lessons, &cache->files[row->file], rows->block, row->file);
	if (name->bits == kind->name_bits)
		return 0;
	return learn_name(b, cache->lessons, rows, row, name, kind->name_bits);
}

static int end_lessons(struct model_builder *b, struct lessons *lessons)
{
	for (uint32_t i = 0; i < lessons->count; i++)
		lessons->list[i].looked = intern_look(&b->names, lessons->list[i].hash);
	for (uint32_t i = 0; i < lessons->count; i++)
		intern_fetch_text(&b->names, lessons->list[i].looked);
	for (uint32_t i = 0; i < lessons->count; i++) {
		struct lesson *lesson = &lessons->list[i];
		uint32_t id =
			intern_add_looked(&b->names, lesson->text, lesson->hash, lesson->looked);

		if (id == INTERN_NONE)
			return -ENOMEM;
		if (lesson->file)
			lesson->file->resolved = id;
		else if (lesson->name->bits == lesson->bits)
			lesson->name->path = id;
	}
	return 0;
}

int learn_rows(struct model_builder *b, struct row_cache *cache, const struct trace_rows *rows,
	       const struct decode_rows *row, uint32_t count)
{
	uint32_t i;
	int rc = 0;

	if (count > LEARN_ROWS)
		count = LEARN_ROWS;
	cache->lessons->count = 0;
	for (i = 0; i < count && cache->lessons->count + 2 <= LESSONS; i++) {
		if (i + NAMES_AHEAD < count)
			__builtin_prefetch(&cache->names[row[i + NAMES_AHEAD].name]);
		rc = learn_row(b, cache, rows, &row[i]);
		if (rc)
			return rc;
	}
	rc = end_lessons(b, cache->lessons);
	return rc ? rc : (int)i;
}

int learn_task(struct model_builder *b, struct row_task *task, const struct decode_block *block,
	       uint32_t row)
{
	uint32_t exe = block->pb->n_task_exe ? block->pb->task_exe[row] : 0;

	task->known = true;
	return intake_keep(b, true, block->strings[exe], &task->exe);
}
