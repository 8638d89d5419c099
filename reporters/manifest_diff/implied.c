// SPDX-License-Identifier: MIT
/* What the binaries of a schema file bring along: their interpreter and libraries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "manifest_diff.h"

struct adding {
	struct plan *plan;
	size_t nowhere; /* asked for and not found */
};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_bytes(struct plan *plan, struct tkit_bytes name)
{
	char *text = strndup(name.ptr, name.len);
	int rc = text ? plan_add_implied(plan, text) : -ENOMEM;

	free(text);
	return rc;
}

/*
 * The kernel goes by the interpreter's name as the binary has it, and a trace has the file: the
 * links on the way (/lib64) are needed by whatever is executed.
 */
static int pass_links(struct plan *plan, struct tkit_bytes asked)
{
	char out[NAME_SIZE], *name;

	if (!asked.len || asked.ptr[0] != '/')
		return 0;
	name = strndup(asked.ptr, asked.len);
	if (!name)
		return -ENOMEM;
	plan_resolve(plan, name, 1, out, 1);
	free(name);
	return 0;
}

static int add_need(void *arg, const struct tkit_need *need)
{
	struct adding *adding = arg;
	struct tkit_bytes asked = need->asked;
	int rc = pass_links(adding->plan, asked);

	adding->nowhere += !need->canonical.len;
	for (size_t i = 0; i < asked.len; i++)
		if (need->asked.ptr[i] == '/')
			asked = (struct tkit_bytes){need->asked.ptr + i + 1,
						    need->asked.len - i - 1};
	if (rc == 0 && need->canonical.len)
		rc = add_bytes(adding->plan, need->canonical);
	return rc < 0 ? rc : add_bytes(adding->plan, asked);
}

int open_sources(struct tkit_ctx *ctx, const struct options *options, const struct plan *plan,
		 struct tkit_rootfs *root, struct tkit_rootfs **ret_fs, int *ret_owned)
{
	const char *dir = options->source ? options->source : plan->path;
	struct stat st;

	*ret_owned = 0;
	*ret_fs = root;
	if (!dir || (!options->source && (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))))
		return 0;
	*ret_owned = 1;
	return tkit_rootfs_open_dir(ctx, dir, ret_fs);
}

int add_implied(struct tkit_ctx *ctx, const struct options *options, struct plan *plan,
		struct tkit_rootfs *root)
{
	struct adding adding = {.plan = plan};
	struct tkit_rootfs *fs;
	int owned, rc;

	if (plan->type != TYPE_SCHEMA)
		return 0;
	rc = open_sources(ctx, options, plan, root, &fs, &owned);
	for (size_t i = 0; rc >= 0 && fs && i < plan->count; i++) {
		const struct node *node = &plan->nodes[i];
		const char *name = node->source ? source_name(plan, node->source) : NULL;

		if (node->list != LIST_BINARIES)
			continue;
		if (!name || !owned)
			name = node->name;
		rc = tkit_rootfs_needs(fs, (struct tkit_bytes){name, strlen(name)}, add_need,
				       &adding);
		if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP)
			rc = 0;
	}
	if (owned && rc >= 0)
		tkit_rootfs_free(fs);
	if (rc < 0)
		return tkit_fail(ctx, rc, "looking for the libraries of the manifest's binaries");
	if (plan->implied_count)
		qsort(plan->implied, plan->implied_count, sizeof(*plan->implied), compare_texts);
	return 0;
}
