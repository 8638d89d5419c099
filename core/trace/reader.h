/* SPDX-License-Identifier: MIT */
/* Inside the reader of traces: reader.c goes through the file, reader_record.c takes its records.
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include <tkit/trace.h>

#include "trace/decode.h"
#include "trace/frames.h"
#include "trace/record.h"
#include "trace/rows_reader.h"
#include "trace/runlist.h"

struct tkit_trace_reader {
	struct tkit_ctx *ctx;
	char *name;
	struct frames frames;
	struct frame *frame; /* the one at hand; NULL before the first */
	bool checked;        /* how it starts */
	bool started;        /* the first record was read: it is a trace */
	size_t at;           /* next record in the frame */
	uint64_t record_offset;

	struct record *record; /* the latest: the frame's first, or `other` */
	struct record other;
	struct decode_block block;
	bool in_block;
	uint32_t block_run;
	uint64_t block_number; /* blocks met so far */
	struct decode_rows *row_buffer;
	struct tkit_event *events;
	bool want_rows, has_rows;
	struct trace_rows rows;
	struct tkit_batch batch;

	struct runlist list;
	uint32_t unfooted; /* at the end of the file: next run to look at */
	bool at_end;

	bool ready; /* `item` is to be handed out next, behind the damage before it */
	struct tkit_trace_item item;
	bool damage; /* found, but not handed out yet */
	struct tkit_trace_item damage_item;
};

/* No damage waits to be handed out. */
void reader_no_damage(struct tkit_trace_reader *reader);

/* Records damage; damage that has not been handed out yet becomes part of it. */
void reader_damage(struct tkit_trace_reader *reader, uint64_t offset, uint64_t bytes,
		   const char *text);

/* The item is handed out next, behind the damage before it. */
void reader_give(struct tkit_trace_reader *reader, const struct tkit_trace_item *item);

/* Deals with the record that was read. 0 or -errno. */
int reader_record(struct tkit_trace_reader *reader);

#endif
