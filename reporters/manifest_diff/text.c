// SPDX-License-Identifier: MIT
/* The comparison for people. */
#include <inttypes.h>
#include <string.h>

#include "manifest_diff.h"

#define RULE   "--------------------------------------------------------------\n"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RESET  "\033[0m"

struct page {
	const struct options *options;
	const struct tkit_model *model;
	const struct plan *plan;
	const struct result *result;
	struct tkit_out *out;
	int color;
};

static void put(struct page *page, const char *text)
{
	tkit_out_write(page->out, text, strlen(text));
}

static void put_colored(struct page *page, const char *color, const char *text)
{
	tkit_out_printf(page->out, "%s%s%s", page->color ? color : "", text,
			page->color ? RESET : "");
}

static void put_name(struct page *page, const char *name)
{
	tkit_out_path(page->out, (struct tkit_bytes){name, strlen(name)});
}

static void put_verdict(struct page *page)
{
	int count = 0;

	if (tkit_model_complete(page->model)) {
		put_colored(page, GREEN, "Complete: nothing was lost\n");
		return;
	}
	put_colored(page, RED, "INCOMPLETE");
	put(page, ": uses may be missing below (lost: ");
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++) {
		uint64_t lost = tkit_model_losses(page->model, reason);

		if (lost)
			tkit_out_printf(page->out, "%s%s %" PRIu64, count++ ? ", " : "",
					tkit_loss_name(reason), lost);
	}
	put(page, count ? ")\n" : "the end of a run)\n");
}

static void put_counts(struct page *page)
{
	static const char *const labels[SECTION_COUNT] = {"Used      ", "Undeclared", "Never used",
							  "Missing   ", "Sought    "};
	static const char *const remarks[SECTION_COUNT] = {
		"declared and used", "used but not declared", "declared and not used by these runs",
		"declared but not there", "looked for in vain, not declared"};
	const struct result *result = page->result;

	if (result->differs)
		put_colored(page, RED, "The manifest does not fit the runs\n");
	else
		put_colored(page, GREEN, "The manifest fits the runs\n");
	tkit_out_printf(page->out, "Manifest  : %s, %zu entries\n", type_name(page->plan->type),
			page->plan->count);
	tkit_out_printf(page->out, "Runs      : %zu\n", tkit_model_run_count(page->model));
	for (int i = 0; i < SECTION_COUNT; i++)
		tkit_out_printf(page->out, "%s: %zu (%s)\n", labels[i], result->sections[i],
				remarks[i]);
	if (result->searched)
		tkit_out_printf(page->out,
				"Searched  : %zu (places of libraries that were found elsewhere)\n",
				result->searched);
	if (result->has_baseline)
		tkit_out_printf(page->out, "Baseline  : %zu accepted, %zu new, %zu resolved\n",
				result->accepted, result->fresh, result->resolved_count);
}

static void put_program(struct page *page, const struct tkit_path *path)
{
	const struct tkit_access *access, *first = NULL;
	const struct tkit_program *program;

	for (size_t i = 0; path && (access = tkit_model_access(page->model, path, i)); i++)
		if (!first || access->first_ns < first->first_ns)
			first = access;
	program = first ? tkit_model_program(page->model, first->program) : NULL;
	if (!program || !program->exe.len)
		return;
	put(page, "  by ");
	tkit_out_path(page->out, program->exe);
}

static void put_places(struct page *page, const struct item *item)
{
	for (size_t i = 1; i < item->place_count; i++) {
		put(page, "     ");
		put_name(page, item->places[i]);
		put(page, "\n");
	}
}

static void put_item(struct page *page, const struct item *item)
{
	static const char *const marks[SECTION_COUNT] = {"OK ", "++ ", ".. ", "-- ", "-- "};
	int bad = item->section == SECTION_UNDECLARED || item->section == SECTION_MISSING ||
		  (item->section == SECTION_SOUGHT && item->library && !item->accepted);

	put_colored(page,
		    item->section == SECTION_USED ? GREEN
		    : bad                         ? RED
						  : YELLOW,
		    marks[item->section]);
	put_name(page, item->name);
	if (item->is_link)
		put(page, "  (a symlink on the way)");
	if (item->absent)
		put(page, "  (not in the root)");
	if (item->node && item->node->line && item->section != SECTION_USED)
		tkit_out_printf(page->out, "  line %u", item->node->line);
	if (item->library)
		tkit_out_printf(page->out, "  a library, sought in %zu place%s, found in none",
				item->place_count, item->place_count == 1 ? "" : "s");
	if (item->section == SECTION_UNDECLARED || item->section == SECTION_SOUGHT)
		put_program(page, item->path);
	if (item->accepted)
		put(page, "  (baseline)");
	else if (page->result->has_baseline && item_is_missing(item))
		put(page, "  NEW");
	put(page, "\n");
	put_places(page, item);
}

static void put_section(struct page *page, enum section section, const char *title)
{
	const struct result *result = page->result;

	if (!result->sections[section])
		return;
	tkit_out_printf(page->out, "\n%s (%zu)\n" RULE, title, result->sections[section]);
	for (size_t i = 0; i < result->count; i++)
		if (result->items[i].section == section)
			put_item(page, &result->items[i]);
}

void render_text(const struct options *options, const struct tkit_model *model,
		 const struct plan *plan, const struct result *result, struct tkit_out *out)
{
	struct page page = {options, model, plan, result, out, tkit_out_color(out)};

	put_verdict(&page);
	put_counts(&page);
	put_section(&page, SECTION_USED, "DECLARED AND USED");
	put_section(&page, SECTION_UNDECLARED, "USED BUT UNDECLARED");
	put_section(&page, SECTION_UNUSED, "DECLARED BUT NEVER USED");
	put_section(&page, SECTION_MISSING, "DECLARED BUT MISSING");
	put_section(&page, SECTION_SOUGHT, "LOOKED FOR IN VAIN, NOT DECLARED");
	if (!result->resolved_count)
		return;
	tkit_out_printf(out, "\nRESOLVED: IN THE BASELINE AND THERE NOW (%zu)\n" RULE,
			result->resolved_count);
	for (size_t i = 0; i < result->resolved_count; i++) {
		put(&page, "OK ");
		put_name(&page, result->resolved[i]);
		put(&page, "\n");
	}
}
