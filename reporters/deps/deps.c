// SPDX-License-Identifier: MIT
#include "deps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/backend.h>

static const struct tkit_option options[] = {
	{"format", TKIT_OPTION_ENUM, offsetof(struct deps_options, format), "text", "text|json",
	 "text for people, or one JSON document with all there is"},
	{"show-ignored", TKIT_OPTION_BOOL, offsetof(struct deps_options, show_ignored), "no", NULL,
	 "list the ignored paths, too, each with the reason"},
	{"ignore", TKIT_OPTION_LIST, offsetof(struct deps_options, ignore), NULL, NULL,
	 "file with more ignore rules; they come before the built-in ones"},
	{"no-default-ignore", TKIT_OPTION_BOOL, offsetof(struct deps_options, no_default_ignore),
	 "no", NULL, "do without the built-in ignore rules"},
	{"details", TKIT_OPTION_BOOL, offsetof(struct deps_options, details), "no", NULL,
	 "with each file: what it is, whose, who used it first and under which name, how often"},
	{"group", TKIT_OPTION_ENUM, offsetof(struct deps_options, group), "none",
	 "none|process|package|directory", "list the files that were used in groups, with sizes"},
	{"removed", TKIT_OPTION_BOOL, offsetof(struct deps_options, removed), "no", NULL,
	 "what a minimal image leaves out, by package and size (needs the root)"},
	{"ops", TKIT_OPTION_LIST, offsetof(struct deps_options, ops), NULL, NULL,
	 "only paths with such accesses: content, exec, metadata, list, directory, create, "
	 "remove, modify, mount, socket"},
};

static int add_class(struct tkit_ctx *ctx, struct deps *deps, const char *name)
{
	for (int class = TKIT_CLASS_CONTENT; class < TKIT_CLASS_COUNT_; class ++)
		if (!strcmp(name, tkit_class_name(class))) {
			deps->classes |= 1u << class;
			return 0;
		}
	return tkit_fail(ctx, -EINVAL,
			 "ops: no class '%s' (content, exec, metadata, list, directory, create, "
			 "remove, modify, mount, socket)",
			 name);
}

static void deps_close(struct tkit_ctx *ctx, void *self)
{
	struct deps *deps = self;

	rules_free(&deps->rules);
	free(deps);
}

static int deps_open(struct tkit_ctx *ctx, const void *opts, void **ret_self)
{
	const struct deps_options *given = opts;
	struct deps *deps = calloc(1, sizeof(*deps));
	int rc = 0;

	if (!deps)
		return tkit_fail(ctx, -ENOMEM, "opening");
	deps->options = given;
	deps->classes = given->ops.count ? 0 : UINT32_MAX;
	for (size_t i = 0; !rc && i < given->ops.count; i++)
		rc = add_class(ctx, deps, given->ops.items[i]);
	for (size_t i = 0; !rc && i < given->ignore.count; i++)
		rc = rules_add_file(ctx, &deps->rules, given->ignore.items[i]);
	if (!rc && !given->no_default_ignore)
		rc = rules_add_default(ctx, &deps->rules);
	if (rc < 0) {
		deps_close(ctx, deps);
		return rc;
	}
	*ret_self = deps;
	return 0;
}

static void extras_done(struct extras *extras)
{
	searches_done(&extras->searches);
	free(extras->groups.list);
	free(extras->removed.list);
}

static int deps_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
		       struct tkit_out *out)
{
	const struct deps *deps = self;
	struct selection selection;
	struct extras extras = {0};
	int rc = select_entries(ctx, deps, model, &selection);

	if (rc < 0)
		return rc;
	rc = searches_find(ctx, model, &selection, &extras.searches);
	if (!rc)
		rc = total_find(ctx, model, &selection, &extras.total);
	if (!rc && deps->options->group)
		rc = groups_make(ctx, (enum deps_group)deps->options->group, model, &selection,
				 &extras.groups);
	if (!rc && deps->options->removed)
		rc = removed_find(ctx, model, &extras.removed);
	if (!rc && deps->options->format == DEPS_JSON)
		render_json(deps, model, &selection, &extras, out);
	else if (!rc)
		render_text(deps, model, &selection, &extras, out);
	extras_done(&extras);
	free(selection.entries);
	return rc;
}

static const struct tkit_reporter_ops ops = {
	.open = deps_open,
	.render = deps_render,
	.close = deps_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "deps",
	.version = "1.0",
	.summary = "which files were used, made and sought in vain",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_METADATA | TKIT_CAN_FAILED |
		TKIT_CAN_REQUESTED | TKIT_WANTS_NODES | TKIT_WANTS_PACKAGES | TKIT_WANTS_ELF,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct deps_options),
	.options = options,
};
