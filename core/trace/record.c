// SPDX-License-Identifier: MIT
#include "trace/record.h"

#include <errno.h>
#include <stdbool.h>

#include "trace/decode.h"
#include "trace/format.h"
#include "trace/wire.h"

/* Unpacked, a hostile record can take 20 times its size. */
#define RECORD_MEMORY_MAX ((size_t)512 << 20)

static void *record_alloc(void *data, size_t size)
{
	return arena_alloc(data, size);
}

static void record_free(void *data, void *p)
{
}

void record_init(struct record *record)
{
	*record = (struct record){.memory = ARENA_INIT(RECORD_MEMORY_MAX)};
	record->allocator = (ProtobufCAllocator){
		.alloc = record_alloc, .free = record_free, .allocator_data = &record->memory};
}

void record_done(struct record *record)
{
	arena_done(&record->memory);
}

/* The block of a record that holds one and nothing else. */
static bool is_block(const uint8_t *data, size_t size, struct tkit_bytes *ret_block)
{
	uint64_t tag = 0, length = 0;
	int n = format_get_varint(data, size, &tag), m;

	if (n <= 0 || tag != (2u << 3 | WIRE_LENGTH))
		return false;
	m = format_get_varint(data + n, size - (size_t)n, &length);
	if (m <= 0 || length != size - (size_t)n - (size_t)m)
		return false;
	*ret_block = (struct tkit_bytes){(const char *)data + n + m, (size_t)length};
	return true;
}

int record_unpack(struct record *record, const uint8_t *data, size_t size)
{
	struct tkit_bytes block;

	arena_reset(&record->memory);
	record->message = NULL;
	record->kind = TKIT__RECORD__KIND_BLOCK;
	if (is_block(data, size, &block))
		return block_unpack((const uint8_t *)block.ptr, block.len, &record->memory,
				    &record->block);
	record->message = tkit__record__unpack(&record->allocator, size, data);
	if (!record->message)
		return -EBADMSG;
	record->kind = record->message->kind_case;
	if (record->kind == TKIT__RECORD__KIND_BLOCK)
		record->block = *record->message->block; /* with fields of a later tkit */
	return 0;
}
