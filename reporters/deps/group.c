// SPDX-License-Identifier: MIT
/* The files that were used, by program, package or directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"

static int compare_bytes(struct tkit_bytes a, struct tkit_bytes b)
{
	int c = a.len && b.len ? memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = compare_bytes(x->key, y->key);

	return c ? c : compare_bytes(x->entry->path->name, y->entry->path->name);
}

static int add(struct groups *groups, struct tkit_bytes key, const struct entry *entry)
{
	if (groups->count == groups->room) {
		size_t room = groups->room ? groups->room * 2 : 256;
		struct member *list = reallocarray(groups->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		groups->list = list;
		groups->room = room;
	}
	groups->list[groups->count++] = (struct member){.key = key, .entry = entry};
	return 0;
}

static struct tkit_bytes directory_of(struct tkit_bytes name)
{
	while (name.len > 1 && name.ptr[name.len - 1] != '/')
		name.len--;
	if (name.len > 1)
		name.len--;
	return name;
}

/* Once for each program that used it; of one whose uses all failed (readlink of a file), too. */
static int add_programs(struct groups *groups, const struct tkit_model *model,
			const struct entry *entry)
{
	int failed = !(entry->path->state & TKIT_PATH_SUCCEEDED);
	const struct tkit_access *access;
	int rc = 0;

	for (size_t i = 0; !rc && (access = tkit_model_access(model, entry->path, i)); i++) {
		const struct tkit_program *program = tkit_model_program(model, access->program);
		size_t k = 0;

		if ((access->err && !failed) || !program)
			continue;
		/* told already for an access before */
		while (k < i &&
		       ((tkit_model_access(model, entry->path, k)->err && !failed) ||
			tkit_model_access(model, entry->path, k)->program != access->program))
			k++;
		if (k == i)
			rc = add(groups, program->exe, entry);
	}
	return rc;
}

int groups_make(struct tkit_ctx *ctx, enum deps_group by, const struct tkit_model *model,
		const struct selection *selection, struct groups *ret_groups)
{
	struct groups groups = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < selection->count; i++) {
		const struct entry *entry = &selection->entries[i];

		if (entry->section != SECTION_PRESENT)
			continue;
		if (by == GROUP_PROCESS)
			rc = add_programs(&groups, model, entry);
		else
			rc = add(&groups,
				 by == GROUP_PACKAGE ? entry->path->package
						     : directory_of(entry->path->name),
				 entry);
	}
	if (rc < 0) {
		free(groups.list);
		return tkit_fail(ctx, rc, "making the report");
	}
	if (groups.count)
		qsort(groups.list, groups.count, sizeof(*groups.list), compare_members);
	*ret_groups = groups;
	return 0;
}

size_t group_end(const struct groups *groups, size_t start)
{
	size_t end = start + 1;

	while (end < groups->count &&
	       !compare_bytes(groups->list[start].key, groups->list[end].key))
		end++;
	return end;
}

/* Several names of one file count once: those with the same canonical name. */
uint64_t group_bytes(const struct groups *groups, size_t start, size_t end)
{
	uint64_t sum = 0;

	for (size_t i = start; i < end; i++) {
		const struct tkit_path *path = groups->list[i].entry->path;
		size_t k = start;

		if (!(path->enriched & TKIT_ENRICHED_NODE) || !path->exists || !S_ISREG(path->mode))
			continue;
		while (k < i &&
		       compare_bytes(groups->list[k].entry->path->canonical, path->canonical) != 0)
			k++;
		if (k == i)
			sum += path->file_size;
	}
	return sum;
}
