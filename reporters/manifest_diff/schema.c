// SPDX-License-Identifier: MIT
/* The manifest of schema version 1: YAML, checked entry by entry. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yamldoc.h>

#include "manifest_diff.h"

const char *const list_names[LIST_COUNT] = {"binaries", "data", "directories", "symlinks"};
static const char *const backends[] = {"buildroot", "yocto", "generic", NULL};
static const char *const modes[] = {"staging", "per_package", NULL};

struct schema {
	struct tkit_ctx *ctx;
	const struct options *options;
	const char *file;
	yaml_document_t *document;
	struct plan *plan;
	struct tkit_rootfs *sources; /* input.path, or NULL */
};

static const yaml_node_t *node_at(const struct schema *s, int index)
{
	return yaml_document_get_node(s->document, index);
}

#define FAIL(s, node, ...) fail_at((s), (unsigned int)(node)->start_mark.line + 1, __VA_ARGS__)

static int __attribute__((format(printf, 3, 4)))
fail_at(const struct schema *s, unsigned int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tkit_fail(s->ctx, -EINVAL, "%s:%u: %s", s->file, line, text);
}

/* The text of a scalar; it lives as long as the document. NULL after an error. */
static const char *text_of(const struct schema *s, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE || !node->data.scalar.length) {
		FAIL(s, node, "%s: a text is expected", what);
		return NULL;
	}
	if (memchr(node->data.scalar.value, 0, node->data.scalar.length)) {
		FAIL(s, node, "%s: a NUL byte is in it", what);
		return NULL;
	}
	return (const char *)node->data.scalar.value;
}

static int one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

/* $(NAME) from the environment. */
static int expand(const struct schema *s, const yaml_node_t *node, const char *text, char **ret)
{
	size_t size;
	FILE *to = open_memstream(ret, &size);

	if (!to)
		return tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file);
	while (*text) {
		const char *end = !strncmp(text, "$(", 2) ? strchr(text, ')') : NULL;
		char name[128];
		const char *value;

		if (!end) {
			fputc(*text++, to);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(end - text - 2), text + 2);
		value = getenv(name);
		if (!value) {
			fclose(to);
			return FAIL(s, node,
				    "input.path: $(%s) is not set; give it in the environment",
				    name);
		}
		fputs(value, to);
		text = end + 1;
	}
	if (fclose(to))
		return tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file);
	return 0;
}

static int read_path(struct schema *s, const yaml_node_t *node, const char *text)
{
	struct stat st;
	int rc;

	if (!strncmp(text, "$(SYSROOT)", 10))
		return FAIL(s, node,
			    "$(SYSROOT) is the old form; write the folder itself, or another "
			    "variable");
	free(s->plan->path);
	s->plan->path = NULL;
	rc = expand(s, node, text, &s->plan->path);
	if (rc < 0)
		return rc;
	if (s->plan->path[0] != '/')
		return FAIL(s, node, "input.path must be absolute, not '%s'", text);
	if (!s->options->check_sources)
		return 0;
	if (stat(s->plan->path, &st) < 0 || !S_ISDIR(st.st_mode))
		return FAIL(s, node, "input.path: no folder %s (check-sources=no does without it)",
			    s->plan->path);
	return 0;
}

static int read_input(struct schema *s, const yaml_node_t *node)
{
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return FAIL(s, node, "input: keys are expected: backend, mode, path");
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !rc && pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(s, pair->key), *value = node_at(s, pair->value);
		const char *name = text_of(s, key, "input"), *text;

		if (!name)
			return -EINVAL;
		if (strcmp(name, "backend") && strcmp(name, "mode") && strcmp(name, "path"))
			return FAIL(s, key, "unknown key input.%s (known: backend, mode, path)",
				    name);
		text = text_of(s, value, name);
		if (!text)
			return -EINVAL;
		if (!strcmp(name, "path")) {
			rc = read_path(s, value, text);
		} else if (!strcmp(name, "backend")) {
			if (!one_of(backends, text))
				return FAIL(s, value,
					    "unknown backend '%s' (known: buildroot, yocto, "
					    "generic)",
					    text);
			free(s->plan->backend);
			s->plan->backend = strdup(text);
		} else {
			if (!one_of(modes, text))
				return FAIL(s, value,
					    "unknown mode '%s' (known: staging, per_package)",
					    text);
			free(s->plan->mode);
			s->plan->mode = strdup(text);
		}
	}
	if (!rc && !s->plan->backend)
		return FAIL(s, node, "input.backend is missing (buildroot, yocto, generic)");
	if (!rc && !s->plan->path)
		return FAIL(s, node,
			    "input.path is missing: the folder that sources are taken from");
	if (!rc && s->plan->mode && strcmp(s->plan->backend, "buildroot") != 0 &&
	    !strcmp(s->plan->mode, "per_package"))
		return FAIL(s, node, "mode per_package is one of backend buildroot only");
	return rc;
}

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
	for (const char *const *name = backends; *name; name++) {
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
		return fail_at(s, line, "$(SYSROOT) is the old form; write %s%s",
			       prefix_of(s->plan->backend), source + 10);
	if (len && !source_name(s->plan, source))
		return fail_at(s, line, "prefix %.*s does not fit backend %s; write %s%s", (int)len,
			       source, s->plan->backend, prefix_of(s->plan->backend), source + len);
	if (list == LIST_BINARIES && !len)
		return fail_at(s, line,
			       "the source of a binary begins with %s/, not '%s' (local files "
			       "stand in data)",
			       prefix_of(s->plan->backend), source);
	if (!source_exists(s, source))
		return fail_at(s, line, "no source %s%s%s", source, len ? " in " : "",
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
		return fail_at(s, line, "%s: a path with \"..\", or one that is too long", name);
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
			return fail_at(s, line, "a directory is a path of the image, without %.*s",
				       (int)any_prefix(text), text);
		if (text[0] != '/')
			return fail_at(s, line, "directory '%s' is not absolute", text);
		return add_node(s, line, list, text, NULL, NULL);
	}
	dest = split(text);
	if (!dest || !*dest || !*text)
		return fail_at(s, line, "SOURCE:DEST is expected, not '%s'", text);
	rc = check_source(s, line, list, text);
	if (rc < 0)
		return rc;
	if (dest[0] != '/')
		return fail_at(s, line, "destination '%s' is not absolute", dest);
	return add_node(s, line, list, dest, text, NULL);
}

/* Symlinks wait until all else is known: they are kept as nodes without a place. */
static int read_link(struct schema *s, unsigned int line, char *text)
{
	char *second;

	if (any_prefix(text))
		return fail_at(s, line, "a symlink has two paths of the image, without %.*s",
			       (int)any_prefix(text), text);
	second = split(text);
	if (!second || text[0] != '/' || second[0] != '/')
		return fail_at(s, line, "LINK:TARGET is expected, both absolute");
	return add_node(s, line, LIST_SYMLINKS, text, NULL, second);
}

static int read_items(struct schema *s, enum list list, const yaml_node_t *key,
		      const yaml_node_t *node)
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
		const yaml_node_t *value = node_at(s, *item);
		const char *text = text_of(s, value, list_names[list]);
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

static int check_version(struct schema *s, const yaml_node_t *node)
{
	const char *text = text_of(s, node, "version");

	if (!text)
		return -EINVAL;
	if (strcmp(text, "1") != 0)
		return FAIL(s, node, "version '%s': only schema version 1 is known", text);
	return 0;
}

/* The index of a list's key, -1 for another key. */
static int list_by_name(const char *name)
{
	for (int i = 0; i < LIST_COUNT; i++)
		if (!strcmp(name, list_names[i]))
			return i;
	return -1;
}

static int check_keys(struct schema *s, const yaml_node_t *root)
{
	const yaml_node_pair_t *first = root->data.mapping.pairs.start, *pair;

	for (pair = first; pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(s, pair->key);
		const char *name = text_of(s, key, "key");

		if (!name)
			return -EINVAL;
		if (strcmp(name, "version") && strcmp(name, "input") && list_by_name(name) < 0)
			return FAIL(s, key,
				    "unknown key '%s' (known: version, input, binaries, data, "
				    "directories, symlinks)",
				    name);
		for (const yaml_node_pair_t *other = first; other < pair; other++)
			if (!strcmp(name, text_of(s, node_at(s, other->key), "key")))
				return FAIL(s, key, "key '%s' stands here a second time", name);
	}
	return 0;
}

static const yaml_node_pair_t *find_key(const struct schema *s, const yaml_node_t *root,
					const char *name)
{
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++)
		if (!strcmp((const char *)node_at(s, pair->key)->data.scalar.value, name))
			return pair;
	return NULL;
}

static int read_root(struct schema *s, const yaml_node_t *root)
{
	const yaml_node_pair_t *pair;
	int rc;

	if (!root || root->type != YAML_MAPPING_NODE)
		return tkit_fail(s->ctx, -EINVAL,
				 "%s: no manifest: neither the keys of the schema nor a list of "
				 "paths (option type= tells what it is)",
				 s->file);
	rc = check_keys(s, root);
	if (rc < 0)
		return rc;
	pair = find_key(s, root, "version");
	if (!pair)
		return FAIL(s, root, "no version: the first line is to be 'version: 1'");
	rc = check_version(s, node_at(s, pair->value));
	if (rc < 0)
		return rc;
	pair = find_key(s, root, "input");
	if (!pair)
		return FAIL(s, root, "no input: it says where sources are taken from");
	rc = read_input(s, node_at(s, pair->value));
	if (rc < 0)
		return rc;
	if (s->options->check_sources) {
		rc = tkit_rootfs_open_dir(s->ctx, s->plan->path, &s->sources);
		if (rc < 0)
			return rc;
	}
	for (int list = 0; !rc && list < LIST_COUNT; list++) {
		pair = find_key(s, root, list_names[list]);
		if (pair)
			rc = read_items(s, (enum list)list, node_at(s, pair->key),
					node_at(s, pair->value));
	}
	return rc < 0 ? rc : read_links(s->ctx, s->file, s->plan);
}

int parse_schema(struct tkit_ctx *ctx, const struct options *options, const char *file,
		 struct plan *plan)
{
	yaml_document_t document;
	struct schema s = {
		.ctx = ctx, .options = options, .file = file, .document = &document, .plan = plan};
	yaml_parser_t parser;
	int rc;

	if (!yaml_parser_initialize(&parser))
		return tkit_fail(ctx, -ENOMEM, "reading %s", file);
	if (!yamldoc_load(&parser, plan->text, plan->text_size, &document)) {
		rc = tkit_fail(ctx, parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL,
			       "%s:%zu: %s", file, parser.problem_mark.line + 1,
			       parser.problem ? parser.problem : "no YAML");
		yaml_parser_delete(&parser);
		return rc;
	}
	rc = read_root(&s, yaml_document_get_root_node(&document));
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	tkit_rootfs_free(s.sources);
	return rc;
}

int read_schema(struct tkit_ctx *ctx, const struct options *options, const char *file,
		struct plan *plan)
{
	const char *slash = strrchr(file, '/');
	int rc = slurp(ctx, file, &plan->text, &plan->text_size);

	if (rc < 0)
		return rc;
	plan->folder =
		slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup(".");
	if (!plan->folder)
		return tkit_fail(ctx, -ENOMEM, "reading %s", file);
	return parse_schema(ctx, options, file, plan);
}
