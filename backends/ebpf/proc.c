// SPDX-License-Identifier: MIT
/* Tables of what is remembered about processes: open addressing, linear probing. */
#include <stdlib.h>
#include <string.h>

#include "ebpf.h"

struct text *text_new(struct tkit_bytes bytes)
{
	struct text *text = malloc(sizeof(*text) + bytes.len);

	if (!text)
		return NULL;
	text->refs = 1;
	text->len = bytes.len;
	if (bytes.len)
		memcpy(text->bytes, bytes.ptr, bytes.len);
	return text;
}

struct text *text_ref(struct text *text)
{
	if (text)
		text->refs++;
	return text;
}

void text_unref(struct text *text)
{
	if (text && --text->refs == 0)
		free(text);
}

static size_t home(const struct table *table, uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return (size_t)(key >> 32) & (table->room - 1);
}

static void known_clear(struct known *known)
{
	text_unref(known->cwd);
	text_unref(known->root);
	text_unref(known->exe);
	text_unref(known->exec_base);
	text_unref(known->request);
	memset(known, 0, sizeof(*known));
}

static struct known *slot_of(const struct table *table, uint64_t key)
{
	size_t i = home(table, key);

	while (table->slots[i].key && table->slots[i].key != key)
		i = (i + 1) & (table->room - 1);
	return &table->slots[i];
}

struct known *table_find(const struct table *table, uint64_t key)
{
	struct known *slot = table->room && key ? slot_of(table, key) : NULL;

	return slot && slot->key ? slot : NULL;
}

static bool grow(struct table *table)
{
	struct table bigger = {.room = table->room ? table->room * 2 : 64};

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < table->room; i++)
		if (table->slots[i].key)
			*slot_of(&bigger, table->slots[i].key) = table->slots[i];
	bigger.count = table->count;
	free(table->slots);
	*table = bigger;
	return true;
}

struct known *table_get(struct table *table, uint64_t key)
{
	struct known *slot;

	if (!key || (table->count * 4 >= table->room * 3 && !grow(table)))
		return NULL;
	slot = slot_of(table, key);
	if (!slot->key) {
		slot->key = key;
		table->count++;
	}
	return slot;
}

void table_drop(struct table *table, uint64_t key)
{
	struct known *slot = table_find(table, key);
	size_t hole, i;

	if (!slot)
		return;
	known_clear(slot);
	table->count--;
	/* Close the gap, so that no search stops at it. */
	hole = (size_t)(slot - table->slots);
	for (i = (hole + 1) & (table->room - 1); table->slots[i].key;
	     i = (i + 1) & (table->room - 1)) {
		size_t want = home(table, table->slots[i].key);

		if (((i - want) & (table->room - 1)) >= ((i - hole) & (table->room - 1))) {
			table->slots[hole] = table->slots[i];
			memset(&table->slots[i], 0, sizeof(table->slots[i]));
			hole = i;
		}
	}
}

void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->room; i++)
		if (table->slots[i].key)
			known_clear(&table->slots[i]);
	table->count = 0;
}

void table_done(struct table *table)
{
	table_clear(table);
	free(table->slots);
	*table = (struct table){0};
}
