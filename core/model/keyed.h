/* SPDX-License-Identifier: MIT */
/*
 * A growing array of fixed-size items that can be found by the 64-bit words at their
 * start. Items move when it grows: keep indexes, not pointers.
 */
#ifndef MODEL_KEYED_H
#define MODEL_KEYED_H

#include <stddef.h>
#include <stdint.h>

struct keyed {
	unsigned char *items;
	uint32_t *slots; /* index + 1, 0 = free */
	size_t item_size;
	size_t key_words;
	uint64_t seed;
	uint32_t slot_count; /* power of two */
	uint32_t count;
	uint32_t room;
};

void keyed_init(struct keyed *table, size_t item_size, size_t key_words);
void keyed_done(struct keyed *table);

/* The item with that key; added, zero behind the key, if it is new (*ret_new). NULL: no memory. */
void *keyed_get(struct keyed *table, const uint64_t *key, int *ret_new);

static inline void *keyed_at(const struct keyed *table, uint32_t index)
{
	return table->items + (size_t)index * table->item_size;
}

#endif
