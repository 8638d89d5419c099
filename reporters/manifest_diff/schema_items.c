// SPDX-License-Identifier: MIT
/* The lists of a manifest: files with their sources, directories, symlinks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema.h"

/* "BUILDROOT": what a source from input.path begins with. */
static const char *prefix_of(const char *backend)
{
	return !strcmp(backend, "buildroot") ? "BUILDROOT"
	       : !strcmp(backend, "yocto")   ? "YOCTO"
					     : "GENERIC";
}

/* Length of any backend's prefix at the start of text, 0 if there is none. */
static size_t any_prefix(const char *text)
{
	for (const char *const *name = schema_backends; *name; name++) {
		size_t len = strlen(prefix_of(*name));

		if (!strncmp(text, prefix_of(*name), len) && (text[len] == '/' || !text[len]))
			return len;
	}
	return 0;
}

const char *source_name(const struct plan *plan, const char *source)
{
	size_t len = any_prefix(source);

	return len && plan->backend && !strncmp(source, prefix_of(plan->backend), len)
		       ? source + len
		       : NULL;
}

static int source_exists(const struct schema *s, const char *source)
{
	const char *inside = source_name(s->plan, source);
	char name[NAME_SIZE], out[NAME_SIZE];
	struct stat st;

	if (!s->options->check_sources)
		return 1;
	if (inside) {
		/* Of a per-package build any package may have it: not looked for here. */
		if (!s->sources || (s->plan->mode && !strcmp(s->plan->mode, "per_package")))
			return 1;
		return tkit_rootfs_resolve(s->sources, (struct tkit_bytes){inside, strlen(inside)},
					   0, out, sizeof(out), NULL, NULL) >= 0;
	}
	snprintf(name, sizeof(name), "%s%s%s", source[0] == '/' ? "" : s->plan->folder,
		 source[0] == '/' ? "" : "/", source);
	return stat(name, &st) == 0;
}

/* Splits "SOURCE:DEST" in place: DEST is what begins behind the first ":/". */
static char *split(char *text)
{
	char *colon = strstr(text, ":/");

	if (!colon)
		colon = strchr(text, ':');
	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int check_source(const struct schema *s, unsigned int line, enum list list,
			const char *source)
{
	size_t len = any_prefix(source);

	if (!strncmp(source, "$(SYSROOT)", 10))
		return schema_fail(s, line, "$(SYSROOT) is the old form; write %s%s",
				   prefix_of(s->plan->backend), source + 10);
	if (len && !source_name(s->plan, source))
		return schema_fail(s, line, "prefix %.*s does not fit backend %s; write %s%s",
				   (int)len, source, s->plan->backend, prefix_of(s->plan->backend),
				   source + len);
	if (list == LIST_BINARIES && !len)
		return schema_fail(s, line,
				   "the source of a binary begins with %s/, not '%s' (local files "
				   "stand in data)",
				   prefix_of(s->plan->backend), source);
	if (!source_exists(s, source))
		return schema_fail(s, line, "no source %s%s%s", source, len ? " in " : "",
				   len ? s->plan->path : "");
	return 0;
}

static int add_node(const struct schema *s, unsigned int line, enum list list, const char *name,
		    const char *source, const char *target)
{
	static const enum node_kind kinds[LIST_COUNT] = {NODE_FILE, NODE_FILE, NODE_DIRECTORY,
							 NODE_LINK};
	struct node *node = plan_add(s->plan, name, kinds[list]);

	if (!node)
		return schema_fail(s, line, "%s: a path with \"..\", or one that is too long",
				   name);
	node->list = list;
	node->line = line;
	node->source = source ? strdup(source) : NULL;
	node->target = target ? strdup(target) : NULL;
	if ((source && !node->source) || (target && !node->target))
		return tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file);
	return 0;
}

/* "SOURCE:DEST" or a directory. */
static int read_item(struct schema *s, enum list list, unsigned int line, char *text)
{
	char *dest;
	int rc;

	if (list == LIST_DIRECTORIES) {
		if (any_prefix(text))
			return schema_fail(s, line,
					   "a directory is a path of the image, without %.*s",
					   (int)any_prefix(text), text);
		if (text[0] != '/')
			return schema_fail(s, line, "directory '%s' is not absolute", text);
		return add_node(s, line, list, text, NULL, NULL);
	}
	dest = split(text);
	if (!dest || !*dest || !*text)
		return schema_fail(s, line, "SOURCE:DEST is expected, not '%s'", text);
	rc = check_source(s, line, list, text);
	if (rc < 0)
		return rc;
	if (dest[0] != '/')
		return schema_fail(s, line, "destination '%s' is not absolute", dest);
	return add_node(s, line, list, dest, text, NULL);
}

/* Symlinks wait until all else is known: they are kept as nodes without a place. */
static int read_link(struct schema *s, unsigned int line, char *text)
{
	char *second;

	if (any_prefix(text))
		return schema_fail(s, line, "a symlink has two paths of the image, without %.*s",
				   (int)any_prefix(text), text);
	second = split(text);
	if (!second || text[0] != '/' || second[0] != '/')
		return schema_fail(s, line, "LINK:TARGET is expected, both absolute");
	return add_node(s, line, LIST_SYMLINKS, text, NULL, second);
}

int schema_items(struct schema *s, enum list list, const yaml_node_t *key, const yaml_node_t *node)
{
	struct place *place = &s->plan->places[list];
	int rc = 0;

	place->present = 1;
	place->first_line = place->last_line = (unsigned int)key->start_mark.line + 1;
	if (node->type == YAML_SCALAR_NODE && !node->data.scalar.length) {
		place->empty = 1;
		return 0; /* "binaries:" with nothing behind it */
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return FAIL(s, node, "%s: a list is expected", list_names[list]);
	place->block = node->data.sequence.style == YAML_BLOCK_SEQUENCE_STYLE;
	place->indent = (unsigned int)node->start_mark.column;
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     !rc && item < node->data.sequence.items.top; item++) {
		const yaml_node_t *value = schema_node(s, *item);
		const char *text = schema_text(s, value, list_names[list]);
		unsigned int line = (unsigned int)value->start_mark.line + 1;
		char *copy = text ? strdup(text) : NULL;

		if (!copy)
			return text ? tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file) : -EINVAL;
		if (value->end_mark.line != value->start_mark.line || line <= place->last_line)
			place->block = 0;
		place->last_line = line;
		rc = list == LIST_SYMLINKS ? read_link(s, line, copy)
					   : read_item(s, list, line, copy);
		free(copy);
	}
	return rc;
}
