/* SPDX-License-Identifier: MIT */
/*
 * What the rows of a block's tables mean for the model's cells: worked out once for each block.
 * Names are looked up many at a time, see intern_look().
 */
#ifndef MODEL_LEARN_H
#define MODEL_LEARN_H

#include "model/rows.h"

#define LEARN_ROWS 256 /* rows that are learned together, at most */

struct row_kind {
	bool known;
	bool plain; /* an access that is counted without a look at the event */
	bool resolves;
	bool has_exe, has_inode, has_ts;
	uint32_t name_bits;           /* of a name, with this kind; never 0 */
	struct cell cell;             /* of an access of this kind */
	uint64_t key[CELL_KEY_WORDS]; /* of that cell */
};

struct row_name {
	uint32_t bits; /* of the kind with which it was worked out; 0 = not yet */
	uint32_t path; /* name id; INTERN_NONE: it has none */
};

struct row_file {
	uint32_t resolved; /* name id; INTERN_NONE: it has none */
	bool known;
	bool counts; /* `resolved` is part of the cell's key */
	bool directory;
};

struct row_task {
	uint32_t exe; /* name id */
	bool known;
};

/* Readies the cache for the block of `rows`. 0 or -ENOMEM. */
int learn_block(struct row_cache *cache, const struct trace_rows *rows);

/*
 * The kinds of some rows and, where they are plain, their names and files. Returns for how many,
 * at least one and at most LEARN_ROWS; -ENOMEM.
 */
int learn_rows(struct model_builder *b, struct row_cache *cache, const struct trace_rows *rows,
	       const struct decode_rows *row, uint32_t count);

/* 0 or -ENOMEM. */
int learn_task(struct model_builder *b, struct row_task *task, const struct decode_block *block,
	       uint32_t row);

#endif
