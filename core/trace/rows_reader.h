/* SPDX-License-Identifier: MIT */
/*
 * Reading a trace without making an event of each record: for the model, which asks the same
 * few questions of rows that come again and again.
 */
#ifndef TRACE_ROWS_READER_H
#define TRACE_ROWS_READER_H

#include <tkit/trace.h>

#include "trace/decode.h"

/* The events of a TKIT_TRACE_BATCH item. Until the next call of tkit_trace_reader_next(). */
struct trace_rows {
	const struct decode_block *block;
	uint64_t
		block_number; /* in the file, from 1: what is known of rows is good for the block */
	const struct decode_rows *rows;
	uint32_t count;
};

/* From now on batches come as rows; their `events` are NULL. */
void trace_reader_want_rows(struct tkit_trace_reader *reader);

/* NULL: the latest item has events, because it was read before rows were wanted. */
const struct trace_rows *trace_reader_rows(const struct tkit_trace_reader *reader);

#endif
