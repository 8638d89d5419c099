// SPDX-License-Identifier: MIT
/* The comparison as one JSON document, one item a line. */
#include <inttypes.h>
#include <string.h>

#include "manifest_diff.h"

static const char *const names[SECTION_COUNT] = {"declared_used", "undeclared", "unused", "missing",
						 "sought"};

static void put_text(struct tkit_out *out, const char *key, const char *text)
{
	tkit_out_printf(out, "\"%s\":", key);
	tkit_out_json(out, (struct tkit_bytes){text, strlen(text)});
}

static void put_programs(const struct tkit_model *model, const struct tkit_path *path,
			 struct tkit_out *out)
{
	const struct tkit_access *access;
	uint32_t last = UINT32_MAX;
	int count = 0;

	for (size_t i = 0; (access = tkit_model_access(model, path, i)); i++) {
		const struct tkit_program *program = tkit_model_program(model, access->program);

		if (!program || !program->exe.len || access->program == last)
			continue;
		last = access->program;
		tkit_out_printf(out, "%s", count++ ? "," : ",\"programs\":[");
		tkit_out_json(out, program->exe);
	}
	if (count)
		tkit_out_printf(out, "]");
}

static void put_places(const struct item *item, struct tkit_out *out)
{
	tkit_out_printf(out, ",\"library\":true,\"places\":[");
	for (size_t i = 0; i < item->place_count; i++) {
		if (i)
			tkit_out_printf(out, ",");
		tkit_out_json(out, (struct tkit_bytes){item->places[i], strlen(item->places[i])});
	}
	tkit_out_printf(out, "]");
}

static void put_item(const struct tkit_model *model, const struct item *item,
		     const struct result *result, struct tkit_out *out)
{
	tkit_out_printf(out, "{");
	put_text(out, "path", item->name);
	if (item->node && item->node->line)
		tkit_out_printf(out, ",\"line\":%u", item->node->line);
	if (item->node && item->node->source) {
		tkit_out_printf(out, ",");
		put_text(out, "source", item->node->source);
	}
	if (item->node && item->node->target) {
		tkit_out_printf(out, ",");
		put_text(out, "target", item->node->target);
	}
	if (item->is_link)
		tkit_out_printf(out, ",\"symlink\":true");
	if (item->section == SECTION_MISSING)
		tkit_out_printf(out, ",\"in_root\":%s,\"sought\":%s",
				item->absent ? "false" : "null", item->absent ? "false" : "true");
	if (item->library)
		put_places(item, out);
	if (result->has_baseline && item_is_missing(item))
		tkit_out_printf(out, ",\"accepted\":%s", item->accepted ? "true" : "false");
	if (item->path && (item->section == SECTION_UNDECLARED || item->section == SECTION_SOUGHT))
		put_programs(model, item->path, out);
	tkit_out_printf(out, "}");
}

static void put_section(const struct tkit_model *model, const struct result *result,
			enum section section, struct tkit_out *out)
{
	int count = 0;

	tkit_out_printf(out, ",\n\"%s\":[", names[section]);
	for (size_t i = 0; i < result->count; i++)
		if (result->items[i].section == section) {
			tkit_out_printf(out, count++ ? ",\n" : "\n");
			put_item(model, &result->items[i], result, out);
		}
	tkit_out_printf(out, "]");
}

static void put_baseline(const struct result *result, struct tkit_out *out)
{
	tkit_out_printf(out, ",\n\"baseline\":{\"accepted\":%zu,\"new\":%zu,\"resolved\":[",
			result->accepted, result->fresh);
	for (size_t i = 0; i < result->resolved_count; i++) {
		if (i)
			tkit_out_printf(out, ",");
		tkit_out_json(
			out, (struct tkit_bytes){result->resolved[i], strlen(result->resolved[i])});
	}
	tkit_out_printf(out, "]}");
}

void render_json(const struct options *options, const struct tkit_model *model,
		 const struct plan *plan, const struct result *result, struct tkit_out *out)
{
	int count = 0;

	tkit_out_printf(out, "{\"complete\":%s,\"fits\":%s,\"losses\":{",
			tkit_model_complete(model) ? "true" : "false",
			result->differs ? "false" : "true");
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++)
		if (tkit_model_losses(model, reason))
			tkit_out_printf(out, "%s\"%s\":%" PRIu64, count++ ? "," : "",
					tkit_loss_name(reason), tkit_model_losses(model, reason));
	tkit_out_printf(out,
			"},\"manifest\":{\"type\":\"%s\",\"entries\":%zu},\"runs\":%zu,"
			"\"counts\":{",
			type_name(plan->type), plan->count, tkit_model_run_count(model));
	for (int i = 0; i < SECTION_COUNT; i++)
		tkit_out_printf(out, "%s\"%s\":%zu", i ? "," : "", names[i], result->sections[i]);
	tkit_out_printf(out, ",\"searched\":%zu}", result->searched);
	for (int i = 0; i < SECTION_COUNT; i++)
		put_section(model, result, (enum section)i, out);
	if (result->has_baseline)
		put_baseline(result, out);
	tkit_out_printf(out, "}\n");
}
