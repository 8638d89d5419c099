// SPDX-License-Identifier: MIT
#include "trace/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define ARENA_FIRST (64u * 1024)
#define ARENA_ALIGN 16u

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t room;
	_Alignas(16) char data[];
};

static struct arena_chunk *chunk_new(struct arena *arena, size_t room)
{
	struct arena_chunk *chunk;

	if (arena->limit && (arena->total > arena->limit || room > arena->limit - arena->total))
		return NULL;
	chunk = malloc(sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->next = arena->chunks;
	chunk->used = 0;
	chunk->room = room;
	arena->chunks = chunk;
	arena->total += room;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!chunk || chunk->room - chunk->used < size) {
		size_t room = chunk ? chunk->room : ARENA_FIRST;

		chunk = chunk_new(arena, room > size ? room : size);
		if (!chunk)
			return NULL;
	}
	p = chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

static void free_chunks(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->total = 0;
}

void arena_reset(struct arena *arena)
{
	size_t total = arena->total;

	if (!arena->chunks)
		return;
	if (!arena->chunks->next) {
		arena->chunks->used = 0;
		return;
	}
	/* One chunk for as much as was needed: soon there is always just one. */
	free_chunks(arena);
	chunk_new(arena, total);
}

void arena_done(struct arena *arena)
{
	free_chunks(arena);
}
