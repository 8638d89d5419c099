// SPDX-License-Identifier: MIT
#include "model/keyed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/bigmem.h"

void keyed_init(struct keyed *table, size_t item_size, size_t key_words)
{
	*table = (struct keyed){.item_size = item_size, .key_words = key_words};
	/* A short read leaves a weaker seed, never a wrong table. */
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
}

void keyed_done(struct keyed *table)
{
	bigmem_free(table->items, (size_t)table->room * table->item_size);
	bigmem_free(table->slots, table->slot_count * sizeof(*table->slots));
	*table = (struct keyed){0};
}

static inline bool same_words(const unsigned char *item, const uint64_t *key, size_t words)
{
	uint64_t word, differ = 0;

	for (size_t i = 0; i < words; i++) {
		memcpy(&word, item + i * sizeof(word), sizeof(word));
		differ |= word ^ key[i];
	}
	return !differ;
}

static inline bool same_key(const struct keyed *table, uint32_t index, const uint64_t *key)
{
	const unsigned char *item = keyed_at(table, index);

	/* Those that are looked for most have four. */
	return table->key_words == 4 ? same_words(item, key, 4)
				     : same_words(item, key, table->key_words);
}

/* Returns the slot of the key: where it is, or the free one where it belongs. */
static struct keyed_slot *find_slot(const struct keyed *table, const uint64_t *key, uint32_t hash)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = hash & mask;

	while (table->slots[at].item &&
	       (table->slots[at].hash != hash || !same_key(table, table->slots[at].item - 1, key)))
		at = (at + 1) & mask;
	return &table->slots[at];
}

static int grow(struct keyed *table)
{
	uint32_t slot_count = table->slot_count ? table->slot_count * 2 : 512;
	uint32_t room = slot_count / 4 * 3, mask = slot_count - 1;
	struct keyed_slot *slots;
	unsigned char *items;

	if (slot_count == 0)
		return -1;
	slots = bigmem_zeroed(slot_count * sizeof(*slots));
	if (!slots)
		return -1;
	items = bigmem_grow(table->items, (size_t)table->room * table->item_size,
			    (size_t)room * table->item_size);
	if (!items) {
		bigmem_free(slots, slot_count * sizeof(*slots));
		return -1;
	}
	table->items = items;
	table->room = room;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		uint32_t at = table->slots[i].hash & mask;

		if (!table->slots[i].item)
			continue;
		while (slots[at].item)
			at = (at + 1) & mask;
		slots[at] = table->slots[i];
	}
	bigmem_free(table->slots, table->slot_count * sizeof(*slots));
	table->slots = slots;
	table->slot_count = slot_count;
	return 0;
}

uint32_t keyed_fetch_item(const struct keyed *table, uint32_t hash)
{
	uint32_t mask = table->slot_count - 1, at = hash & mask, index;
	const char *item;

	if (!table->slot_count)
		return 0;
	/* The first one with this hash is mostly it, and it is mostly where the hash says. */
	while (table->slots[at].item && table->slots[at].hash != hash)
		at = (at + 1) & mask;
	index = table->slots[at].item;
	if (!index)
		return 0;
	item = keyed_at(table, index - 1);
	for (size_t i = 0; i < table->item_size; i += 64)
		__builtin_prefetch(item + i, 1);
	return index;
}

void *keyed_get(struct keyed *table, const uint64_t *key, int *ret_new)
{
	return keyed_get_fetched(table, key, keyed_hash(table, key, table->key_words), 0, ret_new);
}

void *keyed_get_fetched(struct keyed *table, const uint64_t *key, uint32_t hash, uint32_t fetched,
			int *ret_new)
{
	struct keyed_slot *slot;
	unsigned char *item;

	*ret_new = 0;
	if (fetched && same_key(table, fetched - 1, key))
		return keyed_at(table, fetched - 1);
	if (table->slot_count) {
		slot = find_slot(table, key, hash);
		if (slot->item)
			return keyed_at(table, slot->item - 1);
	}
	if (table->count == table->room && grow(table) < 0)
		return NULL;
	slot = find_slot(table, key, hash);
	item = keyed_at(table, table->count);
	memcpy(item, key, table->key_words * sizeof(*key));
	memset(item + table->key_words * sizeof(*key), 0,
	       table->item_size - table->key_words * sizeof(*key));
	*slot = (struct keyed_slot){.item = ++table->count, .hash = hash};
	*ret_new = 1;
	return item;
}
