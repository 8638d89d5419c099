/* SPDX-License-Identifier: MIT */
/*
 * Distinct rows: each distinct fixed-size record gets the next number. Rows must have no
 * padding, because they are compared as bytes.
 */
#ifndef TRACE_ROWTAB_H
#define TRACE_ROWTAB_H

#include <stddef.h>
#include <stdint.h>

#define ROWTAB_NONE UINT32_MAX

struct rowtab {
	uint32_t *slots; /* open addressing; row + 1, 0 = free */
	char *rows;
	size_t row_size;
	uint64_t seed; /* rows come from the traced program: no chosen collisions */
	uint32_t slot_count;
	uint32_t count;
	uint32_t last; /* row of the call before */
};

void rowtab_init(struct rowtab *table, size_t row_size, uint64_t seed);
void rowtab_done(struct rowtab *table);
void rowtab_clear(struct rowtab *table); /* keeps the memory */

/* Number of `row`, added if new. ROWTAB_NONE when memory is short. */
uint32_t rowtab_add(struct rowtab *table, const void *row);

/* All rows; NULL if there are none. */
#define rowtab_rows(table, type) ((const type *)(const void *)(table)->rows)

#endif
