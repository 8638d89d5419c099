// SPDX-License-Identifier: MIT
/* The files that were used, by program, package or directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = bytes_compare(x->key, y->key);

	return c ? c : bytes_compare(x->entry->path->name, y->entry->path->name);
}

/* Several names of one file stand beside each other. */
static int compare_files(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = bytes_compare(x->key, y->key);

	return c ? c : bytes_compare(x->entry->path->canonical, y->entry->path->canonical);
}

static void count_files(struct groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct member *at = &groups->list[i];
		const struct tkit_path *path = at->entry->path;

		if (!(path->enriched & TKIT_ENRICHED_NODE) || !path->exists ||
		    !S_ISREG(path->mode) || (i && !compare_files(at - 1, at)))
			continue;
		at->is_file = 1;
		at->bytes = path->file_size;
	}
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

static struct tkit_bytes key_of(enum deps_group by, const struct tkit_path *path)
{
	if (by == GROUP_PACKAGE)
		return path->package;
	return by == GROUP_DIRECTORY ? directory_of(path->name) : (struct tkit_bytes){"", 0};
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
			rc = add(&groups, key_of(by, entry->path), entry);
	}
	if (rc < 0) {
		free(groups.list);
		return tkit_fail(ctx, rc, "making the report");
	}
	if (groups.count)
		qsort(groups.list, groups.count, sizeof(*groups.list), compare_files);
	count_files(&groups);
	if (groups.count)
		qsort(groups.list, groups.count, sizeof(*groups.list), compare_members);
	*ret_groups = groups;
	return 0;
}

size_t group_end(const struct groups *groups, size_t start)
{
	size_t end = start + 1;

	while (end < groups->count &&
	       !bytes_compare(groups->list[start].key, groups->list[end].key))
		end++;
	return end;
}

uint64_t group_bytes(const struct groups *groups, size_t start, size_t end)
{
	uint64_t sum = 0;

	for (size_t i = start; i < end; i++)
		sum += groups->list[i].bytes;
	return sum;
}

int total_find(struct tkit_ctx *ctx, const struct tkit_model *model,
	       const struct selection *selection, struct total *ret_total)
{
	struct groups all = {0};
	int rc = groups_make(ctx, GROUP_NONE, model, selection, &all);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < all.count; i++) {
		ret_total->files += (uint64_t)all.list[i].is_file;
		ret_total->bytes += all.list[i].bytes;
	}
	free(all.list);
	return 0;
}

void put_size(struct tkit_out *out, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
	uint64_t tenths = bytes / 100; /* of the unit */
	size_t unit = 0;

	if (bytes < 10000) {
		tkit_out_printf(out, "%llu byte%s", (unsigned long long)bytes,
				bytes == 1 ? "" : "s");
		return;
	}
	while (tenths >= 10000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		tenths /= 1000;
		unit++;
	}
	tkit_out_printf(out, "%llu.%llu %s", (unsigned long long)(tenths / 10),
			(unsigned long long)(tenths % 10), units[unit]);
}
