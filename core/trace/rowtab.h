/* SPDX-License-Identifier: MIT */
/*
 * Distinct rows: each distinct fixed-size record gets the next number. Rows are whole
 * 64-bit words without padding, because they are hashed and compared as such.
 */
#ifndef TRACE_ROWTAB_H
#define TRACE_ROWTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* `size` is best a constant: a few compares of words then, without a call. */
static inline bool rowtab_same(const void *a, const void *b, size_t size)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t x, y;

		memcpy(&x, (const char *)a + i, sizeof(x));
		memcpy(&y, (const char *)b + i, sizeof(y));
		differ |= x ^ y;
	}
	return !differ;
}

/* The same for rows that are mostly like the one before. */
static inline uint32_t rowtab_add_alike(struct rowtab *table, const void *row, size_t size)
{
	if (table->count && rowtab_same(table->rows + table->last * size, row, size))
		return table->last;
	return rowtab_add(table, row);
}

#endif
