/* SPDX-License-Identifier: MIT */
/*
 * A block under construction: tables of distinct strings, kinds, tasks, names and files,
 * and a column per event that refers to them (proto/tkit.proto). One per backend of a run.
 */
#ifndef TRACE_BLOCK_H
#define TRACE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/event.h>

#include "trace/rowtab.h"
#include "util/buf.h"
#include "util/intern.h"

#define BLOCK_EVENTS_DEFAULT 65536u
#define BLOCK_EVENTS_MAX     65536u
#define BLOCK_STRING_BYTES   (1u << 20) /* of all strings; the event that reaches it is the last */
#define BLOCK_STRING_MAX     (256u * 1024) /* of one string; no kernel path is longer */

struct block_recent {
	struct tkit_bytes text; /* in `strings` */
	uint32_t id;
};

enum { BLOCK_PATH, BLOCK_BASE, BLOCK_ROOT, BLOCK_RESOLVED, BLOCK_COMM, BLOCK_EXE, BLOCK_FIELDS };

struct block {
	struct intern strings;
	struct block_recent recent[BLOCK_FIELDS]; /* what the field was in the event before */
	struct rowtab kinds, tasks, names, files;
	uint32_t *file_of_name; /* by name row; file row + 1, 0 = none yet */
	uint32_t name_room;     /* entries in file_of_name */
	uint32_t *name_of_path; /* by string; the latest name row with that path + 1 */
	uint32_t path_room;     /* entries in name_of_path */
	uint32_t paths;         /* ... of which are set */
	uint32_t names_seen, files_seen;

	uint32_t limit; /* most events */
	uint32_t count;
	uint64_t ts_base, ts_last;
	uint64_t ts_mask; /* of the bits of a time that are kept */
	uint8_t *ts_low, *ts_mid;
	uint64_t *ts_high;
	uint32_t *kind, *task, *name, *file;
	int64_t *ret;
	uint64_t *repeat;
	bool any_ts, any_file, any_ret, any_repeat; /* the column is not all 0 */
};

/* `limit`: most events; `time_step`: a power of 2, 0 = 1. 0 or -ENOMEM. */
int block_init(struct block *block, uint32_t limit, uint32_t time_step);
void block_done(struct block *block);
void block_clear(struct block *block); /* keeps the memory */

/* Adds one event. 0, or -ENOMEM: the block is then good for block_clear() only. */
int block_add(struct block *block, const struct tkit_event *event);

/* The block must go out before the next event. */
static inline bool block_full(const struct block *block)
{
	return block->count >= block->limit || block->strings.bytes >= BLOCK_STRING_BYTES;
}

/* Whose block it is. */
struct block_place {
	uint64_t run; /* key of the run */
	uint32_t backend;
	uint64_t first; /* events in the run's earlier blocks */
};

/*
 * Makes a length-delimited Record of the block in `message`, what was in there is gone: it goes
 * from *ret_start to the end. 0 or -ENOMEM.
 */
int block_pack(const struct block *block, const struct block_place *place, struct buf *message,
	       size_t *ret_start);

#endif
