// SPDX-License-Identifier: MIT
/* Ignore rules: YAML, see ignore.yaml. */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yamldoc.h>

#include "deps.h"

#define RULES_SIZE_MAX (1 << 20)

struct source {
	struct tkit_ctx *ctx;
	const char *name;
	yaml_document_t *document;
};

static void free_rule(struct rule *rule)
{
	free(rule->path);
	free(rule->reason);
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free_rule(&rules->list[i]);
	free(rules->list);
}

static int fail_at(const struct source *source, const yaml_node_t *node, const char *text)
{
	return tkit_fail(source->ctx, -EINVAL, "%s:%zu: %s", source->name,
			 node->start_mark.line + 1, text);
}

static int read_text(const struct source *source, const yaml_node_t *node, char **text)
{
	if (node->type != YAML_SCALAR_NODE)
		return fail_at(source, node, "a text is expected here");
	if (memchr(node->data.scalar.value, 0, node->data.scalar.length))
		return fail_at(source, node, "a NUL byte is no part of a path");
	free(*text);
	*text = strndup((const char *)node->data.scalar.value, node->data.scalar.length);
	return *text ? 0 : tkit_fail(source->ctx, -ENOMEM, "reading %s", source->name);
}

static int read_flag(const struct source *source, const yaml_node_t *node, int *flag)
{
	static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false",
									       "off"};
	char *text = NULL;
	int rc = read_text(source, node, &text);

	*flag = -1;
	for (size_t i = 0; !rc && text && i < 3; i++) {
		if (!strcmp(text, yes[i]))
			*flag = 1;
		if (!strcmp(text, no[i]))
			*flag = 0;
	}
	free(text);
	return rc || *flag >= 0 ? rc : fail_at(source, node, "yes or no is expected here");
}

static int read_key(const struct source *source, const yaml_node_pair_t *pair, struct rule *rule)
{
	const yaml_node_t *key = yaml_document_get_node(source->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(source->document, pair->value);
	char *name = NULL;
	int rc = read_text(source, key, &name);

	if (rc || !name)
		rc = rc < 0 ? rc : -EINVAL;
	else if (!strcmp(name, "path"))
		rc = read_text(source, value, &rule->path);
	else if (!strcmp(name, "reason"))
		rc = read_text(source, value, &rule->reason);
	else if (!strcmp(name, "exact"))
		rc = read_flag(source, value, &rule->exact);
	else if (!strcmp(name, "keep"))
		rc = read_flag(source, value, &rule->keep);
	else
		rc = fail_at(source, key, "unknown key (known: path, reason, exact, keep)");
	free(name);
	return rc;
}

static int read_rule(const struct source *source, const yaml_node_t *node, struct rule *rule)
{
	size_t len;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return fail_at(source, node, "a rule is expected: {path: ..., reason: ...}");
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !rc && pair < node->data.mapping.pairs.top; pair++)
		rc = read_key(source, pair, rule);
	if (rc)
		return rc;
	if (!rule->path || rule->path[0] != '/')
		return fail_at(source, node, "the rule has no absolute path");
	if (!rule->reason && !rule->keep)
		return fail_at(source, node, "the rule has no reason");
	len = strlen(rule->path);
	while (len > 1 && rule->path[len - 1] == '/')
		rule->path[--len] = '\0';
	return 0;
}

static int add_rule(const struct source *source, struct rules *rules, const yaml_node_t *node)
{
	struct rule rule = {0};
	int rc;

	if (rules->count == rules->room) {
		size_t room = rules->room ? rules->room * 2 : 32;
		struct rule *list = realloc(rules->list, room * sizeof(*list));

		if (!list)
			return tkit_fail(source->ctx, -ENOMEM, "reading %s", source->name);
		rules->list = list;
		rules->room = room;
	}
	rc = read_rule(source, node, &rule);
	if (rc)
		free_rule(&rule);
	else
		rules->list[rules->count++] = rule;
	return rc;
}

static int read_document(const struct source *source, struct rules *rules)
{
	const yaml_node_t *root = yaml_document_get_root_node(source->document), *list = NULL;
	int rc = 0;

	if (!root)
		return 0; /* an empty file has no rules */
	if (root->type == YAML_MAPPING_NODE)
		for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		     pair < root->data.mapping.pairs.top; pair++) {
			const yaml_node_t *key =
				yaml_document_get_node(source->document, pair->key);

			if (key->type != YAML_SCALAR_NODE ||
			    strcmp((const char *)key->data.scalar.value, "rules") != 0)
				return fail_at(source, key, "unknown key (known: rules)");
			list = yaml_document_get_node(source->document, pair->value);
		}
	if (!list || list->type != YAML_SEQUENCE_NODE)
		return fail_at(source, list ? list : root, "a list is expected: rules: [...]");
	for (const yaml_node_item_t *item = list->data.sequence.items.start;
	     !rc && item < list->data.sequence.items.top; item++)
		rc = add_rule(source, rules, yaml_document_get_node(source->document, *item));
	return rc;
}

static int parse_rules(struct tkit_ctx *ctx, struct rules *rules, const char *name,
		       const char *text, size_t size)
{
	yaml_document_t document;
	struct source source = {ctx, name, &document};
	yaml_parser_t parser;
	int rc;

	if (!yaml_parser_initialize(&parser))
		return tkit_fail(ctx, -ENOMEM, "reading %s", name);
	if (yamldoc_load(&parser, text, size, &document)) {
		rc = read_document(&source, rules);
		yaml_document_delete(&document);
	} else {
		rc = tkit_fail(ctx, parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL,
			       "%s:%zu: %s", name, parser.problem_mark.line + 1,
			       parser.problem ? parser.problem : "no YAML");
	}
	yaml_parser_delete(&parser);
	return rc;
}

int rules_add_default(struct tkit_ctx *ctx, struct rules *rules)
{
	return parse_rules(ctx, rules, "ignore.yaml", (const char *)rules_default,
			   rules_default_size);
}

int rules_add_file(struct tkit_ctx *ctx, struct rules *rules, const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = f ? malloc(RULES_SIZE_MAX + 1) : NULL;
	size_t size;
	int rc;

	if (!text) {
		rc = tkit_fail(ctx, -errno, "opening ignore rules %s", file);
	} else {
		size = fread(text, 1, RULES_SIZE_MAX + 1, f);
		if (ferror(f))
			rc = tkit_fail(ctx, -errno, "reading %s", file);
		else if (size > RULES_SIZE_MAX)
			rc = tkit_fail(ctx, -EFBIG, "reading %s: larger than %d bytes", file,
				       RULES_SIZE_MAX);
		else
			rc = parse_rules(ctx, rules, file, text, size);
	}
	free(text);
	if (f)
		fclose(f);
	return rc;
}

/* "/" with all below it is everything; elsewhere the pattern may end at a component. */
static int fits(const struct rule *rule, const char *path)
{
	int flags = FNM_PATHNAME;

	if (!rule->exact) {
		if (!strcmp(rule->path, "/"))
			return 1;
		flags |= FNM_LEADING_DIR;
	}
	return fnmatch(rule->path, path, flags) == 0;
}

const struct rule *rules_find(const struct rules *rules, struct tkit_bytes path)
{
	char buf[2 * PATH_MAX];

	if (path.len >= sizeof(buf))
		return NULL;
	memcpy(buf, path.ptr, path.len);
	buf[path.len] = '\0';
	for (size_t i = 0; i < rules->count; i++)
		if (fits(&rules->list[i], buf))
			return rules->list[i].keep ? NULL : &rules->list[i];
	return NULL;
}
