// SPDX-License-Identifier: MIT
#include "trace/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/rows.h"
#include "util/bytes.h"

int block_init(struct block *block, uint32_t limit, uint32_t time_step)
{
	*block = (struct block){.limit = limit};
	intern_init(&block->strings);
	rowtab_init(&block->kinds, sizeof(struct kind_row), block->strings.seed);
	rowtab_init(&block->tasks, sizeof(struct task_row), block->strings.seed);
	rowtab_init(&block->names, sizeof(struct name_row), block->strings.seed);
	rowtab_init(&block->files, sizeof(struct file_row), block->strings.seed);
	block->ts_mask = time_step ? ~(uint64_t)(time_step - 1) : UINT64_MAX;
	block->ts_low = calloc(limit, sizeof(*block->ts_low));
	block->ts_mid = calloc(limit, sizeof(*block->ts_mid));
	block->ts_high = calloc(limit, sizeof(*block->ts_high));
	block->kind = calloc(limit, sizeof(*block->kind));
	block->task = calloc(limit, sizeof(*block->task));
	block->name = calloc(limit, sizeof(*block->name));
	block->file = calloc(limit, sizeof(*block->file));
	block->ret = calloc(limit, sizeof(*block->ret));
	block->repeat = calloc(limit, sizeof(*block->repeat));
	if (!block->ts_low || !block->ts_mid || !block->ts_high || !block->kind || !block->task ||
	    !block->name || !block->file || !block->ret || !block->repeat ||
	    intern_add(&block->strings, BYTES_LIT(""), NULL) == INTERN_NONE) {
		block_done(block);
		return -ENOMEM;
	}
	return 0;
}

void block_done(struct block *block)
{
	intern_done(&block->strings);
	rowtab_done(&block->kinds);
	rowtab_done(&block->tasks);
	rowtab_done(&block->names);
	rowtab_done(&block->files);
	free(block->file_of_name);
	free(block->name_of_path);
	free(block->ts_low);
	free(block->ts_mid);
	free(block->ts_high);
	free(block->kind);
	free(block->task);
	free(block->name);
	free(block->file);
	free(block->ret);
	free(block->repeat);
	*block = (struct block){0};
}

void block_clear(struct block *block)
{
	intern_clear(&block->strings);
	/* Cannot fail: the table had this very string before. */
	intern_add(&block->strings, BYTES_LIT(""), NULL);
	memset(block->recent, 0, sizeof(block->recent));
	rowtab_clear(&block->kinds);
	rowtab_clear(&block->tasks);
	rowtab_clear(&block->names);
	rowtab_clear(&block->files);
	block->paths = block->names_seen = block->files_seen = 0;
	block->count = 0;
	block->any_ts = block->any_file = block->any_ret = block->any_repeat = false;
}

/* Number of a string; most fields are what they were in the event before. */
static uint32_t string_id(struct block *block, int field, struct tkit_bytes text)
{
	struct block_recent *recent = &block->recent[field];
	uint32_t id;

	if (bytes_eq(recent->text, text))
		return recent->id;
	id = intern_add(&block->strings, text, NULL);
	if (id != INTERN_NONE) {
		recent->id = id;
		recent->text = intern_get(&block->strings, id);
	}
	return id;
}

/*
 * No kernel hands out strings of this size, so this guards the format against a producer's
 * mistake. A cut path says so; anything else becomes unknown rather than wrong.
 */
static struct tkit_bytes bounded(struct tkit_bytes text, struct kind_row *kind, uint32_t bit)
{
	if (!(kind->valid & bit))
		return BYTES(NULL, 0);
	if (text.len <= BLOCK_STRING_MAX)
		return text;
	if (bit == TKIT_V_PATH || bit == TKIT_V_RESOLVED) {
		kind->pflags |= bit == TKIT_V_PATH ? TKIT_P_TRUNCATED : TKIT_P_RES_TRUNC;
		return BYTES(text.ptr, BLOCK_STRING_MAX);
	}
	kind->valid &= ~bit;
	return BYTES(NULL, 0);
}

static uint32_t string_field(struct block *block, int field, struct tkit_bytes text,
			     struct kind_row *kind, uint32_t bit)
{
	return string_id(block, field, bounded(text, kind, bit));
}

/* Only what the valid bits vouch for is stored: anything else would make rows differ. */
static struct kind_row kind_of(const struct tkit_event *event)
{
	uint32_t valid = event->valid;

	return (struct kind_row){
		.type = event->type,
		.op = event->op,
		.valid = valid,
		.pflags = event->pflags,
		.err = valid & TKIT_V_ERR ? event->err : 0,
		.flags = valid & TKIT_V_FLAGS ? event->flags : 0,
		.sysno = valid & TKIT_V_SYSNO ? event->sysno : 0,
		.arch = valid & TKIT_V_SYSNO ? event->arch : 0,
		.via = event->via,
		.reason = event->reason,
	};
}

static uint32_t task_of(struct block *block, const struct tkit_event *event, struct kind_row *kind)
{
	uint32_t valid = event->valid;
	struct task_row row = {
		.pid = valid & TKIT_V_PID ? event->pid : 0,
		.tid = valid & TKIT_V_TID ? event->tid : 0,
		.ppid = valid & TKIT_V_PPID ? event->ppid : 0,
		.comm = string_field(block, BLOCK_COMM, event->comm, kind, TKIT_V_COMM),
		.exe = string_field(block, BLOCK_EXE, event->exe, kind, TKIT_V_EXE),
		.cgroup = valid & TKIT_V_CGROUP ? event->cgroup : 0,
	};

	if (row.comm == INTERN_NONE || row.exe == INTERN_NONE)
		return ROWTAB_NONE;
	return rowtab_add_alike(&block->tasks, &row, sizeof(row));
}

/* Makes room for what is known of a path or name with that number: zero behind `used`. */
static int grow_map(uint32_t **map, uint32_t *room, uint32_t number)
{
	uint32_t want = *room ? *room : 1024;
	uint32_t *grown;

	if (number < *room)
		return 0;
	while (want <= number)
		want *= 2;
	grown = realloc(*map, want * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*map = grown;
	*room = want;
	return 0;
}

/* The row of a name; most have but one row with their path. ROWTAB_NONE: no memory. */
static uint32_t name_row(struct block *block, const struct name_row *row)
{
	const struct name_row *rows = rowtab_rows(&block->names, struct name_row);
	uint32_t *known, name;

	if (grow_map(&block->name_of_path, &block->path_room, row->path) < 0)
		return ROWTAB_NONE;
	for (; block->paths <= row->path; block->paths++)
		block->name_of_path[block->paths] = 0;
	known = &block->name_of_path[row->path];
	if (*known && rowtab_same(&rows[*known - 1], row, sizeof(*row)))
		return *known - 1;
	name = rowtab_add(&block->names, row);
	if (name != ROWTAB_NONE)
		*known = name + 1;
	return name;
}

static uint32_t name_of(struct block *block, const struct tkit_event *event, struct kind_row *kind)
{
	struct name_row row = {
		.path = string_field(block, BLOCK_PATH, event->path, kind, TKIT_V_PATH),
		.base = string_field(block, BLOCK_BASE, event->base, kind, TKIT_V_BASE),
		.root = string_field(block, BLOCK_ROOT, event->root, kind, TKIT_V_ROOT),
	};
	uint32_t name;

	if (row.path == INTERN_NONE || row.base == INTERN_NONE || row.root == INTERN_NONE)
		return ROWTAB_NONE;
	name = name_row(block, &row);
	if (name != ROWTAB_NONE && grow_map(&block->file_of_name, &block->name_room, name) < 0)
		return ROWTAB_NONE;
	return name;
}

/* Number of a resolved path: mostly the one that this name led to before, or the path itself. */
static uint32_t resolved_id(struct block *block, uint32_t name, struct tkit_bytes text)
{
	const struct file_row *files = rowtab_rows(&block->files, struct file_row);
	const struct block_recent *path = &block->recent[BLOCK_PATH];
	uint32_t known = name < block->names_seen ? block->file_of_name[name] : 0;

	if (known && bytes_eq(intern_get(&block->strings, files[known - 1].resolved), text))
		return files[known - 1].resolved;
	if (bytes_eq(path->text, text))
		return path->id;
	return string_id(block, BLOCK_RESOLVED, text);
}

static uint32_t file_of(struct block *block, uint32_t name, const struct tkit_event *event,
			struct kind_row *kind)
{
	const struct file_row *files = rowtab_rows(&block->files, struct file_row);
	uint32_t known = name < block->names_seen ? block->file_of_name[name] : 0;
	bool inode = event->valid & TKIT_V_INODE;
	struct file_row row = {
		.resolved =
			resolved_id(block, name, bounded(event->resolved, kind, TKIT_V_RESOLVED)),
		.mode = inode ? event->mode : 0,
		.dev = inode ? event->dev : 0,
		.ino = inode ? event->ino : 0,
	};

	if (row.resolved == INTERN_NONE)
		return ROWTAB_NONE;
	if (known && rowtab_same(&files[known - 1], &row, sizeof(row)))
		return known - 1;
	return rowtab_add(&block->files, &row);
}

/* Column value of a file row; see `file` in proto/tkit.proto. */
static uint32_t file_code(struct block *block, uint32_t name, uint32_t file)
{
	uint32_t expected = block->file_of_name[name];

	if (expected == 0)
		expected = block->files_seen + 1;
	if (file == block->files_seen)
		block->files_seen++;
	block->file_of_name[name] = file + 1;
	return file + 1 == expected ? 0 : file + 1;
}

static void add_time(struct block *block, uint32_t i, uint64_t ts)
{
	uint64_t delta, zigzag;

	if (i == 0)
		block->ts_base = block->ts_last = ts;
	delta = ts - block->ts_last;
	zigzag = delta << 1 ^ (delta >> 63 ? UINT64_MAX : 0);
	block->ts_last = ts;
	block->ts_low[i] = (uint8_t)zigzag;
	block->ts_mid[i] = (uint8_t)(zigzag >> 8);
	block->ts_high[i] = zigzag >> 16;
	block->any_ts |= zigzag >> 16 != 0;
}

int block_add(struct block *block, const struct tkit_event *event)
{
	struct kind_row kind = kind_of(event);
	uint32_t i = block->count;
	uint32_t task = task_of(block, event, &kind);
	uint32_t name = name_of(block, event, &kind);
	uint32_t file = 0, kind_number;
	uint64_t ts = event->valid & TKIT_V_TS ? event->ts_ns & block->ts_mask : block->ts_last;
	int64_t ret = event->valid & TKIT_V_RET ? event->ret : 0;

	if (name != ROWTAB_NONE && kind.valid & (TKIT_V_RESOLVED | TKIT_V_INODE))
		file = file_of(block, name, event, &kind);
	kind_number = rowtab_add_alike(&block->kinds, &kind, sizeof(kind));
	if (task == ROWTAB_NONE || name == ROWTAB_NONE || file == ROWTAB_NONE ||
	    kind_number == ROWTAB_NONE)
		return -ENOMEM;

	add_time(block, i, ts);
	block->kind[i] = kind_number;
	block->task[i] = task;
	if (name == block->names_seen) {
		block->names_seen++;
		block->file_of_name[name] = 0;
		block->name[i] = 0;
	} else {
		block->name[i] = name + 1;
	}
	block->file[i] = 0;
	if (kind.valid & (TKIT_V_RESOLVED | TKIT_V_INODE))
		block->file[i] = file_code(block, name, file);
	block->any_file |= block->file[i] != 0;
	if ((event->valid & TKIT_V_RET) && (event->valid & TKIT_V_ERR))
		ret = (int64_t)((uint64_t)ret + (uint64_t)(int64_t)event->err);
	block->ret[i] = ret;
	block->any_ret |= ret != 0;
	block->repeat[i] = event->count ? event->count - 1 : 0;
	block->any_repeat |= block->repeat[i] != 0;
	block->count++;
	return 0;
}
