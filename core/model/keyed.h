/* SPDX-License-Identifier: MIT */
/*
 * A growing array of fixed-size items that can be found by the 64-bit words at their
 * start. Items move when it grows: keep indexes, not pointers.
 */
#ifndef MODEL_KEYED_H
#define MODEL_KEYED_H

#include <stddef.h>
#include <stdint.h>

struct keyed_slot {
	uint32_t item; /* index + 1, 0 = free */
	uint32_t hash;
};

struct keyed {
	unsigned char *items;
	struct keyed_slot *slots;
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

/* A key's hash; `words` is the table's, best as a constant. */
static inline uint32_t keyed_hash(const struct keyed *table, const uint64_t *key, size_t words)
{
	uint64_t h = table->seed;

#pragma GCC unroll 4
	for (size_t i = 0; i < words; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/*
 * For many keys in a row: fetch the slots of all, then their items, and only then get them, so
 * that the memory of all is waited for at the same time.
 */
static inline void keyed_fetch_slot(const struct keyed *table, uint32_t hash)
{
	if (table->slot_count)
		__builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

/* Returns what is mostly the item: its index + 1; 0: there is none with this hash. */
uint32_t keyed_fetch_item(const struct keyed *table, uint32_t hash);

/* keyed_get() with the key's hash at hand, and what keyed_fetch_item() said, or 0. */
void *keyed_get_fetched(struct keyed *table, const uint64_t *key, uint32_t hash, uint32_t fetched,
			int *ret_new);

static inline void *keyed_at(const struct keyed *table, uint32_t index)
{
	return table->items + (size_t)index * table->item_size;
}

#endif
