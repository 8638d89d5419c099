/* SPDX-License-Identifier: MIT */
/*
 * Interning: each distinct byte string gets a small number, in order of arrival from 0.
 * The strings live in chunks that never move, so a returned tkit_bytes stays valid until
 * intern_clear() or intern_done().
 */
#ifndef UTIL_INTERN_H
#define UTIL_INTERN_H

#include <stdint.h>

#include <tkit/event.h>

#define INTERN_NONE UINT32_MAX

struct intern_chunk;

struct intern_slot {
	uint32_t id;   /* + 1, 0 = free */
	uint32_t hash; /* its lower half: most strings that differ are told apart here */
};

struct intern {
	struct intern_slot *slots; /* open addressing */
	struct tkit_bytes *strs;   /* by id */
	struct intern_chunk *chunks;
	uint64_t seed;
	uint32_t slot_count; /* power of two */
	uint32_t count;
	uint32_t room;
	size_t bytes; /* sum of the strings' lengths */
};

void intern_init(struct intern *table); /* seeds from getrandom(2) */
void intern_done(struct intern *table);
void intern_clear(struct intern *table); /* forgets all, keeps the memory */

/* Id of `text`, added if new (*ret_new, may be NULL). INTERN_NONE when memory is short. */
uint32_t intern_add(struct intern *table, struct tkit_bytes text, int *ret_new);

/* Id of `text` or INTERN_NONE if it is not there. */
uint32_t intern_find(const struct intern *table, struct tkit_bytes text);

/*
 * For many strings at once, so that the memory of all is waited for at the same time: hash all and
 * fetch their slots; look() for all; fetch what was found; and only then add all.
 */
uint32_t intern_hash(const struct intern *table, struct tkit_bytes text);
void intern_fetch_slot(const struct intern *table, uint32_t hash);
/* The id that it mostly is, or INTERN_NONE. */
uint32_t intern_look(const struct intern *table, uint32_t hash);
void intern_fetch_text(const struct intern *table, uint32_t id);
/* intern_add() with the text's hash at hand, and what intern_look() said, or INTERN_NONE. */
uint32_t intern_add_looked(struct intern *table, struct tkit_bytes text, uint32_t hash,
			   uint32_t looked);

static inline struct tkit_bytes intern_get(const struct intern *table, uint32_t id)
{
	return table->strs[id];
}

#endif
