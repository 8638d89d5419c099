/* SPDX-License-Identifier: MIT */
/*
 * Accesses straight from the rows of a trace's blocks: what a kind, a name, a file and a task
 * mean for a cell is worked out once for each block, so that an access that was seen before
 * costs one look into the table of cells.
 */
#ifndef MODEL_ROWS_H
#define MODEL_ROWS_H

#include "model/builder.h"
#include "trace/rows_reader.h"

/* Accesses that wait to be counted together: their memory is fetched all at once. */
#define ROWS_AT_ONCE 32

/* What is known of the rows of one block. All zero at first. */
struct row_cache {
	struct row_waiting *waiting;
	uint32_t waiting_count;
	struct lessons *lessons;
	uint64_t block_number; /* 0 = none */
	struct row_kind *kinds;
	struct row_name *names;
	struct row_file *files;
	struct row_task *tasks;
	size_t kind_room, name_room, file_room, task_room;
};

void row_cache_done(struct row_cache *cache);

/* Adds all events of `rows` to the run. The cache is of one file and one builder. */
int model_builder_add_rows(struct model_builder *builder, struct row_cache *cache, uint32_t run,
			   const struct trace_rows *rows, struct err *err);

#endif
