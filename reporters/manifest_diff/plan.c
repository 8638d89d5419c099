// SPDX-License-Identifier: MIT
/* What a manifest declares, whatever form it had. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_diff.h"

#define LINKS_MAX 40

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->nodes[i].name);
		free(plan->nodes[i].target);
		free(plan->nodes[i].source);
	}
	for (size_t i = 0; i < plan->implied_count; i++)
		free(plan->implied[i]);
	free(plan->implied);
	free(plan->nodes);
	free(plan->text);
	free(plan->backend);
	free(plan->mode);
	free(plan->path);
	free(plan->folder);
	*plan = (struct plan){0};
}

int clean_name(const char *name, char *out)
{
	size_t size = 0;

	while (*name) {
		size_t len = strcspn(name, "/");

		if (len == 2 && name[0] == '.' && name[1] == '.')
			return -1;
		if (len && !(len == 1 && name[0] == '.')) {
			if (size + len + 2 > NAME_SIZE)
				return -1;
			out[size++] = '/';
			memcpy(out + size, name, len);
			size += len;
		}
		name += len + (name[len] == '/');
	}
	if (!size)
		out[size++] = '/';
	out[size] = '\0';
	return 0;
}

struct node *plan_add(struct plan *plan, const char *name, enum node_kind kind)
{
	char clean[NAME_SIZE];
	struct node *node;

	if (clean_name(name, clean) < 0)
		return NULL;
	if (plan->count == plan->room) {
		size_t room = plan->room ? plan->room * 2 : 64;
		struct node *nodes = reallocarray(plan->nodes, room, sizeof(*nodes));

		if (!nodes)
			return NULL;
		plan->nodes = nodes;
		plan->room = room;
	}
	node = &plan->nodes[plan->count];
	*node = (struct node){.name = strdup(clean), .kind = kind};
	if (!node->name)
		return NULL;
	plan->count++;
	return node;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	if (!c)
		c = (y->kind > x->kind) - (y->kind < x->kind);
	return c ? c : (x->line > y->line) - (x->line < y->line);
}

static void sort_nodes(struct plan *plan)
{
	size_t kept = 0;

	if (plan->count)
		qsort(plan->nodes, plan->count, sizeof(*plan->nodes), compare_nodes);
	for (size_t i = 0; i < plan->count; i++) {
		/* "/" is there in any case */
		if (!strcmp(plan->nodes[i].name, "/") ||
		    (kept && !strcmp(plan->nodes[kept - 1].name, plan->nodes[i].name))) {
			free(plan->nodes[i].name);
			free(plan->nodes[i].target);
			free(plan->nodes[i].source);
			continue;
		}
		plan->nodes[kept++] = plan->nodes[i];
	}
	plan->count = kept;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What a link leads to is there, too, even if nothing is declared in it. */
static int add_targets(struct tkit_ctx *ctx, struct plan *plan)
{
	size_t count = plan->type == TYPE_SCHEMA ? plan->count : 0;

	for (size_t i = 0; i < count; i++) {
		char out[NAME_SIZE];
		struct node *node;

		if (plan->nodes[i].kind != NODE_LINK ||
		    plan_resolve(plan, plan->nodes[i].name, 1, out, 0) < 0 ||
		    plan_find(plan, out) || plan_has_below(plan, out))
			continue;
		node = plan_add(plan, out, NODE_DIRECTORY);
		if (!node)
			return tkit_fail(ctx, -ENOMEM, "reading the manifest");
		node->target_only = 1;
		node->line = plan->nodes[i].line;
		node->list = LIST_COUNT;
		/* Sorted again, so that the next one is looked up right. */
		sort_nodes(plan);
		count = plan->count;
	}
	return 0;
}

int plan_finish(struct tkit_ctx *ctx, struct plan *plan)
{
	char **names;
	int rc = 0;

	sort_nodes(plan);
	names = calloc(plan->count + 1, sizeof(*names));
	if (!names)
		return tkit_fail(ctx, -ENOMEM, "reading the manifest");
	for (size_t i = 0; !rc && i < plan->count; i++) {
		char out[NAME_SIZE];

		if (plan_resolve(plan, plan->nodes[i].name, 0, out, 0) < 0)
			rc = tkit_fail(ctx, -ELOOP, "the manifest's symlinks go in a circle at %s",
				       plan->nodes[i].name);
		else if (!(names[i] = strdup(out)))
			rc = tkit_fail(ctx, -ENOMEM, "reading the manifest");
	}
	for (size_t i = 0; i < plan->count; i++)
		if (rc) {
			free(names[i]);
		} else {
			free(plan->nodes[i].name);
			plan->nodes[i].name = names[i];
		}
	free(names);
	if (!rc)
		sort_nodes(plan);
	return rc < 0 ? rc : add_targets(ctx, plan);
}

/* Index of the first node whose name is not before `name`. */
static size_t lower_bound(const struct plan *plan, const char *name)
{
	size_t low = 0, high = plan->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(plan->nodes[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct node *plan_find(const struct plan *plan, const char *name)
{
	size_t at = lower_bound(plan, name);

	return at < plan->count && !strcmp(plan->nodes[at].name, name) ? &plan->nodes[at] : NULL;
}

int plan_has_below(const struct plan *plan, const char *name)
{
	char prefix[NAME_SIZE + 2];
	size_t len, at;

	if (!strcmp(name, "/"))
		return plan->count > 0;
	len = (size_t)snprintf(prefix, sizeof(prefix), "%s/", name);
	at = lower_bound(plan, prefix);
	return at < plan->count && !strncmp(plan->nodes[at].name, prefix, len);
}

/* Replaces what was walked by a link's target. -1: too long. */
static int follow(const struct node *link, char *out, size_t *size, char *rest)
{
	char next[NAME_SIZE];
	int n = snprintf(next, sizeof(next), "%s/%s", link->target, rest);

	if (n < 0 || (size_t)n >= sizeof(next))
		return -1;
	memcpy(rest, next, (size_t)n + 1);
	if (link->target[0] == '/') {
		*size = 0;
	} else {
		while (*size && out[*size - 1] != '/')
			--*size;
		if (*size)
			--*size;
	}
	out[*size] = '\0';
	return 0;
}

int plan_resolve(const struct plan *plan, const char *name, int follow_last, char *out, int mark)
{
	char rest[NAME_SIZE];
	size_t size = 0, at = 0;
	int links = 0;

	if (strlen(name) >= sizeof(rest))
		return -1;
	snprintf(rest, sizeof(rest), "%s", name);
	out[0] = '\0';
	for (;;) {
		const struct node *node;
		size_t len, before = size;

		at += strspn(rest + at, "/");
		len = strcspn(rest + at, "/");
		if (!len)
			break;
		if (len == 2 && !strncmp(rest + at, "..", 2)) {
			while (size && out[--size] != '/')
				;
			out[size] = '\0';
			at += len;
			continue;
		}
		if (size + len + 2 > NAME_SIZE)
			return -1;
		if (!(len == 1 && rest[at] == '.')) {
			out[size++] = '/';
			memcpy(out + size, rest + at, len);
			size += len;
			out[size] = '\0';
		}
		at += len;
		if (size == before || (!rest[at + strspn(rest + at, "/")] && !follow_last))
			continue;
		node = plan_find(plan, out);
		if (!node || node->kind != NODE_LINK)
			continue;
		if (mark)
			((struct node *)node)->passed = 1; /* of the caller's own plan */
		if (++links > LINKS_MAX)
			return -1;
		memmove(rest, rest + at, strlen(rest + at) + 1);
		at = 0;
		if (follow(node, out, &size, rest) < 0)
			return -1;
	}
	if (!size)
		memcpy(out, "/", 2);
	return 0;
}

int plan_add_implied(struct plan *plan, const char *name)
{
	if (plan->implied_count == plan->implied_room) {
		size_t room = plan->implied_room ? plan->implied_room * 2 : 32;
		char **implied = reallocarray(plan->implied, room, sizeof(*implied));

		if (!implied)
			return -ENOMEM;
		plan->implied = implied;
		plan->implied_room = room;
	}
	plan->implied[plan->implied_count] = strdup(name);
	if (!plan->implied[plan->implied_count])
		return -ENOMEM;
	plan->implied_count++;
	return 0;
}

int plan_is_implied(const struct plan *plan, const char *name)
{
	if (!plan->implied_count)
		return 0;
	return bsearch(&name, plan->implied, plan->implied_count, sizeof(*plan->implied),
		       compare_texts) != NULL;
}

const char *type_name(enum manifest_type type)
{
	static const char *const names[] = {"auto", "schema",    "mtree", "tar",
					    "list", "directory", "dpkg",  "trace"};

	return names[type];
}
