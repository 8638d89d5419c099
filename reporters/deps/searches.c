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

/* By last component; what was found first, then in the order of looking. */
static int compare_places(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
	int c = bytes_compare(last_of(x->path->name), last_of(y->path->name));

	if (!c)
		c = (x->section == SECTION_MISSING) - (y->section == SECTION_MISSING);
	if (!c && x->path->first_ns != y->path->first_ns)
		c = x->path->first_ns < y->path->first_ns ? -1 : 1;
	return c ? c : bytes_compare(x->path->name, y->path->name);
}

static int is_library(struct tkit_bytes name)
{
	const char *so = memmem(name.ptr, name.len, ".so", 3);

	return so && so > name.ptr &&
	       (so + 3 == name.ptr + name.len ||
		(so + 4 < name.ptr + name.len && so[3] == '.' && so[4] >= '0' && so[4] <= '9'));
}

/*
 * The same thing was asked for with its usual ending, in the same folder, and stands in the report
 * as that: Python asks for NAME.cpython-311-x86_64-linux-gnu.so, NAME.abi3.so, NAME.so, NAME.py in
 * turn, perl for NAME.pmc before NAME.pm.
 */
static int is_other_ending(const struct tkit_model *model, const struct tkit_path *path)
{
	static const struct {
		const char *asked, *usual;
		int first_dot; /* the ending begins at the first dot, not the last */
	} rows[] = {{".so", ".py", 1}, {".pmc", ".pm", 0}};
	struct tkit_bytes last = last_of(path->name);
	char name[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t asked = strlen(rows[i].asked), usual = strlen(rows[i].usual), len;
		const char *dot;

		if (last.len <= asked ||
		    memcmp(last.ptr + last.len - asked, rows[i].asked, asked) != 0)
			continue;
		dot = rows[i].first_dot ? memchr(last.ptr, '.', last.len)
					: last.ptr + last.len - asked;
		len = (size_t)(dot - path->name.ptr);
		if (dot == last.ptr || len + usual > sizeof(name))
			continue;
		memcpy(name, path->name.ptr, len);
		memcpy(name + len, rows[i].usual, usual);
		if (tkit_model_find(model, (struct tkit_bytes){name, len + usual}))
			return 1;
	}
	return 0;
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

int searches_find(struct tkit_ctx *ctx, const struct tkit_model *model,
		  const struct selection *selection, struct searches *ret_searches)
{
	struct searches searches = {0};
	size_t count = 0;
	int rc = 0;

	searches.places = calloc(selection->count + 1, sizeof(struct entry *));
	if (!searches.places)
		return tkit_fail(ctx, -ENOMEM, "making the report");
	for (size_t i = 0; i < selection->count; i++) {
		struct entry *entry = &selection->entries[i];

		if (entry->section == SECTION_PRESENT || entry->section == SECTION_CREATED ||
		    (entry->section == SECTION_MISSING && !is_other_ending(model, entry->path)))
			searches.places[count++] = entry;
	}
	if (count)
		qsort(searches.places, count, sizeof(struct entry *), compare_places);
	for (size_t i = 0, end; !rc && i < count; i = end) {
		struct tkit_bytes name = last_of(searches.places[i]->path->name);

		for (end = i + 1; end < count &&
				  !bytes_compare(name, last_of(searches.places[end]->path->name));)
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
