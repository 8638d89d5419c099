// SPDX-License-Identifier: MIT
/* The manifest_diff reporter: options, and the order in which things are done. */
#include "manifest_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/backend.h>

static const struct tkit_option option_table[] = {
	{"manifest", TKIT_OPTION_STRING, offsetof(struct options, manifest), NULL, NULL,
	 "what to compare with: a manifest of schema version 1, mtree, tar, list of paths, "
	 "folder, dpkg file list or trace"},
	{"type", TKIT_OPTION_ENUM, offsetof(struct options, type), "auto",
	 "auto|schema|mtree|tar|list|directory|dpkg|trace", "form of the manifest"},
	{"format", TKIT_OPTION_ENUM, offsetof(struct options, format), "text", "text|json",
	 "text for people, or one JSON document"},
	{"fix", TKIT_OPTION_STRING, offsetof(struct options, fix), NULL, NULL,
	 "file to write a corrected manifest to (schema version 1)"},
	{"drop-unused", TKIT_OPTION_BOOL, offsetof(struct options, drop_unused), "no", NULL,
	 "with fix: leave out what no run used"},
	{"source", TKIT_OPTION_STRING, offsetof(struct options, source), NULL, NULL,
	 "folder that fix takes files from (default: the manifest's input.path, else the root)"},
	{"check-sources", TKIT_OPTION_BOOL, offsetof(struct options, check_sources), "yes", NULL,
	 "an error if input.path or a source of the manifest does not exist"},
	{"baseline", TKIT_OPTION_STRING, offsetof(struct options, baseline), NULL, NULL,
	 "file with the paths that may be missing; only others that are missing then count"},
	{"update-baseline", TKIT_OPTION_BOOL, offsetof(struct options, update_baseline), "no", NULL,
	 "write what is missing now to the baseline"},
	{"ignore", TKIT_OPTION_LIST, offsetof(struct options, ignore), NULL, NULL,
	 "glob of paths, with all below them, that are not compared"},
	{"fail-on", TKIT_OPTION_LIST, offsetof(struct options, fail_on), NULL, NULL,
	 "what makes the status 1: undeclared, missing, library, sought, unused, new, none "
	 "(default: undeclared, missing, library; with a baseline: new)"},
};

static const char *const reasons[] = {"undeclared", "missing", "library", "sought",
				      "unused",     "new",     "none"};

static int diff_open(struct tkit_ctx *ctx, const void *opts, void **ret_self)
{
	const struct options *given = opts;

	if (!given->manifest || !*given->manifest)
		return tkit_fail(ctx, -EINVAL, "nothing to compare with: give --manifest=FILE");
	if (given->update_baseline && !given->baseline)
		return tkit_fail(ctx, -EINVAL, "update-baseline needs baseline=FILE");
	for (size_t i = 0; i < given->fail_on.count; i++) {
		size_t k = 0;

		while (k < sizeof(reasons) / sizeof(*reasons) &&
		       strcmp(reasons[k], given->fail_on.items[i]) != 0)
			k++;
		if (k == sizeof(reasons) / sizeof(*reasons))
			return tkit_fail(ctx, -EINVAL,
					 "fail-on: '%s' is none of undeclared, missing, library, "
					 "sought, unused, new, none",
					 given->fail_on.items[i]);
	}
	*ret_self = (void *)given;
	return 0;
}

static void diff_close(struct tkit_ctx *ctx, void *self)
{
}

static int fails_on(const struct options *options, const struct result *result, const char *reason)
{
	const char *defaults = result->has_baseline ? "new" : "undeclared missing library";

	if (!options->fail_on.count)
		return strstr(defaults, reason) != NULL;
	for (size_t i = 0; i < options->fail_on.count; i++)
		if (!strcmp(options->fail_on.items[i], reason))
			return 1;
	return 0;
}

void judge(const struct options *options, struct result *result)
{
	size_t missing = 0, sought = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct item *item = &result->items[i];

		if (!item_is_missing(item))
			continue;
		result->accepted += item->accepted != 0;
		result->fresh += !item->accepted;
		missing += item->section == SECTION_MISSING && !item->accepted;
		sought += item->section == SECTION_SOUGHT && !item->accepted;
		result->libraries += item->library && !item->accepted;
	}
	result->differs =
		(result->sections[SECTION_UNDECLARED] && fails_on(options, result, "undeclared")) ||
		(missing && fails_on(options, result, "missing")) ||
		(result->libraries && fails_on(options, result, "library")) ||
		(sought && fails_on(options, result, "sought")) ||
		(result->sections[SECTION_UNUSED] && fails_on(options, result, "unused")) ||
		(result->has_baseline && result->fresh && !options->update_baseline &&
		 fails_on(options, result, "new"));
}

static int run(struct tkit_ctx *ctx, const struct options *given, const struct tkit_model *model,
	       struct plan *plan, struct result *result, struct tkit_out *out)
{
	int rc = load_manifest(ctx, given, plan);

	if (!rc)
		rc = add_implied(ctx, given, plan, tkit_model_rootfs(model));
	if (!rc)
		rc = compare(ctx, given, model, plan, result);
	if (!rc)
		rc = apply_baseline(ctx, given, model, result);
	if (!rc)
		judge(given, result);
	if (!rc && given->fix)
		rc = write_fix(ctx, given, model, plan, result);
	if (!rc && given->update_baseline)
		rc = write_baseline(ctx, given, model, result);
	if (rc < 0)
		return rc;
	if (given->format)
		render_json(given, model, plan, result, out);
	else
		render_text(given, model, plan, result, out);
	return result->differs;
}

static int diff_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
		       struct tkit_out *out)
{
	struct result result = {0};
	struct plan plan = {0};
	int rc = run(ctx, self, model, &plan, &result, out);

	result_done(&result);
	plan_done(&plan);
	return rc;
}

static const struct tkit_reporter_ops ops = {
	.open = diff_open,
	.render = diff_render,
	.close = diff_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "manifest_diff",
	.version = "1.0",
	.summary = "what was used against what a manifest declares",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_FAILED | TKIT_CAN_REQUESTED |
		TKIT_WANTS_NODES | TKIT_EXITS_LIKE_DIFF,
	.option_count = sizeof(option_table) / sizeof(option_table[0]),
	.options_bytes = sizeof(struct options),
	.options = option_table,
};
