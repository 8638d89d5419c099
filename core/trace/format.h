/* SPDX-License-Identifier: MIT */
/* What writer and reader share: limits, framing, headers and footers as messages. */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/sink.h>

#include "tkit.pb-c.h"
#include "trace/arena.h"

#define FORMAT_VERSION       1
#define FORMAT_LEVEL_DEFAULT 3
#define FORMAT_VARINT_MAX    10
#define FORMAT_BACKENDS_MAX  64u

/* Limits for readers; a writer stays far below. */
#define FORMAT_FRAME_MAX   (64u << 20) /* bytes of a frame, compressed or not */
#define FORMAT_BLOCK_MAX   (1u << 20)  /* events in a block */
#define FORMAT_RUNS_MAX    65536u      /* runs in one file */
#define FORMAT_HEADERS_MAX (64u << 20) /* bytes of memory for all headers of a file */

/* How blocks and footers name their run: the first 8 bytes of the id, little endian. */
static inline uint64_t format_run_key(const uint8_t id[16])
{
	uint64_t key = 0;

	for (int i = 7; i >= 0; i--)
		key = key << 8 | id[i];
	return key;
}

/* Base-128 number, as protobuf has it. Returns its size, at most FORMAT_VARINT_MAX. */
static inline size_t format_put_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

/* Size of the number read, 0 if it is not whole, -1 if it is no number. */
static inline int format_get_varint(const uint8_t *from, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t n = 0; n < size && n < FORMAT_VARINT_MAX; n++) {
		value |= (uint64_t)(from[n] & 0x7f) << (7 * n);
		if (!(from[n] & 0x80)) {
			*ret_value = value;
			return (int)n + 1;
		}
	}
	return size >= FORMAT_VARINT_MAX ? -1 : 0;
}

/* Fill messages; they borrow from their arguments. 0 or -ENOMEM. */
int format_header(const struct tkit_run_info *run, struct arena *arena, Tkit__Header *pb);
int format_footer(const struct tkit_run_end *end, struct arena *arena, Tkit__Footer *pb);

#endif
