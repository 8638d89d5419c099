// SPDX-License-Identifier: MIT
/* JSON: unused needs, searches, groups, what is removed. */
#include <inttypes.h>
#include <string.h>

#include "deps.h"

static void put_bytes(struct tkit_out *out, const char *key, struct tkit_bytes value)
{
	tkit_out_printf(out, "\"%s\":", key);
	tkit_out_json(out, value);
}

static void put_unused(const struct tkit_model *model, struct tkit_out *out)
{
	const struct tkit_unused_need *need;

	tkit_out_printf(out, ",\"unused_needs\":[");
	for (size_t i = 0; (need = tkit_model_unused_need(model, i)); i++) {
		tkit_out_printf(out, i ? ",\n{" : "\n{");
		put_bytes(out, "asked", need->asked);
		if (need->canonical.len) {
			tkit_out_printf(out, ",");
			put_bytes(out, "canonical", need->canonical);
		}
		tkit_out_printf(out, ",");
		put_bytes(out, "by", need->by);
		tkit_out_printf(out, ",");
		put_bytes(out, "program", need->program);
		tkit_out_printf(out, "}");
	}
	tkit_out_printf(out, "]");
}

static void put_groups(const char *by, const struct groups *groups, struct tkit_out *out)
{
	tkit_out_printf(out, ",\"groups\":{\"by\":\"%s\",\"list\":[", by);
	for (size_t i = 0, end; i < groups->count; i = end) {
		end = group_end(groups, i);
		tkit_out_printf(out, i ? ",\n{" : "\n{");
		put_bytes(out, "name", groups->list[i].key);
		tkit_out_printf(out, ",\"bytes\":%" PRIu64 ",\"paths\":[",
				group_bytes(groups, i, end));
		for (size_t k = i; k < end; k++) {
			if (k > i)
				tkit_out_printf(out, ",");
			tkit_out_json(out, groups->list[k].entry->path->name);
		}
		tkit_out_printf(out, "]}");
	}
	tkit_out_printf(out, "]}");
}

static void put_removed(const struct removed *removed, struct tkit_out *out)
{
	tkit_out_printf(out,
			",\"removed\":{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"packages\":[",
			removed->files, removed->bytes);
	for (size_t i = 0; i < removed->count; i++) {
		const struct removed_package *at = &removed->list[i];

		tkit_out_printf(out, i ? ",\n{" : "\n{");
		if (at->package) {
			put_bytes(out, "package", at->package->name);
			tkit_out_printf(out, ",");
			put_bytes(out, "version", at->package->version);
			tkit_out_printf(out, ",");
		}
		tkit_out_printf(out,
				"\"files\":%" PRIu64 ",\"kept\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
				at->files, at->kept, at->bytes);
	}
	tkit_out_printf(out, "]}");
}

void render_json_more(const struct deps *deps, const struct tkit_model *model,
		      const struct extras *extras, struct tkit_out *out)
{
	static const char *const names[] = {"none", "process", "package", "directory"};
	const struct searches *searches = &extras->searches;

	saturation_json(model, out);
	if (tkit_model_rootfs(model))
		put_unused(model, out);
	tkit_out_printf(out, ",\"searches\":[");
	for (size_t i = 0; i < searches->count; i++) {
		tkit_out_printf(out, i ? ",\n{" : "\n{");
		put_bytes(out, "name", searches->list[i].name);
		tkit_out_printf(out, ",\"places\":[");
		for (size_t k = 0; k < searches->list[i].count; k++) {
			if (k)
				tkit_out_printf(out, ",");
			tkit_out_json(out, searches->list[i].places[k]->path->name);
		}
		tkit_out_printf(out, "]}");
	}
	tkit_out_printf(out, "]");
	if (deps->options->group)
		put_groups(names[deps->options->group], &extras->groups, out);
	if (deps->options->removed)
		put_removed(&extras->removed, out);
}
