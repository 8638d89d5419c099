/* SPDX-License-Identifier: MIT */
/*
 * Memory for many objects that die together. After a reset the next round of the same
 * size needs no malloc.
 */
#ifndef TRACE_ARENA_H
#define TRACE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t total;               /* bytes in all chunks */
	size_t limit;               /* most bytes in all chunks; 0 = none */
};

#define ARENA_INIT(max)        \
	{                      \
		.limit = (max) \
	}

/* Not cleared, aligned for any type. NULL when memory is short or the limit is reached. */
void *arena_alloc(struct arena *arena, size_t size);

/* Forgets all objects. */
void arena_reset(struct arena *arena);
void arena_done(struct arena *arena);

#endif
