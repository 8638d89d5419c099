/* SPDX-License-Identifier: MIT */
/* From messages back to the structs of the public headers. Messages are untrusted. */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/sink.h>

#include "tkit.pb-c.h"
#include "trace/arena.h"

#define DECODE_SLICE 1024u /* events handed out at once */

/* A block that was checked, and how far its events were handed out. */
struct decode_block {
	const Tkit__Block *pb;
	const struct tkit_bytes *strings;
	const struct tkit_event *kinds; /* events with what their kind tells */
	uint32_t *file_of_name;         /* as in the writer: file row + 1, 0 = none yet */
	uint32_t at;                    /* next event */
	uint32_t names_seen, files_seen;
	uint64_t ts;
};

#define DECODE_NO_FILE UINT32_MAX

/* One event as the block has it: numbers of rows in its tables, and what is its own. */
struct decode_rows {
	uint32_t kind;
	uint32_t task;
	uint32_t name;
	uint32_t file; /* DECODE_NO_FILE: it has none */
	uint64_t ts_ns;
	int64_t ret;
	uint64_t count;
};

/*
 * Fills a message from its packed form: as tkit__block__unpack(), but faster, and memory is
 * spent on what is there only. Borrows from data and arena. 0, -EBADMSG, -ENOMEM.
 */
int block_unpack(const uint8_t *data, size_t size, struct arena *arena, Tkit__Block *pb);

/*
 * Checks the tables of a block and readies it. 0, -EBADMSG if it makes no sense, -ENOMEM.
 * Borrows from pb and arena.
 */
int decode_block_start(struct decode_block *block, const Tkit__Block *pb, struct arena *arena);

/*
 * Next events, at most DECODE_SLICE, into `rows`. Their number, 0 at the block's end,
 * -EBADMSG if the columns make no sense from here on.
 */
int decode_block_next(struct decode_block *block, struct decode_rows *rows);

/* The event of these rows. Its strings are those of the block. */
void decode_block_event(const struct decode_block *block, const struct decode_rows *rows,
			struct tkit_event *event);

/* The same, but only what tkit_event_abs() asks for. */
void decode_block_name(const struct decode_block *block, const struct decode_rows *rows,
		       struct tkit_event *event);

/* Copies into `arena`. 0 or -ENOMEM. */
int decode_header(const Tkit__Header *pb, struct arena *arena, struct tkit_run_info *info);

/* 0, -EBADMSG, -ENOMEM. */
int decode_footer(const Tkit__Footer *pb, struct arena *arena, struct tkit_run_end *end);

#endif
