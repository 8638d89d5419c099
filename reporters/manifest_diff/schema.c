// SPDX-License-Identifier: MIT
/* The manifest of schema version 1: YAML, checked key by key. */
#include "schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yamldoc.h>

const char *const list_names[LIST_COUNT] = {"binaries", "data", "directories", "symlinks"};

int schema_fail(const struct schema *s, unsigned int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tkit_fail(s->ctx, -EINVAL, "%s:%u: %s", s->file, line, text);
}

const char *schema_text(const struct schema *s, const yaml_node_t *node, const char *what)
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

static int check_version(struct schema *s, const yaml_node_t *node)
{
	const char *text = schema_text(s, node, "version");

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
		const yaml_node_t *key = schema_node(s, pair->key);
		const char *name = schema_text(s, key, "key");

		if (!name)
			return -EINVAL;
		if (strcmp(name, "version") && strcmp(name, "input") && list_by_name(name) < 0)
			return FAIL(s, key,
				    "unknown key '%s' (known: version, input, binaries, data, "
				    "directories, symlinks)",
				    name);
		for (const yaml_node_pair_t *other = first; other < pair; other++)
			if (!strcmp(name, schema_text(s, schema_node(s, other->key), "key")))
				return FAIL(s, key, "key '%s' stands here a second time", name);
	}
	return 0;
}

static const yaml_node_pair_t *find_key(const struct schema *s, const yaml_node_t *root,
					const char *name)
{
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++)
		if (!strcmp((const char *)schema_node(s, pair->key)->data.scalar.value, name))
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
	rc = check_version(s, schema_node(s, pair->value));
	if (rc < 0)
		return rc;
	pair = find_key(s, root, "input");
	if (!pair)
		return FAIL(s, root, "no input: it says where sources are taken from");
	rc = schema_input(s, schema_node(s, pair->value));
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
			rc = schema_items(s, (enum list)list, schema_node(s, pair->key),
					  schema_node(s, pair->value));
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
