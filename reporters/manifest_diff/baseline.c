// SPDX-License-Identifier: MIT
/* The list of files that may be missing: read, held against a result, written anew. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yamldoc.h>

#include "manifest_diff.h"

#define KEY "acceptable_missing"

struct entry {
	char *name;
	unsigned int line;
};

struct baseline {
	char *text; /* NULL: there is no file yet */
	size_t size;
	struct entry *entries;
	size_t count;
	struct place place;
};

static void baseline_done(struct baseline *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->entries[i].name);
	free(b->entries);
	free(b->text);
}

static int fail_at(struct tkit_ctx *ctx, const char *file, const yaml_node_t *node,
		   const char *text)
{
	return tkit_fail(ctx, -EINVAL, "%s:%zu: %s", file, node->start_mark.line + 1, text);
}

static int read_items(struct tkit_ctx *ctx, const char *file, yaml_document_t *document,
		      const yaml_node_t *list, struct baseline *b)
{
	size_t room;

	if (list->type == YAML_SCALAR_NODE && !list->data.scalar.length)
		return 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return fail_at(ctx, file, list, "a list of paths is expected");
	b->place.block = list->data.sequence.style == YAML_BLOCK_SEQUENCE_STYLE;
	b->place.indent = (unsigned int)list->start_mark.column;
	room = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	b->entries = calloc(room + 1, sizeof(*b->entries));
	if (!b->entries)
		return tkit_fail(ctx, -ENOMEM, "reading %s", file);
	for (size_t i = 0; i < room; i++) {
		const yaml_node_t *item =
			yaml_document_get_node(document, list->data.sequence.items.start[i]);
		unsigned int line = (unsigned int)item->start_mark.line + 1;
		char clean[NAME_SIZE];

		if (item->type != YAML_SCALAR_NODE || !item->data.scalar.length ||
		    item->data.scalar.value[0] != '/' ||
		    memchr(item->data.scalar.value, 0, item->data.scalar.length) ||
		    strlen((const char *)item->data.scalar.value) >= sizeof(clean))
			return fail_at(ctx, file, item, "an absolute path is expected");
		if (clean_name((const char *)item->data.scalar.value, clean) < 0)
			snprintf(clean, sizeof(clean), "%s", (const char *)item->data.scalar.value);
		if (item->end_mark.line != item->start_mark.line || line <= b->place.last_line)
			b->place.block = 0;
		b->place.last_line = line;
		b->entries[i] = (struct entry){.name = strdup(clean), .line = line};
		if (!b->entries[i].name)
			return tkit_fail(ctx, -ENOMEM, "reading %s", file);
		b->count++;
	}
	return 0;
}

static int read_root(struct tkit_ctx *ctx, const char *file, yaml_document_t *document,
		     struct baseline *b)
{
	const yaml_node_t *root = yaml_document_get_root_node(document);
	int rc = 0;

	if (!root)
		return 0; /* comments only */
	if (root->type != YAML_MAPPING_NODE)
		return fail_at(ctx, file, root, "a list is expected: " KEY ": [...]");
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     !rc && pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (key->type != YAML_SCALAR_NODE ||
		    strcmp((const char *)key->data.scalar.value, KEY) != 0)
			return fail_at(ctx, file, key, "unknown key (known: " KEY ")");
		if (b->place.present)
			return fail_at(ctx, file, key, KEY " stands here a second time");
		b->place.present = 1;
		b->place.last_line = (unsigned int)key->start_mark.line + 1;
		rc = read_items(ctx, file, document, yaml_document_get_node(document, pair->value),
				b);
	}
	return rc;
}

static int read_baseline(struct tkit_ctx *ctx, const struct options *options, struct baseline *b)
{
	const char *file = options->baseline;
	yaml_document_t document;
	yaml_parser_t parser;
	int rc;

	if (options->update_baseline && access(file, F_OK) < 0 && errno == ENOENT)
		return 0;
	rc = slurp(ctx, file, &b->text, &b->size);
	if (rc < 0)
		return rc;
	if (!yaml_parser_initialize(&parser))
		return tkit_fail(ctx, -ENOMEM, "reading %s", file);
	if (yamldoc_load(&parser, b->text, b->size, &document)) {
		rc = read_root(ctx, file, &document, b);
		yaml_document_delete(&document);
	} else {
		rc = tkit_fail(ctx, -EINVAL, "%s:%zu: %s", file, parser.problem_mark.line + 1,
			       parser.problem ? parser.problem : "no YAML");
	}
	yaml_parser_delete(&parser);
	return rc;
}

static int is_present(const struct tkit_model *model, const char *name)
{
	struct tkit_bytes bytes = {name, strlen(name)};
	const struct tkit_path *path = tkit_model_find(model, bytes);
	char out[NAME_SIZE];

	if (path)
		return (path->state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED)) != 0;
	return tkit_model_rootfs(model) && tkit_rootfs_resolve(tkit_model_rootfs(model), bytes, 1,
							       out, sizeof(out), NULL, NULL) >= 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int item_is_missing(const struct item *item)
{
	return item->section == SECTION_MISSING || item->section == SECTION_SOUGHT;
}

/* Any place of a library stands for all: which are tried goes by the processor. */
static int has_place(const struct item *item, const char *name)
{
	for (size_t i = 0; i < item->place_count; i++)
		if (!strcmp(item->places[i], name))
			return 1;
	return !strcmp(item->name, name);
}

static struct item *find_missing(const struct result *result, const char *name)
{
	for (size_t i = 0; i < result->count; i++)
		if (item_is_missing(&result->items[i]) && has_place(&result->items[i], name))
			return &result->items[i];
	return NULL;
}

int apply_baseline(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, struct result *result)
{
	struct baseline b = {0};
	int rc;

	if (!options->baseline)
		return options->update_baseline
			       ? tkit_fail(ctx, -EINVAL, "update-baseline needs baseline=FILE")
			       : 0;
	rc = read_baseline(ctx, options, &b);
	result->has_baseline = 1;
	result->resolved = calloc(b.count + 1, sizeof(*result->resolved));
	if (!result->resolved) {
		baseline_done(&b);
		return rc ? rc : tkit_fail(ctx, -ENOMEM, "reading %s", options->baseline);
	}
	for (size_t i = 0; !rc && i < b.count; i++) {
		struct item *item = find_missing(result, b.entries[i].name);

		if (item) {
			item->accepted = 1;
		} else if (is_present(model, b.entries[i].name)) {
			result->resolved[result->resolved_count] = strdup(b.entries[i].name);
			if (!result->resolved[result->resolved_count++])
				rc = tkit_fail(ctx, -ENOMEM, "reading %s", options->baseline);
		}
	}
	if (!rc && result->resolved_count)
		qsort(result->resolved, result->resolved_count, sizeof(*result->resolved),
		      compare_texts);
	baseline_done(&b);
	return rc;
}

/* ---- writing ---- */

/* When the first run began and in which container: facts of the trace, not of now. */
static void put_origin(FILE *to, const struct tkit_model *model, int container)
{
	const struct tkit_run *run = tkit_model_run(model, 0);
	time_t seconds = run ? (time_t)(run->info->armed_realtime_ns / 1000000000u) : 0;
	char text[32] = "unknown";
	struct tm tm;

	if (container) {
		fprintf(to, "# Container: %s\n",
			run && run->info->container_id[0] ? run->info->container_id : "none");
		return;
	}
	if (seconds && gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(to, "# Time: %s\n", text);
}

static int put_item(FILE *to, unsigned int indent, const char *name)
{
	fprintf(to, "%*s- ", (int)indent, "");
	if (yaml_scalar(to, name) < 0)
		return -1;
	fputc('\n', to);
	return 0;
}

/* A whole new file. */
static int write_new(FILE *to, const struct tkit_model *model, char *const *names, size_t count)
{
	fputs("# Files that may be missing. Others that are fail the comparison.\n", to);
	put_origin(to, model, 0);
	put_origin(to, model, 1);
	fputs(KEY ":", to);
	fputs(count ? "\n" : " []\n", to);
	for (size_t i = 0; i < count; i++)
		if (put_item(to, 2, names[i]) < 0)
			return -1;
	return 0;
}

static int contains(char *const *names, size_t count, const char *name)
{
	return count && bsearch(&name, names, count, sizeof(*names), compare_texts) != NULL;
}

static int add_line(struct edit *edit, unsigned int line, const struct tkit_model *model, int what,
		    unsigned int indent, const char *name)
{
	size_t size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);
	int rc = to ? 0 : -ENOMEM;

	if (to && name)
		rc = put_item(to, indent, name);
	else if (to)
		put_origin(to, model, what);
	if (to && fclose(to))
		rc = -ENOMEM;
	if (!rc)
		rc = edit_add(edit, line, text);
	free(text);
	return rc;
}

/* The old file with other entries; its comments stay. */
static int write_changed(FILE *to, const struct tkit_model *model, const struct baseline *b,
			 char *const *names, size_t count)
{
	struct edit edit;
	int rc = edit_init(&edit, b->text, b->size);

	for (unsigned int i = 1; !rc && i <= edit.count; i++)
		for (int what = 0; !rc && what < 2; what++) {
			const char *start = what ? "# Container: " : "# Time: ";
			const struct edit_line *line = &edit.lines[i - 1];

			if (line->size <= strlen(start) ||
			    strncmp(b->text + line->at, start, strlen(start)) != 0)
				continue;
			edit_drop(&edit, i);
			rc = add_line(&edit, i, model, what, 0, NULL);
		}
	for (size_t i = 0; !rc && i < b->count; i++)
		if (!contains(names, count, b->entries[i].name))
			edit_drop(&edit, b->entries[i].line);
	for (size_t i = 0; !rc && i < count; i++) {
		size_t k = 0;

		while (k < b->count && strcmp(b->entries[k].name, names[i]) != 0)
			k++;
		if (k == b->count)
			rc = add_line(&edit, b->place.last_line, model, 0, b->place.indent,
				      names[i]);
	}
	if (!rc)
		edit_write(&edit, to);
	edit_done(&edit);
	return rc;
}

/* What is to be in the list: missing now, and old entries that no run had to do with. */
static int wanted_names(struct tkit_ctx *ctx, const struct tkit_model *model,
			const struct result *result, const struct baseline *b, char ***ret_names,
			size_t *ret_count)
{
	char **names = calloc(result->count + b->count + 1, sizeof(*names));
	size_t count = 0, kept = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < result->count; i++) {
		char *name = result->items[i].name;

		if (!item_is_missing(&result->items[i]))
			continue;
		if (yaml_holds(name))
			names[count++] = name;
		else
			tkit_log(ctx, TKIT_LOG_WARN,
				 "baseline: %s is left out: YAML cannot hold a name that is not "
				 "UTF-8",
				 name);
	}
	for (size_t i = 0; i < b->count; i++)
		if (!is_present(model, b->entries[i].name))
			names[count++] = b->entries[i].name;
	if (count)
		qsort(names, count, sizeof(*names), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	*ret_names = names;
	*ret_count = kept;
	return 0;
}

int write_baseline(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, const struct result *result)
{
	struct baseline b = {0};
	char **names = NULL, *text = NULL;
	size_t count, size;
	FILE *to = NULL;
	int rc = read_baseline(ctx, options, &b);

	if (rc < 0) {
		baseline_done(&b);
		return rc;
	}
	rc = wanted_names(ctx, model, result, &b, &names, &count);
	if (!rc)
		to = open_memstream(&text, &size);
	if (to && b.text && b.place.block && b.count && count)
		rc = write_changed(to, model, &b, names, count);
	else if (to)
		rc = write_new(to, model, names, count);
	if (!to || fclose(to))
		rc = tkit_fail(ctx, -ENOMEM, "writing %s", options->baseline);
	else if (rc < 0)
		rc = tkit_fail(ctx, -EILSEQ, "%s: YAML cannot hold a path that is not UTF-8",
			       options->baseline);
	else
		rc = tkit_write_file(ctx, options->baseline, text, size);
	free(names);
	free(text);
	baseline_done(&b);
	return rc;
}
