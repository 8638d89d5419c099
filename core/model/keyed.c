// SPDX-License-Identifier: MIT
#include "model/keyed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void keyed_init(struct keyed *table, size_t item_size, size_t key_words)
{
	*table = (struct keyed){.item_size = item_size, .key_words = key_words};
	/* A short read leaves a weaker seed, never a wrong table. */
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
}

void keyed_done(struct keyed *table)
{
	free(table->items);
	free(table->slots);
	*table = (struct keyed){0};
}

static uint32_t hash_key(const struct keyed *table, const uint64_t *key)
{
	uint64_t h = table->seed;

	for (size_t i = 0; i < table->key_words; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* Returns the slot of the key: where it is, or the free one where it belongs. */
static uint32_t find_slot(const struct keyed *table, const uint64_t *key)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = hash_key(table, key) & mask;

	while (table->slots[at] && memcmp(keyed_at(table, table->slots[at] - 1), key,
					  table->key_words * sizeof(*key)) != 0)
		at = (at + 1) & mask;
	return at;
}

static int grow(struct keyed *table)
{
	uint32_t slot_count = table->slot_count ? table->slot_count * 2 : 512;
	uint32_t room = slot_count / 2;
	unsigned char *items;
	uint32_t *slots;

	if (slot_count == 0)
		return -1;
	items = realloc(table->items, (size_t)room * table->item_size);
	if (items)
		table->items = items;
	slots = calloc(slot_count, sizeof(*slots));
	if (!items || !slots) {
		free(slots);
		return -1;
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	table->room = room;
	for (uint32_t i = 0; i < table->count; i++)
		slots[find_slot(table, keyed_at(table, i))] = i + 1;
	return 0;
}

void *keyed_get(struct keyed *table, const uint64_t *key, int *ret_new)
{
	unsigned char *item;
	uint32_t at;

	*ret_new = 0;
	if (table->slot_count) {
		at = find_slot(table, key);
		if (table->slots[at])
			return keyed_at(table, table->slots[at] - 1);
	}
	if (table->count == table->room && grow(table) < 0)
		return NULL;
	at = find_slot(table, key);
	item = keyed_at(table, table->count);
	memcpy(item, key, table->key_words * sizeof(*key));
	memset(item + table->key_words * sizeof(*key), 0,
	       table->item_size - table->key_words * sizeof(*key));
	table->slots[at] = ++table->count;
	*ret_new = 1;
	return item;
}
