// SPDX-License-Identifier: MIT
#include "trace/rowtab.h"

#include <stdlib.h>
#include <string.h>

void rowtab_init(struct rowtab *table, size_t row_size, uint64_t seed)
{
	*table = (struct rowtab){.row_size = row_size, .seed = seed};
}

void rowtab_done(struct rowtab *table)
{
	free(table->slots);
	free(table->rows);
	rowtab_init(table, table->row_size, table->seed);
}

void rowtab_clear(struct rowtab *table)
{
	if (table->slots)
		memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
	table->count = 0;
	table->last = 0;
}

static uint32_t row_hash(const struct rowtab *table, const void *row)
{
	uint64_t h = table->seed;

	for (size_t i = 0; i < table->row_size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, (const char *)row + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static int grow(struct rowtab *table)
{
	uint32_t slot_count = table->slot_count ? table->slot_count * 2 : 256;
	uint32_t *slots;
	char *rows;

	if (slot_count == 0)
		return -1;
	rows = realloc(table->rows, slot_count / 2 * table->row_size);
	if (!rows)
		return -1;
	table->rows = rows;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return -1;
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t at = row_hash(table, rows + i * table->row_size) & (slot_count - 1);

		while (slots[at])
			at = (at + 1) & (slot_count - 1);
		slots[at] = i + 1;
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	return 0;
}

uint32_t rowtab_add(struct rowtab *table, const void *row)
{
	size_t size = table->row_size;
	uint32_t mask, at;

	if (table->count >= table->slot_count / 2 && grow(table) < 0)
		return ROWTAB_NONE;
	mask = table->slot_count - 1;
	at = row_hash(table, row) & mask;
	for (; table->slots[at]; at = (at + 1) & mask) {
		uint32_t i = table->slots[at] - 1;

		if (rowtab_same(table->rows + i * size, row, size))
			return table->last = i;
	}
	memcpy(table->rows + table->count * size, row, size);
	table->slots[at] = ++table->count;
	return table->last = table->count - 1;
}
