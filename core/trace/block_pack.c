// SPDX-License-Identifier: MIT
/*
 * A block as a Record of proto/tkit.proto, straight from its tables: what protobuf-c would make
 * of a Tkit__Block, byte for byte, without the copies in between.
 */
#include <errno.h>
#include <string.h>

#include "trace/block.h"
#include "trace/format.h"
#include "trace/rows.h"
#include "trace/wire.h"

/* Tag (two bytes) and length of a field. */
#define FIELD_HEAD (2 + WIRE_LENGTH_MAX)
/* In front of the block: the length of the record, its one tag and the block's length. */
#define RECORD_HEAD (2 * FORMAT_VARINT_MAX + 1)

static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static uint8_t *put_tag(uint8_t *p, unsigned int field, unsigned int type)
{
	return p + format_put_varint(p, field << 3 | type);
}

static uint8_t *put_u64(uint8_t *p, unsigned int field, uint64_t value)
{
	if (!value)
		return p;
	p = put_tag(p, field, WIRE_VARINT);
	return p + format_put_varint(p, value);
}

static uint8_t *put_blob(uint8_t *p, unsigned int field, const void *data, size_t size)
{
	if (!size)
		return p;
	p = put_tag(p, field, WIRE_LENGTH);
	p += format_put_varint(p, size);
	memcpy(p, data, size);
	return p + size;
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t value)
{
	if (value < 0x80) {
		*p = (uint8_t)value;
		return p + 1;
	}
	return p + format_put_varint(p, value);
}

/* A packed field whose values were written to `body` up to `end`: its head goes before them. */
static uint8_t *close_column(uint8_t *p, unsigned int field, const uint8_t *body,
			     const uint8_t *end)
{
	size_t size = (size_t)(end - body);

	if (!size)
		return p;
	p = put_tag(p, field, WIRE_LENGTH);
	p += format_put_varint(p, size);
	memmove(p, body, size);
	return p + size;
}

/* `count` values of the expression, in which i counts. */
#define COLUMN(p, field, count, value)                          \
	({                                                      \
		uint8_t *_body = (p) + FIELD_HEAD, *_q = _body; \
		for (uint32_t i = 0; i < (count); i++)          \
			_q = put_varint(_q, value);             \
		close_column(p, field, _body, _q);              \
	})

static uint8_t *put_strings(const struct block *block, uint8_t *p)
{
	const struct intern *strings = &block->strings;

	if (strings->bytes) {
		p = put_tag(p, 4, WIRE_LENGTH);
		p += format_put_varint(p, strings->bytes);
		for (uint32_t i = 0; i < strings->count; i++) {
			if (strings->strs[i].len)
				memcpy(p, strings->strs[i].ptr, strings->strs[i].len);
			p += strings->strs[i].len;
		}
	}
	return COLUMN(p, 5, strings->count, strings->strs[i].len);
}

static uint8_t *put_kinds(const struct block *block, uint8_t *p)
{
	const struct kind_row *row = rowtab_rows(&block->kinds, struct kind_row);
	uint32_t n = block->kinds.count;

	p = COLUMN(p, 10, n, row[i].type);
	p = COLUMN(p, 11, n, row[i].op);
	p = COLUMN(p, 12, n, row[i].valid);
	p = COLUMN(p, 13, n, row[i].pflags);
	p = COLUMN(p, 14, n, (uint32_t)row[i].err);
	p = COLUMN(p, 15, n, row[i].flags);
	p = COLUMN(p, 16, n, (uint32_t)zigzag(row[i].sysno));
	p = COLUMN(p, 17, n, row[i].arch);
	p = COLUMN(p, 18, n, row[i].via);
	return COLUMN(p, 19, n, row[i].reason);
}

static uint8_t *put_tasks(const struct block *block, uint8_t *p)
{
	const struct task_row *row = rowtab_rows(&block->tasks, struct task_row);
	uint32_t n = block->tasks.count;

	p = COLUMN(p, 20, n, (uint32_t)zigzag(row[i].pid));
	p = COLUMN(p, 21, n, (uint32_t)zigzag(row[i].tid));
	p = COLUMN(p, 22, n, (uint32_t)zigzag(row[i].ppid));
	p = COLUMN(p, 23, n, row[i].comm);
	p = COLUMN(p, 24, n, row[i].exe);
	return COLUMN(p, 25, n, row[i].cgroup);
}

static uint8_t *put_names(const struct block *block, uint8_t *p)
{
	const struct name_row *name = rowtab_rows(&block->names, struct name_row);
	const struct file_row *file = rowtab_rows(&block->files, struct file_row);
	uint32_t names = block->names.count, files = block->files.count;

	p = COLUMN(p, 30, names, name[i].path);
	p = COLUMN(p, 31, names, name[i].base);
	p = COLUMN(p, 32, names, name[i].root);
	p = COLUMN(p, 40, files, file[i].resolved);
	p = COLUMN(p, 41, files, file[i].dev);
	p = COLUMN(p, 42, files, file[i].ino);
	return COLUMN(p, 43, files, file[i].mode);
}

static uint8_t *put_columns(const struct block *block, uint8_t *p)
{
	uint32_t n = block->count;

	p = put_u64(p, 50, block->ts_base);
	p = put_blob(p, 51, block->ts_low, n);
	p = COLUMN(p, 52, n, block->kind[i]);
	p = COLUMN(p, 53, n, block->task[i]);
	p = COLUMN(p, 54, n, block->name[i]);
	p = COLUMN(p, 55, block->any_file ? n : 0, block->file[i]);
	p = COLUMN(p, 56, block->any_ret ? n : 0, zigzag(block->ret[i]));
	p = COLUMN(p, 57, block->any_repeat ? n : 0, block->repeat[i]);
	p = put_blob(p, 58, block->ts_mid, n);
	return COLUMN(p, 59, block->any_ts ? n : 0, block->ts_high[i]);
}

/* No record can be larger: every value at its longest. */
static size_t bound(const struct block *block)
{
	size_t values = block->strings.count + 10 * (size_t)block->kinds.count +
			6 * (size_t)block->tasks.count + 3 * (size_t)block->names.count +
			4 * (size_t)block->files.count + 7 * (size_t)block->count;

	return RECORD_HEAD + block->strings.bytes + values * FORMAT_VARINT_MAX + 64 * FIELD_HEAD;
}

int block_pack(const struct block *block, const struct block_place *place, struct buf *message,
	       size_t *ret_start)
{
	uint8_t *start, *body, *p;
	uint8_t head[RECORD_HEAD], inner[1 + FORMAT_VARINT_MAX];
	size_t size, inner_size, head_size;

	buf_clear(message);
	start = (uint8_t *)buf_reserve(message, bound(block));
	if (!start)
		return -ENOMEM;
	body = p = start + RECORD_HEAD;
	if (place->run) {
		p = put_tag(p, 1, WIRE_FIXED64);
		for (int i = 0; i < 8; i++)
			*p++ = (uint8_t)(place->run >> 8 * i);
	}
	p = put_u64(p, 2, place->backend);
	p = put_u64(p, 3, block->count);
	p = put_u64(p, 6, place->first);
	p = put_strings(block, p);
	p = put_kinds(block, p);
	p = put_tasks(block, p);
	p = put_names(block, p);
	p = put_columns(block, p);

	size = (size_t)(p - body);
	inner[0] = 2 << 3 | WIRE_LENGTH; /* Record.block */
	inner_size = 1 + format_put_varint(inner + 1, size);
	head_size = format_put_varint(head, inner_size + size);
	memcpy(head + head_size, inner, inner_size);
	head_size += inner_size;
	memcpy(body - head_size, head, head_size);
	*ret_start = RECORD_HEAD - head_size;
	message->size = RECORD_HEAD + size;
	return 0;
}
