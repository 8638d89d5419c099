// SPDX-License-Identifier: MIT
/* From the tables of a block to the arrays of its protobuf message. */
#include <errno.h>
#include <string.h>

#include "trace/block.h"
#include "trace/rows.h"

/* A repeated field of the message: one value from each row of a table. */
#define COLUMN(pb, field, type, count, value)                                 \
	({                                                                    \
		type *_out = arena_alloc(arena, (count) * sizeof(*_out) + 1); \
		for (uint32_t i = 0; _out && i < (count); i++)                \
			_out[i] = (type)(value);                              \
		(pb)->field = _out;                                           \
		(pb)->n_##field = (count);                                    \
		_out ? 0 : -ENOMEM;                                           \
	})

static int put_strings(const struct block *block, struct arena *arena, Tkit__Block *pb)
{
	const struct intern *strings = &block->strings;
	char *data = arena_alloc(arena, strings->bytes + 1);
	size_t used = 0;

	if (!data)
		return -ENOMEM;
	for (uint32_t i = 0; i < strings->count; i++) {
		if (strings->strs[i].len)
			memcpy(data + used, strings->strs[i].ptr, strings->strs[i].len);
		used += strings->strs[i].len;
	}
	pb->string_data.data = (uint8_t *)data;
	pb->string_data.len = used;
	return COLUMN(pb, string_size, uint32_t, strings->count, strings->strs[i].len);
}

static int put_kinds(const struct block *block, struct arena *arena, Tkit__Block *pb)
{
	const struct kind_row *row = rowtab_rows(&block->kinds, struct kind_row);
	uint32_t n = block->kinds.count;
	int rc = 0;

	rc |= COLUMN(pb, kind_type, uint32_t, n, row[i].type);
	rc |= COLUMN(pb, kind_op, uint32_t, n, row[i].op);
	rc |= COLUMN(pb, kind_valid, uint32_t, n, row[i].valid);
	rc |= COLUMN(pb, kind_pflags, uint32_t, n, row[i].pflags);
	rc |= COLUMN(pb, kind_err, uint32_t, n, row[i].err);
	rc |= COLUMN(pb, kind_flags, uint64_t, n, row[i].flags);
	rc |= COLUMN(pb, kind_sysno, int32_t, n, row[i].sysno);
	rc |= COLUMN(pb, kind_arch, uint32_t, n, row[i].arch);
	rc |= COLUMN(pb, kind_via, uint32_t, n, row[i].via);
	rc |= COLUMN(pb, kind_reason, uint32_t, n, row[i].reason);
	return rc ? -ENOMEM : 0;
}

static int put_tasks(const struct block *block, struct arena *arena, Tkit__Block *pb)
{
	const struct task_row *row = rowtab_rows(&block->tasks, struct task_row);
	uint32_t n = block->tasks.count;
	int rc = 0;

	rc |= COLUMN(pb, task_pid, int32_t, n, row[i].pid);
	rc |= COLUMN(pb, task_tid, int32_t, n, row[i].tid);
	rc |= COLUMN(pb, task_ppid, int32_t, n, row[i].ppid);
	rc |= COLUMN(pb, task_comm, uint32_t, n, row[i].comm);
	rc |= COLUMN(pb, task_exe, uint32_t, n, row[i].exe);
	rc |= COLUMN(pb, task_cgroup, uint64_t, n, row[i].cgroup);
	return rc ? -ENOMEM : 0;
}

static int put_names(const struct block *block, struct arena *arena, Tkit__Block *pb)
{
	const struct name_row *name = rowtab_rows(&block->names, struct name_row);
	const struct file_row *file = rowtab_rows(&block->files, struct file_row);
	uint32_t names = block->names.count, files = block->files.count;
	int rc = 0;

	rc |= COLUMN(pb, name_path, uint32_t, names, name[i].path);
	rc |= COLUMN(pb, name_base, uint32_t, names, name[i].base);
	rc |= COLUMN(pb, name_root, uint32_t, names, name[i].root);
	rc |= COLUMN(pb, file_resolved, uint32_t, files, file[i].resolved);
	rc |= COLUMN(pb, file_dev, uint64_t, files, file[i].dev);
	rc |= COLUMN(pb, file_ino, uint64_t, files, file[i].ino);
	rc |= COLUMN(pb, file_mode, uint32_t, files, file[i].mode);
	return rc ? -ENOMEM : 0;
}

int block_message(const struct block *block, struct arena *arena, Tkit__Block *pb)
{
	uint32_t n = block->count;

	if (put_strings(block, arena, pb) < 0 || put_kinds(block, arena, pb) < 0 ||
	    put_tasks(block, arena, pb) < 0 || put_names(block, arena, pb) < 0)
		return -ENOMEM;
	pb->count = n;
	pb->ts_base = block->ts_base;
	pb->ts_low.data = block->ts_low;
	pb->ts_low.len = n;
	pb->ts_mid.data = block->ts_mid;
	pb->ts_mid.len = n;
	pb->ts_high = block->ts_high;
	pb->n_ts_high = block->any_ts ? n : 0;
	pb->kind = block->kind;
	pb->n_kind = n;
	pb->task = block->task;
	pb->n_task = n;
	pb->name = block->name;
	pb->n_name = n;
	pb->file = block->file;
	pb->n_file = block->any_file ? n : 0;
	pb->ret = block->ret;
	pb->n_ret = block->any_ret ? n : 0;
	pb->repeat = block->repeat;
	pb->n_repeat = block->any_repeat ? n : 0;
	return 0;
}
