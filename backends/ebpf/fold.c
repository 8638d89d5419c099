// SPDX-License-Identifier: MIT
/*
 * What the kernel counts instead of telling it again (fold.bpf.h): each event whose record has a
 * key is kept, and told once more with the count of its repeats and the time of the last one.
 */
#include <stdlib.h>
#include <string.h>

#include "ebpf.h"

struct folded {
	struct ebpf_fold_key key;
	struct tkit_event event;
	char text[]; /* its strings */
};

/* The slot of the key, or the free one where it belongs. Keys are as good as random. */
static struct folded **fold_slot(const struct fold_table *table, const struct ebpf_fold_key *key)
{
	size_t at = key->a & (table->room - 1);

	while (table->slots[at] && memcmp(&table->slots[at]->key, key, sizeof(*key)) != 0)
		at = (at + 1) & (table->room - 1);
	return &table->slots[at];
}

static bool fold_grow(struct fold_table *table)
{
	struct fold_table bigger = {.room = table->room ? table->room * 2 : 1024,
				    .count = table->count};

	bigger.slots = calloc(bigger.room, sizeof(struct folded *));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < table->room; i++)
		if (table->slots[i])
			*fold_slot(&bigger, &table->slots[i]->key) = table->slots[i];
	free(table->slots);
	*table = bigger;
	return true;
}

static void fold_clear(struct fold_table *table)
{
	for (size_t i = 0; i < table->room; i++)
		free(table->slots[i]);
	free(table->slots);
	*table = (struct fold_table){0};
}

static void fold_copy(struct tkit_bytes *to, const struct tkit_bytes *from, char **at)
{
	if (from->len)
		memcpy(*at, from->ptr, from->len);
	*to = (struct tkit_bytes){*at, from->len};
	*at += from->len;
}

/* Keeps what was told of the record that is being read. Without memory its repeats are lost, and
 * counted. */
void fold_keep(struct ebpf *e, const struct tkit_event *event)
{
	const struct ebpf_event *ev = e->folding;
	struct fold_table *table = &e->fold.tables[!!(ev->bits & EBPF_E_FOLD_ODD)];
	struct folded *folded;
	struct folded **slot;
	char *at;

	e->folding = NULL; /* there is one event to a key */
	if (2 * table->count >= table->room && !fold_grow(table))
		return;
	slot = fold_slot(table, &ev->fold);
	if (*slot) /* told by two threads at one time */
		return;
	folded = malloc(sizeof(*folded) + event->path.len + event->base.len + event->root.len +
			event->resolved.len + event->comm.len + event->exe.len);
	if (!folded)
		return;
	folded->key = ev->fold;
	folded->event = *event;
	at = folded->text;
	fold_copy(&folded->event.path, &event->path, &at);
	fold_copy(&folded->event.base, &event->base, &at);
	fold_copy(&folded->event.root, &event->root, &at);
	fold_copy(&folded->event.resolved, &event->resolved, &at);
	fold_copy(&folded->event.comm, &event->comm, &at);
	fold_copy(&folded->event.exe, &event->exe, &at);
	*slot = folded;
	table->count++;
}

/*
 * Repeats have the time of the tick in which they happened, which may have begun before the first
 * one was told.
 */
static void not_before_first(const struct fold_table *table, struct fold_counted *counted)
{
	const struct folded *folded = table->room ? *fold_slot(table, &counted->key) : NULL;

	if (folded && counted->value.last < folded->event.ts_ns)
		counted->value.last = folded->event.ts_ns;
}

static int by_time(const void *a, const void *b)
{
	const struct fold_counted *x = a, *y = b;

	return x->value.last < y->value.last ? -1 : x->value.last > y->value.last;
}

static void tell_repeats(struct ebpf *e, const struct fold_table *table,
			 const struct fold_counted *counted)
{
	struct folded *folded = table->room ? *fold_slot(table, &counted->key) : NULL;
	struct tkit_event event;

	e->fold.repeats += counted->value.count;
	if (!folded) {
		decode_lose(e, TKIT_LOSS_UNFINISHED, counted->value.count,
			    "no memory to know what was repeated");
		return;
	}
	event = folded->event;
	event.count = counted->value.count;
	event.ts_ns = counted->value.last;
	event.pflags |= TKIT_P_REPEAT;
	e->fold.told++;
	decode_emit(e, &event);
}

void fold_tell(struct ebpf *e, unsigned int odd, struct fold_counted *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		not_before_first(&e->fold.tables[odd], &list[i]);
	if (count)
		qsort(list, count, sizeof(*list), by_time);
	for (size_t i = 0; i < count; i++)
		tell_repeats(e, &e->fold.tables[odd], &list[i]);
	fold_clear(&e->fold.tables[odd]);
}

void fold_done(struct ebpf *e)
{
	fold_clear(&e->fold.tables[0]);
	fold_clear(&e->fold.tables[1]);
}
