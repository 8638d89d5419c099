// SPDX-License-Identifier: MIT
/* A plan held against what the runs did. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_diff.h"

/* What the kernel or a container runtime provides, or a program can do without. */
static const char *const outside[] = {"/proc",
				      "/sys",
				      "/dev",
				      "/etc/ld.so.cache",
				      "/var/lib/docker/overlay2",
				      "/var/lib/docker/rootfs",
				      "/var/lib/containers/storage",
				      "/var/lib/containerd/io.containerd.snapshotter.v1.*"};

struct comparison {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_model *model;
	struct tkit_rootfs *root;
	struct plan *plan;
	struct result *result;
	char **canonical; /* of the plan's nodes, in the root; sorted */
	size_t canonical_count;
};

static int below(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, FNM_PATHNAME | FNM_LEADING_DIR) == 0;
}

static int is_ignored(const struct comparison *c, const char *name)
{
	if (!strcmp(name, "/"))
		return 1;
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		if (below(outside[i], name))
			return 1;
	for (size_t i = 0; i < c->options->ignore.count; i++)
		if (below(c->options->ignore.items[i], name))
			return 1;
	return 0;
}

static struct item *add_item(struct comparison *c, enum section section, const char *name)
{
	struct result *result = c->result;

	if (result->count == result->room) {
		size_t room = result->room ? result->room * 2 : 256;
		struct item *items = reallocarray(result->items, room, sizeof(*items));

		if (!items)
			return NULL;
		result->items = items;
		result->room = room;
	}
	result->items[result->count] = (struct item){.name = strdup(name), .section = section};
	return result->items[result->count].name ? &result->items[result->count++] : NULL;
}

/*
 * The plan has that name, by its own links. With `mark` the node, the links passed and the
 * folders above count as used. 1 declared, 2 brought along by a binary, 0 neither.
 */
static int is_declared(struct comparison *c, const char *name, int mark)
{
	char out[NAME_SIZE];
	int found = 0;

	if (plan_resolve(c->plan, name, 1, out, mark) < 0)
		return 0;
	found = plan_find(c->plan, out) || plan_has_below(c->plan, out);
	if (!found && (plan_is_implied(c->plan, out) || plan_is_implied(c->plan, last_of(out)) ||
		       (c->plan->implied_count && is_library_folder(out))))
		found = 2;
	while (mark && strcmp(out, "/") != 0 && out[0]) {
		struct node *node = (struct node *)plan_find(c->plan, out);

		if (node)
			node->used = 1;
		*strrchr(out, '/') = '\0';
	}
	return found;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* -ENOENT and the like are no failures of ours. */
static long resolve(struct comparison *c, const char *name, int nofollow, char *out)
{
	long n = tkit_rootfs_resolve(c->root, (struct tkit_bytes){name, strlen(name)}, nofollow,
				     out, NAME_SIZE - 1, NULL, NULL);

	if (n >= 0)
		out[n] = '\0';
	return n;
}

static int index_root(struct comparison *c)
{
	if (!c->root)
		return 0;
	c->canonical = calloc(c->plan->count + 1, sizeof(*c->canonical));
	if (!c->canonical)
		return -ENOMEM;
	for (size_t i = 0; i < c->plan->count; i++) {
		char out[NAME_SIZE];

		if (c->plan->nodes[i].kind == NODE_LINK ||
		    resolve(c, c->plan->nodes[i].name, 0, out) < 0)
			continue;
		c->canonical[c->canonical_count] = strdup(out);
		if (!c->canonical[c->canonical_count])
			return -ENOMEM;
		c->canonical_count++;
	}
	if (c->canonical_count)
		qsort(c->canonical, c->canonical_count, sizeof(*c->canonical), compare_texts);
	return 0;
}

struct missing_links {
	struct comparison *c;
	const struct tkit_path *path;
	size_t count;
	int rc;
};

/* A symlink of the root on the way to something declared: is it declared, too? */
static void check_link(void *arg, struct tkit_bytes link)
{
	struct missing_links *m = arg;
	struct item *item;
	char *name;

	name = strndup(link.ptr, link.len);
	if (!name) {
		m->rc = -ENOMEM;
		return;
	}
	if (!is_declared(m->c, name, 0)) {
		item = add_item(m->c, SECTION_UNDECLARED, name);
		if (item) {
			item->path = m->path;
			item->is_link = 1;
			m->count++;
		} else {
			m->rc = -ENOMEM;
		}
	}
	free(name);
}

/* Declared under the name that the root's links, or the kernel, give it. */
static int by_root(struct comparison *c, const struct tkit_path *path, const char *name)
{
	struct missing_links m = {.c = c, .path = path};
	char out[NAME_SIZE], *key = out;

	if (!c->root || resolve(c, name, 0, out) < 0)
		return 0;
	if (!is_declared(c, out, 1) &&
	    !(c->canonical_count && bsearch(&key, c->canonical, c->canonical_count,
					    sizeof(*c->canonical), compare_texts)))
		return 0;
	tkit_rootfs_resolve(c->root, path->name, 0, out, sizeof(out), check_link, &m);
	return m.rc < 0 ? m.rc : 1;
}

/*
 * What a declared name leads to is used, too, by the kernel's word or the root's: a list of paths
 * says nothing of links.
 */
static void mark_reached(struct comparison *c, const struct tkit_path *path, const char *name)
{
	const struct tkit_access *access;
	char out[NAME_SIZE];
	int follows = 0;

	for (size_t i = 0; (access = tkit_model_access(c->model, path, i)); i++) {
		if (access->err)
			continue;
		follows |= !access->nofollow_all;
		if (!access->resolved.len || access->resolved.len >= sizeof(out) ||
		    access->resolved.ptr[0] != '/')
			continue;
		memcpy(out, access->resolved.ptr, access->resolved.len);
		out[access->resolved.len] = '\0';
		is_declared(c, out, 1);
	}
	if (follows && c->root && resolve(c, name, 0, out) >= 0)
		is_declared(c, out, 1);
}

/* Something that was there before the run. */
static int add_used(struct comparison *c, const struct tkit_path *path, const char *name)
{
	struct item *item;
	int rc;

	if (is_declared(c, name, 1)) {
		mark_reached(c, path, name);
		return 0;
	}
	rc = by_root(c, path, name);
	if (rc)
		return rc < 0 ? rc : 0;
	item = add_item(c, SECTION_UNDECLARED, name);
	if (!item)
		return -ENOMEM;
	item->path = path;
	return 0;
}

/* A file of the run's own making needs the folder that it is put into. */
static int add_created(struct comparison *c, const struct tkit_path *path, char *name)
{
	do
		*strrchr(name, '/') = '\0';
	while (name[0] && tkit_model_created(c->model, (struct tkit_bytes){name, strlen(name)}));
	if (!name[0] || is_ignored(c, name))
		return 0;
	return add_used(c, path, name);
}

static int add_sought(struct comparison *c, const struct tkit_path *path, const char *name)
{
	char out[NAME_SIZE];
	struct item *item;
	int found = is_declared(c, name, 0);

	if (!strcmp(name, "/etc/ld.so.preload"))
		return 0; /* of every program; there are images without it only */
	/* A folder that is not there although something in it is declared: the files tell. */
	if (found && plan_resolve(c->plan, name, 1, out, 0) == 0) {
		struct node *node = (struct node *)plan_find(c->plan, out);

		if (node) {
			node->sought = 1;
			item = add_item(c, SECTION_MISSING, name);
			if (!item)
				return -ENOMEM;
			item->node = node;
			item->path = path;
			return 0;
		}
	}
	item = add_item(c, SECTION_SOUGHT, name);
	if (!item)
		return -ENOMEM;
	item->path = path;
	return 0;
}

static int add_path(struct comparison *c, const struct tkit_path *path)
{
	uint32_t state = path->state;
	char name[NAME_SIZE];
	int own = (state & TKIT_PATH_CREATED) && !(state & (TKIT_PATH_EXISTED | TKIT_PATH_UNSURE));

	if (path->name.len >= sizeof(name) || !path->name.len)
		return 0;
	memcpy(name, path->name.ptr, path->name.len);
	name[path->name.len] = '\0';
	if (is_ignored(c, name))
		return 0;
	if (own || tkit_model_created(c->model, path->name))
		return state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED)
			       ? add_created(c, path, name)
			       : 0;
	if (state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED))
		return add_used(c, path, name);
	if (state & TKIT_PATH_MISSING)
		return add_sought(c, path, name);
	is_declared(c, name, 1); /* there, and could not be used */
	return 0;
}

static const struct tkit_path *path_of(const struct comparison *c, const char *name)
{
	return tkit_model_find(c->model, (struct tkit_bytes){name, strlen(name)});
}

/* What the runs say of each node. */
static int add_node(struct comparison *c, struct node *node)
{
	char out[NAME_SIZE];
	struct item *item;
	int there = !c->root || is_ignored(c, node->name) ||
		    resolve(c, node->name, node->kind == NODE_LINK, out) >= 0;
	enum section section;

	if (node->target_only)
		return 0;
	if (!there && !node->sought) {
		item = add_item(c, SECTION_MISSING, node->name);
		if (!item)
			return -ENOMEM;
		item->node = node;
		item->absent = 1;
	}
	if (node->used || node->passed)
		section = SECTION_USED;
	else if (node->sought || !there || is_ignored(c, node->name) ||
		 (node->kind != NODE_LINK && plan_has_below(c->plan, node->name)))
		return 0; /* a folder of declared things is told by those */
	else
		section = SECTION_UNUSED;
	item = add_item(c, section, node->name);
	if (!item)
		return -ENOMEM;
	item->node = node;
	item->path = path_of(c, node->name);
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int same_item(const struct item *a, const struct item *b)
{
	return a->section == b->section && !strcmp(a->name, b->name);
}

static void sort_items(struct result *result)
{
	size_t kept = 0;

	if (result->count)
		qsort(result->items, result->count, sizeof(*result->items), compare_items);
	for (size_t i = 0; i < result->count; i++) {
		if (kept && same_item(&result->items[kept - 1], &result->items[i]))
			free(result->items[i].name);
		else
			result->items[kept++] = result->items[i];
	}
	result->count = kept;
}

static void count_items(struct result *result)
{
	for (size_t i = 0; i < result->count; i++)
		result->sections[result->items[i].section]++;
}

int compare(struct tkit_ctx *ctx, const struct options *options, const struct tkit_model *model,
	    struct plan *plan, struct result *result)
{
	struct comparison c = {.ctx = ctx,
			       .options = options,
			       .model = model,
			       .root = tkit_model_rootfs(model),
			       .plan = plan,
			       .result = result};
	const struct tkit_path *path;
	int rc = index_root(&c);

	for (size_t i = 0; !rc && (path = tkit_model_path(model, i)); i++)
		rc = add_path(&c, path);
	for (size_t i = 0; !rc && i < plan->count; i++)
		rc = add_node(&c, &plan->nodes[i]);
	if (!rc) {
		sort_items(result);
		rc = join_libraries(model, result);
	}
	if (!rc)
		count_items(result);
	for (size_t i = 0; i < c.canonical_count; i++)
		free(c.canonical[i]);
	free(c.canonical);
	return rc < 0 ? tkit_fail(ctx, rc, "comparing") : 0;
}

void item_done(struct item *item)
{
	for (size_t i = 0; i < item->place_count; i++)
		free(item->places[i]);
	free(item->places);
	free(item->name);
}

void result_done(struct result *result)
{
	for (size_t i = 0; i < result->count; i++)
		item_done(&result->items[i]);
	for (size_t i = 0; i < result->resolved_count; i++)
		free(result->resolved[i]);
	free(result->items);
	free(result->resolved);
}
