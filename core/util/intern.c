// SPDX-License-Identifier: MIT
#include "util/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/bytes.h"

#define CHUNK_SIZE (256u * 1024)

struct intern_chunk {
	struct intern_chunk *next;
	size_t used;
	size_t room;
	char data[];
};

void intern_init(struct intern *table)
{
	*table = (struct intern){0};
	/* A short read leaves a weaker seed, never a wrong table. */
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
}

void intern_done(struct intern *table)
{
	while (table->chunks) {
		struct intern_chunk *next = table->chunks->next;

		free(table->chunks);
		table->chunks = next;
	}
	free(table->slots);
	free(table->strs);
	*table = (struct intern){0};
}

void intern_clear(struct intern *table)
{
	/* Keep one ordinary chunk; the rest was for an unusually large table. */
	while (table->chunks && (table->chunks->next || table->chunks->room != CHUNK_SIZE)) {
		struct intern_chunk *next = table->chunks->next;

		free(table->chunks);
		table->chunks = next;
	}
	if (table->chunks)
		table->chunks->used = 0;
	if (table->slots)
		memset(table->slots, 0, table->slot_count * sizeof(*table->slots));
	table->count = 0;
	table->bytes = 0;
}

static int grow(struct intern *table)
{
	uint32_t slot_count = table->slot_count ? table->slot_count * 2 : 1024;
	uint32_t room = slot_count / 2, mask = slot_count - 1;
	struct intern_slot *slots;
	struct tkit_bytes *strs;

	if (slot_count == 0)
		return -1;
	strs = realloc(table->strs, room * sizeof(*strs));
	if (strs)
		table->strs = strs;
	slots = calloc(slot_count, sizeof(*slots));
	if (!strs || !slots) {
		free(slots);
		return -1;
	}
	for (uint32_t i = 0; i < table->slot_count; i++) {
		uint32_t at = table->slots[i].hash & mask;

		if (!table->slots[i].id)
			continue;
		while (slots[at].id)
			at = (at + 1) & mask;
		slots[at] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	table->room = room;
	return 0;
}

static char *store(struct intern *table, struct tkit_bytes text)
{
	struct intern_chunk *chunk = table->chunks;
	char *p;

	if (!chunk || chunk->room - chunk->used < text.len) {
		size_t room = text.len > CHUNK_SIZE ? text.len : CHUNK_SIZE;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->used = 0;
		chunk->room = room;
		chunk->next = table->chunks;
		table->chunks = chunk;
	}
	p = chunk->data + chunk->used;
	if (text.len)
		memcpy(p, text.ptr, text.len);
	chunk->used += text.len;
	return p;
}

/* Slot of `text`: where it is, or the free slot where it belongs. */
static struct intern_slot *find_slot(const struct intern *table, struct tkit_bytes text,
				     uint32_t hash)
{
	uint32_t mask = table->slot_count - 1;
	uint32_t at = hash & mask;

	while (table->slots[at].id) {
		if (table->slots[at].hash == hash &&
		    bytes_eq(table->strs[table->slots[at].id - 1], text))
			break;
		at = (at + 1) & mask;
	}
	return &table->slots[at];
}

uint32_t intern_hash(const struct intern *table, struct tkit_bytes text)
{
	return (uint32_t)bytes_hash(text, table->seed);
}

uint32_t intern_find(const struct intern *table, struct tkit_bytes text)
{
	if (!table->slot_count)
		return INTERN_NONE;
	/* 0 - 1 is INTERN_NONE */
	return find_slot(table, text, intern_hash(table, text))->id - 1;
}

static uint32_t add_hashed(struct intern *table, struct tkit_bytes text, uint32_t hash,
			   int *ret_new)
{
	struct intern_slot *slot;
	char *p;

	if (ret_new)
		*ret_new = 0;
	if (table->slot_count) {
		slot = find_slot(table, text, hash);
		if (slot->id)
			return slot->id - 1;
	}
	if (table->count == table->room) {
		if (grow(table) < 0)
			return INTERN_NONE;
	}
	p = store(table, text);
	if (!p)
		return INTERN_NONE;
	slot = find_slot(table, text, hash);
	table->strs[table->count] = BYTES(p, text.len);
	*slot = (struct intern_slot){.id = ++table->count, .hash = hash};
	table->bytes += text.len;
	if (ret_new)
		*ret_new = 1;
	return table->count - 1;
}

void intern_fetch_slot(const struct intern *table, uint32_t hash)
{
	if (table->slot_count)
		__builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

uint32_t intern_look(const struct intern *table, uint32_t hash)
{
	uint32_t mask = table->slot_count - 1, at = hash & mask, id;

	if (!table->slot_count)
		return INTERN_NONE;
	while (table->slots[at].id && table->slots[at].hash != hash)
		at = (at + 1) & mask;
	id = table->slots[at].id - 1; /* 0 - 1 is INTERN_NONE */
	if (id != INTERN_NONE)
		__builtin_prefetch(&table->strs[id]);
	return id;
}

void intern_fetch_text(const struct intern *table, uint32_t id)
{
	struct tkit_bytes text;

	if (id == INTERN_NONE)
		return;
	text = table->strs[id];
	for (size_t i = 0; i < text.len && i < 256; i += 64)
		__builtin_prefetch(text.ptr + i);
	if (text.len)
		__builtin_prefetch(text.ptr + text.len - 1);
}

uint32_t intern_add_looked(struct intern *table, struct tkit_bytes text, uint32_t hash,
			   uint32_t looked)
{
	if (looked != INTERN_NONE && bytes_eq(table->strs[looked], text))
		return looked;
	return add_hashed(table, text, hash, NULL);
}

uint32_t intern_add(struct intern *table, struct tkit_bytes text, int *ret_new)
{
	return add_hashed(table, text, intern_hash(table, text), ret_new);
}
