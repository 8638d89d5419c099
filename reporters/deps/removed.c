// SPDX-License-Identifier: MIT
/* What a minimal image would leave out: by package, with sizes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"

struct counting {
	const struct tkit_model *model;
	const struct tkit_closure *closure;
	struct removed *removed;
};

static struct removed_package *package_of(struct removed *removed,
					  const struct tkit_package *package)
{
	struct removed_package *list;

	for (size_t i = removed->count; i-- > 0;)
		if (removed->list[i].package == package)
			return &removed->list[i];
	list = reallocarray(removed->list, removed->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	removed->list = list;
	list[removed->count] = (struct removed_package){.package = package};
	return &list[removed->count++];
}

static int count_file(void *arg, struct tkit_bytes path, const struct stat *st)
{
	struct counting *c = arg;
	struct removed_package *at;
	int kept = tkit_closure_find(c->closure, path) != NULL;

	if (S_ISDIR(st->st_mode))
		return 0;
	at = package_of(c->removed, tkit_model_owner(c->model, path));
	if (!at)
		return -ENOMEM;
	at->files += !kept;
	at->kept += kept;
	if (S_ISREG(st->st_mode) && !kept) {
		at->bytes += (uint64_t)st->st_size;
		c->removed->bytes += (uint64_t)st->st_size;
	}
	c->removed->files += !kept;
	return 0;
}

static int compare_packages(const void *a, const void *b)
{
	const struct removed_package *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (!x->package || !y->package)
		return !x->package - !y->package;
	return bytes_compare(x->package->name, y->package->name);
}

int removed_find(struct tkit_ctx *ctx, const struct tkit_model *model, struct removed *ret_removed)
{
	struct tkit_rootfs *root = tkit_model_rootfs(model);
	struct counting c = {.model = model, .removed = ret_removed};
	struct tkit_closure *closure;
	size_t kept = 0;
	int rc;

	if (!root)
		return tkit_fail(ctx, -EINVAL, "removed: the root file system is needed (--root)");
	rc = tkit_closure_new(ctx, model, root, NULL, &closure);
	if (rc < 0)
		return rc;
	c.closure = closure;
	rc = tkit_rootfs_walk(root, (struct tkit_bytes){"/", 1}, count_file, &c);
	tkit_closure_free(closure);
	if (rc < 0)
		return tkit_fail(ctx, rc, "counting what is not used");
	for (size_t i = 0; i < ret_removed->count; i++)
		if (ret_removed->list[i].files)
			ret_removed->list[kept++] = ret_removed->list[i];
	ret_removed->count = kept;
	if (kept)
		qsort(ret_removed->list, kept, sizeof(*ret_removed->list), compare_packages);
	return 0;
}
