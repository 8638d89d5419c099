// SPDX-License-Identifier: MIT
/* Names that were looked for in several places and are in none of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"

static struct tkit_bytes last_of(struct tkit_bytes name)
{
	size_t at = name.len;

	while (at && name.ptr[at - 1] != '/')
		at--;
	return (struct tkit_bytes){name.ptr + at, name.len - at};
}

static int compare_bytes(struct tkit_bytes a, struct tkit_bytes b)
{
	int c = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* By last component; what was found first, then in the order of looking. */
static int compare_places(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
	int c = compare_bytes(last_of(x->path->name), last_of(y->path->name));

	if (!c)
		c = (x->section == SECTION_MISSING) - (y->section == SECTION_MISSING);
	if (!c && x->path->first_ns != y->path->first_ns)
		c = x->path->first_ns < y->path->first_ns ? -1 : 1;
	return c ? c : compare_bytes(x->path->name, y->path->name);
}

static int is_library(struct tkit_bytes name)
{
	const char *so = memmem(name.ptr, name.len, ".so", 3);

	return so && so > name.ptr &&
	       (so + 3 == name.ptr + name.len ||
		(so + 4 < name.ptr + name.len && so[3] == '.' && so[4] >= '0' && so[4] <= '9'));
}

static int add_search(struct searches *searches, struct entry **places, size_t count)
{
	struct tkit_bytes name = last_of(places[0]->path->name);
	struct search *list;

	if (places[0]->section != SECTION_MISSING || (count < 2 && !is_library(name)))
		return 0;
	list = reallocarray(searches->list, searches->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	searches->list = list;
	list[searches->count++] = (struct search){.name = name, .places = places, .count = count};
	return 0;
}

int searches_find(struct tkit_ctx *ctx, const struct selection *selection,
		  struct searches *ret_searches)
{
	struct searches searches = {0};
	size_t count = 0;
	int rc = 0;

	searches.places = calloc(selection->count + 1, sizeof(struct entry *));
	if (!searches.places)
		return tkit_fail(ctx, -ENOMEM, "making the report");
	for (size_t i = 0; i < selection->count; i++)
		if (selection->entries[i].section == SECTION_MISSING ||
		    selection->entries[i].section == SECTION_PRESENT ||
		    selection->entries[i].section == SECTION_CREATED)
			searches.places[count++] = &selection->entries[i];
	if (count)
		qsort(searches.places, count, sizeof(struct entry *), compare_places);
	for (size_t i = 0, end; !rc && i < count; i = end) {
		struct tkit_bytes name = last_of(searches.places[i]->path->name);

		for (end = i + 1; end < count &&
				  !compare_bytes(name, last_of(searches.places[end]->path->name));)
			end++;
		rc = add_search(&searches, searches.places + i, end - i);
	}
	if (rc < 0) {
		searches_done(&searches);
		return tkit_fail(ctx, rc, "making the report");
	}
	*ret_searches = searches;
	return 0;
}

void searches_done(struct searches *searches)
{
	free(searches->list);
	free(searches->places);
}
