// SPDX-License-Identifier: MIT
#include "trace/decode.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "trace/format.h"

/* Value of a column that is left out when all of it is 0. */
#define CELL(pb, column, i) ((pb)->n_##column ? (pb)->column[i] : 0)

/* The column has `count` entries or is left out. */
#define FITS(pb, column, count) ((pb)->n_##column == (count) || (pb)->n_##column == 0)

static bool below(const uint32_t *values, size_t count, size_t limit)
{
	for (size_t i = 0; i < count; i++)
		if (values[i] >= limit)
			return false;
	return true;
}

/* Every row of every table stands for at least one event, so tables are not larger. */
static bool tables_fit(const Tkit__Block *pb)
{
	size_t kinds = pb->n_kind_type, tasks = pb->n_task_pid;
	size_t names = pb->n_name_path, files = pb->n_file_resolved;
	size_t strings = pb->n_string_size;

	if (kinds > pb->count || tasks > pb->count || names > pb->count || files > pb->count ||
	    strings > 6 * (size_t)pb->count + 1 || strings == 0)
		return false;
	return FITS(pb, kind_op, kinds) && FITS(pb, kind_valid, kinds) &&
	       FITS(pb, kind_pflags, kinds) && FITS(pb, kind_err, kinds) &&
	       FITS(pb, kind_flags, kinds) && FITS(pb, kind_sysno, kinds) &&
	       FITS(pb, kind_arch, kinds) && FITS(pb, kind_via, kinds) &&
	       FITS(pb, kind_reason, kinds) && FITS(pb, task_tid, tasks) &&
	       FITS(pb, task_ppid, tasks) && FITS(pb, task_comm, tasks) &&
	       FITS(pb, task_exe, tasks) && FITS(pb, task_cgroup, tasks) &&
	       FITS(pb, name_base, names) && FITS(pb, name_root, names) &&
	       FITS(pb, file_dev, files) && FITS(pb, file_ino, files) &&
	       FITS(pb, file_mode, files) && below(pb->task_comm, pb->n_task_comm, strings) &&
	       below(pb->task_exe, pb->n_task_exe, strings) &&
	       below(pb->name_path, names, strings) &&
	       below(pb->name_base, pb->n_name_base, strings) &&
	       below(pb->name_root, pb->n_name_root, strings) &&
	       below(pb->file_resolved, files, strings);
}

static bool bytes_fit(ProtobufCBinaryData column, size_t count)
{
	return column.len == count || column.len == 0;
}

static bool columns_fit(const Tkit__Block *pb)
{
	size_t n = pb->count;

	return n > 0 && n <= FORMAT_BLOCK_MAX && pb->backend < FORMAT_BACKENDS_MAX &&
	       FITS(pb, ts_high, n) && FITS(pb, kind, n) && FITS(pb, task, n) &&
	       FITS(pb, name, n) && FITS(pb, file, n) && FITS(pb, ret, n) && FITS(pb, repeat, n) &&
	       bytes_fit(pb->ts_low, n) && bytes_fit(pb->ts_mid, n) && pb->n_kind_type &&
	       pb->n_task_pid && pb->n_name_path && below(pb->kind, pb->n_kind, pb->n_kind_type) &&
	       below(pb->task, pb->n_task, pb->n_task_pid);
}

static int start_strings(struct decode_block *block, struct arena *arena)
{
	const Tkit__Block *pb = block->pb;
	struct tkit_bytes *strings = arena_alloc(arena, pb->n_string_size * sizeof(*strings));
	const char *data = (const char *)pb->string_data.data;
	size_t left = pb->string_data.len;

	if (!strings)
		return -ENOMEM;
	for (size_t i = 0; i < pb->n_string_size; i++) {
		size_t size = pb->string_size[i];

		if (size > left)
			return -EBADMSG;
		strings[i] = (struct tkit_bytes){data, size};
		data = size ? data + size : data;
		left -= size;
	}
	block->strings = strings;
	return left || strings[0].len ? -EBADMSG : 0;
}

static int start_kinds(struct decode_block *block, struct arena *arena)
{
	const Tkit__Block *pb = block->pb;
	struct tkit_event *kinds = arena_alloc(arena, pb->n_kind_type * sizeof(*kinds));

	if (!kinds)
		return -ENOMEM;
	for (size_t i = 0; i < pb->n_kind_type; i++) {
		if (pb->kind_type[i] > UINT16_MAX || CELL(pb, kind_op, i) > UINT16_MAX ||
		    CELL(pb, kind_arch, i) > UINT16_MAX || CELL(pb, kind_via, i) > UINT16_MAX)
			return -EBADMSG;
		tkit_event_init(&kinds[i], (enum tkit_event_type)pb->kind_type[i]);
		kinds[i].op = (uint16_t)CELL(pb, kind_op, i);
		kinds[i].valid = CELL(pb, kind_valid, i);
		kinds[i].pflags = CELL(pb, kind_pflags, i);
		kinds[i].err = (int32_t)CELL(pb, kind_err, i);
		kinds[i].flags = CELL(pb, kind_flags, i);
		kinds[i].sysno = CELL(pb, kind_sysno, i);
		kinds[i].arch = (uint16_t)CELL(pb, kind_arch, i);
		kinds[i].via = (uint16_t)CELL(pb, kind_via, i);
		kinds[i].reason = CELL(pb, kind_reason, i);
	}
	block->kinds = kinds;
	return 0;
}

int decode_block_start(struct decode_block *block, const Tkit__Block *pb, struct arena *arena)
{
	int rc;

	*block = (struct decode_block){.pb = pb, .ts = pb->ts_base};
	if (!columns_fit(pb) || !tables_fit(pb))
		return -EBADMSG;
	rc = start_strings(block, arena);
	if (rc == 0)
		rc = start_kinds(block, arena);
	if (rc < 0)
		return rc;
	block->file_of_name = arena_alloc(arena, pb->n_name_path * sizeof(*block->file_of_name));
	if (!block->file_of_name)
		return -ENOMEM;
	memset(block->file_of_name, 0, pb->n_name_path * sizeof(*block->file_of_name));
	return 0;
}

static void put_task(const struct decode_block *block, struct tkit_event *event, uint32_t i)
{
	const Tkit__Block *pb = block->pb;

	event->pid = pb->task_pid[i];
	event->tid = CELL(pb, task_tid, i);
	event->ppid = CELL(pb, task_ppid, i);
	event->cgroup = CELL(pb, task_cgroup, i);
	if (event->valid & TKIT_V_COMM)
		event->comm = block->strings[CELL(pb, task_comm, i)];
	if (event->valid & TKIT_V_EXE)
		event->exe = block->strings[CELL(pb, task_exe, i)];
}

static void put_name(const struct decode_block *block, struct tkit_event *event, uint32_t i)
{
	const Tkit__Block *pb = block->pb;

	if (event->valid & TKIT_V_PATH)
		event->path = block->strings[pb->name_path[i]];
	if (event->valid & TKIT_V_BASE)
		event->base = block->strings[CELL(pb, name_base, i)];
	if (event->valid & TKIT_V_ROOT)
		event->root = block->strings[CELL(pb, name_root, i)];
}

static void put_file(const struct decode_block *block, struct tkit_event *event, uint32_t i)
{
	const Tkit__Block *pb = block->pb;

	if (event->valid & TKIT_V_RESOLVED)
		event->resolved = block->strings[pb->file_resolved[i]];
	event->dev = CELL(pb, file_dev, i);
	event->ino = CELL(pb, file_ino, i);
	event->mode = CELL(pb, file_mode, i);
}

/* Row of the file that column value `code` means; UINT32_MAX if there is none. */
static uint32_t file_row(struct decode_block *block, uint32_t name, uint32_t code)
{
	uint32_t row = code;

	if (row == 0)
		row = block->file_of_name[name];
	if (row == 0)
		row = block->files_seen + 1;
	if (row > block->files_seen + 1 || row > block->pb->n_file_resolved)
		return UINT32_MAX;
	if (row == block->files_seen + 1)
		block->files_seen++;
	block->file_of_name[name] = row;
	return row - 1;
}

/* The columns from the next event on; those that are left out are zeros. */
struct columns {
	const uint8_t *ts_low, *ts_mid;
	const uint64_t *ts_high, *repeat;
	const uint32_t *kind, *task, *name, *file;
	const int64_t *ret;
};

#define COLUMN(pb, column, at) ((pb)->n_##column ? (pb)->column + (at) : (const void *)zeros)

static void find_columns(const struct decode_block *block, struct columns *ret)
{
	static const uint64_t zeros[DECODE_SLICE];
	const Tkit__Block *pb = block->pb;
	uint32_t at = block->at;

	ret->ts_low = pb->ts_low.len ? pb->ts_low.data + at : (const void *)zeros;
	ret->ts_mid = pb->ts_mid.len ? pb->ts_mid.data + at : (const void *)zeros;
	ret->ts_high = COLUMN(pb, ts_high, at);
	ret->repeat = COLUMN(pb, repeat, at);
	ret->kind = COLUMN(pb, kind, at);
	ret->task = COLUMN(pb, task, at);
	ret->name = COLUMN(pb, name, at);
	ret->file = COLUMN(pb, file, at);
	ret->ret = COLUMN(pb, ret, at);
}

static uint64_t time_since(const struct columns *in, uint32_t i)
{
	uint64_t zigzag = in->ts_low[i] | (uint64_t)in->ts_mid[i] << 8 | in->ts_high[i] << 16;

	return zigzag >> 1 ^ (0 - (zigzag & 1));
}

static inline int next_rows(struct decode_block *block, const struct columns *in, uint32_t i,
			    struct decode_rows *rows)
{
	uint32_t name = in->name[i];
	uint64_t repeat = in->repeat[i];

	block->names_seen += !name;
	name = name ? name - 1 : block->names_seen - 1;
	if (name >= block->names_seen || name >= block->pb->n_name_path)
		return -EBADMSG;
	rows->kind = in->kind[i];
	rows->task = in->task[i];
	rows->name = name;
	rows->file = DECODE_NO_FILE;
	if (block->kinds[rows->kind].valid & (TKIT_V_RESOLVED | TKIT_V_INODE)) {
		rows->file = file_row(block, name, in->file[i]);
		if (rows->file == UINT32_MAX)
			return -EBADMSG;
	}
	rows->ts_ns = block->ts += time_since(in, i);
	rows->ret = in->ret[i];
	rows->count = repeat + (repeat != UINT64_MAX);
	return 0;
}

int decode_block_next(struct decode_block *block, struct decode_rows *rows)
{
	uint32_t left = block->pb->count - block->at;
	uint32_t n = left < DECODE_SLICE ? left : DECODE_SLICE;
	struct columns in;

	find_columns(block, &in);
	for (uint32_t i = 0; i < n; i++)
		if (next_rows(block, &in, i, &rows[i]) < 0)
			return -EBADMSG;
	block->at += n;
	return (int)n;
}

void decode_block_name(const struct decode_block *block, const struct decode_rows *rows,
		       struct tkit_event *event)
{
	const struct tkit_event *kind = &block->kinds[rows->kind];

	event->pflags = kind->pflags;
	event->valid = kind->valid;
	put_name(block, event, rows->name);
}

void decode_block_event(const struct decode_block *block, const struct decode_rows *rows,
			struct tkit_event *event)
{
	*event = block->kinds[rows->kind];
	put_task(block, event, rows->task);
	put_name(block, event, rows->name);
	if (rows->file != DECODE_NO_FILE)
		put_file(block, event, rows->file);
	if (event->valid & TKIT_V_TS)
		event->ts_ns = rows->ts_ns;
	if (event->valid & TKIT_V_RET) {
		event->ret = rows->ret;
		if (event->valid & TKIT_V_ERR)
			event->ret =
				(int64_t)((uint64_t)event->ret - (uint64_t)(int64_t)event->err);
	}
	event->count = rows->count;
}
