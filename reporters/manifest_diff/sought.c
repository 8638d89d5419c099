// SPDX-License-Identifier: MIT
/* What was looked for in vain: the places of one library are one finding, not many. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_diff.h"

/* Folders that ld.so tries below each library folder, by processor. */
static const char *const variants[] = {"/glibc-hwcaps", "/tls",      "/x86_64",  "/haswell",
				       "/xeon_phi",     "/avx512_1", "/aarch64", "/atomics",
				       "/i686",         "/sse2"};

static const char *const library_folders[] = {"/lib",
					      "/lib64",
					      "/lib32",
					      "/libx32",
					      "/usr/lib",
					      "/usr/lib64",
					      "/usr/lib32",
					      "/usr/libx32",
					      "/usr/local/lib",
					      "/lib/*-linux-*",
					      "/usr/lib/*-linux-*",
					      "/usr/local/lib/*-linux-*"};

const char *last_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

int is_library(const char *name)
{
	const char *last = last_of(name), *so = last;

	while ((so = strstr(so, ".so"))) {
		if (so > last && (!so[3] || (so[3] == '.' && so[4] >= '0' && so[4] <= '9')))
			return 1;
		so += 3;
	}
	return 0;
}

int is_library_folder(const char *name)
{
	for (size_t i = 0; i < sizeof(library_folders) / sizeof(*library_folders); i++)
		if (fnmatch(library_folders[i], name, FNM_PATHNAME) == 0)
			return 1;
	return 0;
}

/* "/lib/glibc-hwcaps/x86-64-v3": nothing but a variant below a library folder. */
static int is_loader_probe(const char *name)
{
	char above[NAME_SIZE];

	if (is_library_folder(name))
		return 1;
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		size_t len = strlen(variants[i]);

		for (const char *at = name; (at = strstr(at, variants[i])); at += len) {
			if (at[len] && at[len] != '/')
				continue;
			snprintf(above, sizeof(above), "%.*s", (int)(at - name), name);
			if (is_library_folder(above))
				return 1;
		}
	}
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Last components of the libraries that were found somewhere. */
static int found_libraries(const struct tkit_model *model, char ***ret_names, size_t *ret_count)
{
	const struct tkit_path *path;
	size_t count = 0;

	*ret_names = calloc(tkit_model_path_count(model) + 1, sizeof(**ret_names));
	for (size_t i = 0; *ret_names && (path = tkit_model_path(model, i)); i++) {
		char *name, *last;

		if (!(path->state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED)))
			continue;
		name = strndup(path->name.ptr, path->name.len);
		last = name && is_library(name) ? strdup(last_of(name)) : NULL;
		free(name);
		if (last)
			(*ret_names)[count++] = last;
	}
	if (count)
		qsort(*ret_names, count, sizeof(**ret_names), compare_texts);
	*ret_count = count;
	return *ret_names ? 0 : -ENOMEM;
}

static int is_earlier(const struct item *a, const struct item *b)
{
	if (a->path->first_ns != b->path->first_ns)
		return a->path->first_ns < b->path->first_ns;
	return strcmp(a->name, b->name) < 0;
}

/* By library; the place that was looked at first comes first. */
static int compare_places(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int c = strcmp(last_of(x->name), last_of(y->name));

	return c ? c : is_earlier(x, y) ? -1 : 1;
}

/* Hands the names of `places` to the first of them. */
static int join(struct item **places, size_t count)
{
	struct item *first = places[0];

	first->library = 1;
	first->places = calloc(count, sizeof(*first->places));
	if (!first->places)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		first->places[i] = i ? places[i]->name : strdup(first->name);
		if (!first->places[i])
			return -ENOMEM;
		first->place_count++;
		if (i) {
			places[i]->name = NULL;
			places[i]->gone = 1;
		}
	}
	return 0;
}

static int join_all(struct result *result)
{
	struct item **places = calloc(result->count + 1, sizeof(struct item *));
	size_t count = 0;
	int rc = places ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < result->count; i++) {
		struct item *item = &result->items[i];

		if (item->section == SECTION_SOUGHT && !item->gone && is_library(item->name))
			places[count++] = item;
	}
	if (count)
		qsort(places, count, sizeof(struct item *), compare_places);
	for (size_t i = 0, end; !rc && i < count; i = end) {
		for (end = i + 1;
		     end < count && !strcmp(last_of(places[end]->name), last_of(places[i]->name));)
			end++;
		rc = join(places + i, end - i);
	}
	free(places);
	return rc;
}

int join_libraries(const struct tkit_model *model, struct result *result)
{
	size_t count, kept = 0;
	char **names;
	int rc = found_libraries(model, &names, &count);

	for (size_t i = 0; !rc && i < result->count; i++) {
		struct item *item = &result->items[i];
		const char *last = last_of(item->name);
		int library = is_library(item->name);

		if (item->section != SECTION_SOUGHT)
			continue;
		/* The way to a library that was found in the end, and ld.so's own probes. */
		item->gone = library ? count && bsearch(&last, names, count, sizeof(*names),
							compare_texts)
				     : is_loader_probe(item->name);
		result->searched += item->gone != 0;
	}
	if (!rc)
		rc = join_all(result);
	for (size_t i = 0; i < result->count; i++) {
		if (result->items[i].gone)
			item_done(&result->items[i]);
		else
			result->items[kept++] = result->items[i];
	}
	result->count = kept;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return rc;
}
