// SPDX-License-Identifier: MIT
/* Which section a path belongs to. */
#include <errno.h>
#include <stdlib.h>

#include "deps.h"

const char *section_name(enum section section)
{
	static const char *const names[SECTION_COUNT] = {"none",   "present", "created", "missing",
							 "failed", "unknown", "ignored"};

	return names[section];
}

static int wanted(const struct deps *deps, const struct tkit_model *model,
		  const struct tkit_path *path)
{
	const struct tkit_access *access;

	for (size_t i = 0; (access = tkit_model_access(model, path, i)); i++)
		if (deps->classes & (1u << tkit_op_class(access->op)))
			return 1;
	return 0;
}

static int result_known(const struct tkit_model *model, const struct tkit_path *path)
{
	const struct tkit_access *access;

	for (size_t i = 0; (access = tkit_model_access(model, path, i)); i++)
		if (access->err >= 0)
			return 1;
	return 0;
}

/* By the last state: what failed first and was there later is present. */
static enum section section_of(const struct tkit_model *model, const struct tkit_path *path)
{
	uint32_t state = path->state;
	int own = (state & TKIT_PATH_CREATED) && !(state & (TKIT_PATH_EXISTED | TKIT_PATH_UNSURE));

	if (state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED))
		return own ? SECTION_CREATED : SECTION_PRESENT;
	if (state & TKIT_PATH_MISSING)
		return SECTION_MISSING;
	return result_known(model, path) ? SECTION_FAILED : SECTION_UNKNOWN;
}

int select_entries(struct tkit_ctx *ctx, const struct deps *deps, const struct tkit_model *model,
		   struct selection *ret_selection)
{
	size_t count = tkit_model_path_count(model);
	struct selection selection = {.count = count};

	selection.entries = calloc(count ? count : 1, sizeof(*selection.entries));
	if (!selection.entries)
		return tkit_fail(ctx, -ENOMEM, "making the report");
	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &selection.entries[i];
		const struct rule *rule;

		entry->path = tkit_model_path(model, i);
		if (wanted(deps, model, entry->path)) {
			entry->section = section_of(model, entry->path);
			rule = rules_find(&deps->rules, entry->path->name);
			if (rule) {
				entry->ok = entry->section == SECTION_PRESENT ||
					    entry->section == SECTION_CREATED;
				entry->reason = rule->reason;
				entry->section = SECTION_IGNORED;
			}
		}
		selection.sections[entry->section]++;
	}
	*ret_selection = selection;
	return 0;
}
