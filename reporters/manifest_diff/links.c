// SPDX-License-Identifier: MIT
/*
 * The symlinks of a schema file. LINK:TARGET is the written form, TARGET:LINK stands in files
 * just as often: what the rest of the manifest puts somewhere is the target.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_diff.h"

/* Folders that the libraries of binaries go to, whether or not anything else does. */
static const char *const library_folders[] = {"/lib",       "/lib64", "/usr/lib",
					      "/usr/lib64", "/lib32", "/usr/lib32"};

struct links {
	struct tkit_ctx *ctx;
	const char *file;
	struct plan *plan; /* without the symlinks */
	struct node *list;
	size_t count;
	size_t forward, backward; /* entries that can only be read one way */
	int has_binaries;
};

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Takes the symlinks out of the plan and sorts the rest. */
static int take_out(struct links *l)
{
	size_t kept = 0;

	l->list = calloc(l->plan->count + 1, sizeof(*l->list));
	if (!l->list)
		return tkit_fail(l->ctx, -ENOMEM, "reading %s", l->file);
	for (size_t i = 0; i < l->plan->count; i++) {
		const struct node *node = &l->plan->nodes[i];

		l->has_binaries |= node->list == LIST_BINARIES;
		if (node->kind == NODE_LINK)
			l->list[l->count++] = *node;
		else
			l->plan->nodes[kept++] = *node;
	}
	l->plan->count = kept;
	if (kept)
		qsort(l->plan->nodes, kept, sizeof(*l->plan->nodes), compare_nodes);
	return 0;
}

static int check_double(const struct links *l)
{
	for (size_t i = 1; i < l->plan->count; i++) {
		const struct node *a = &l->plan->nodes[i - 1], *b = &l->plan->nodes[i];

		if (!strcmp(a->name, b->name) &&
		    (a->kind != NODE_DIRECTORY || b->kind != NODE_DIRECTORY))
			return tkit_fail(l->ctx, -EINVAL,
					 "%s:%u: destination %s stands at line %u already", l->file,
					 b->line, b->name, a->line);
	}
	return 0;
}

/* 2: declared itself; 1: something below it is; 0: not in the plan. */
static int known(const struct links *l, const char *name)
{
	return plan_find(l->plan, name) ? 2 : plan_has_below(l->plan, name);
}

/* 1: LINK:TARGET, -1: TARGET:LINK, 0: either. */
static int direction(const struct links *l, const struct node *link)
{
	int a = known(l, link->name), b = known(l, link->target);

	if (!a != !b)
		return b ? 1 : -1;
	/* What is declared itself cannot be the link. */
	return a == 2 && b < 2 ? -1 : b == 2 && a < 2 ? 1 : 0;
}

static int in_library_folder(const struct links *l, const char *name)
{
	for (size_t i = 0;
	     l->has_binaries && i < sizeof(library_folders) / sizeof(*library_folders); i++) {
		size_t len = strlen(library_folders[i]);

		if (!strncmp(name, library_folders[i], len) && (!name[len] || name[len] == '/'))
			return 1;
	}
	return 0;
}

/* Some other entry of the list is a link of that name, or is above it. */
static int is_link(const struct links *l, const struct node *self, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		size_t len = strlen(l->list[i].name);

		if (&l->list[i] != self && !strncmp(name, l->list[i].name, len) &&
		    (!name[len] || name[len] == '/'))
			return 1;
	}
	return 0;
}

static void swap(struct node *link)
{
	char *name = link->name;

	link->name = link->target;
	link->target = name;
}

static int turn(struct links *l)
{
	const struct node *first = NULL;

	for (size_t i = 0; i < l->count; i++) {
		int way = direction(l, &l->list[i]);

		l->forward += way > 0;
		l->backward += way < 0;
	}
	for (size_t i = 0; i < l->count; i++) {
		struct node *link = &l->list[i];
		int way = direction(l, link);

		if (way < 0 || (!way && l->backward > l->forward)) {
			if (!first)
				first = link;
			swap(link);
		}
	}
	l->plan->reversed = l->backward > l->forward;
	if (first)
		tkit_log(l->ctx, TKIT_LOG_WARN,
			 "%s:%u: symlinks stand as TARGET:LINK here: read as %s -> %s%s", l->file,
			 first->line, first->name, first->target,
			 l->forward ? "; others stand as LINK:TARGET" : "");
	return 0;
}

static int check_link(const struct links *l, const struct node *link)
{
	const struct node *same = plan_find(l->plan, link->name);

	if (!strcmp(link->name, link->target))
		return tkit_fail(l->ctx, -EINVAL, "%s:%u: symlink %s leads to itself", l->file,
				 link->line, link->name);
	if (same)
		return tkit_fail(l->ctx, -EINVAL,
				 "%s:%u: symlink %s: that destination stands at line %u already",
				 l->file, link->line, link->name, same->line);
	for (const struct node *other = l->list; other < link; other++)
		if (!strcmp(other->name, link->name))
			return tkit_fail(l->ctx, -EINVAL,
					 "%s:%u: symlink %s stands at line %u already", l->file,
					 link->line, link->name, other->line);
	if (!known(l, link->target) && !in_library_folder(l, link->target) &&
	    !is_link(l, link, link->target))
		return tkit_fail(l->ctx, -EINVAL,
				 "%s:%u: symlink %s: nothing of the manifest is at its target %s",
				 l->file, link->line, link->name, link->target);
	return 0;
}

int read_links(struct tkit_ctx *ctx, const char *file, struct plan *plan)
{
	struct links l = {.ctx = ctx, .file = file, .plan = plan};
	int rc = take_out(&l);

	if (!rc)
		rc = check_double(&l);
	if (!rc)
		rc = turn(&l);
	for (size_t i = 0; !rc && i < l.count; i++)
		rc = check_link(&l, &l.list[i]);
	/* There is room: that is where they came from. */
	for (size_t i = 0; i < l.count; i++)
		plan->nodes[plan->count++] = l.list[i];
	free(l.list);
	return rc;
}
