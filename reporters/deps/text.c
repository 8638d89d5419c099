// SPDX-License-Identifier: MIT
/* The report as text. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "page.h"

#define RULE_DOUBLE   "================================================================\n"
#define RULE_SINGLE   "--------------------------------------------------------------\n"
#define REASON_COLUMN 44
#define ERRNOS_MAX    8

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define DIM    "\033[2m"
#define RESET  "\033[0m"

static void put(struct page *page, const char *text)
{
	tkit_out_write(page->out, text, strlen(text));
}

static void put_colored(struct page *page, const char *color, const char *text)
{
	tkit_out_printf(page->out, "%s%s%s", page->color ? color : "", text,
			page->color ? RESET : "");
}

static void put_text(struct page *page, const char *text)
{
	tkit_out_path(page->out, (struct tkit_bytes){text, strlen(text)});
}

/* The first line of every report. */
static void put_verdict(struct page *page)
{
	const char *help = NULL;
	int count = 0;

	if (tkit_model_complete(page->model)) {
		put_colored(page, GREEN, "Complete: nothing was lost\n");
		return;
	}
	put_colored(page, RED, "INCOMPLETE");
	put(page, ": files may be missing below (lost: ");
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++) {
		uint64_t lost = tkit_model_losses(page->model, reason);

		if (!lost)
			continue;
		tkit_out_printf(page->out, "%s%s %" PRIu64, count++ ? ", " : "",
				tkit_loss_name(reason), lost);
		if (!help)
			help = tkit_loss_help(reason);
	}
	put(page, count ? ")\n" : "the end of a run)\n");
	if (help)
		tkit_out_printf(page->out, "  %s\n", help);
}

static void put_targets(struct page *page)
{
	size_t runs = tkit_model_run_count(page->model);
	const struct tkit_run_info *info;

	for (size_t i = 0; i < runs && i < 5; i++) {
		info = tkit_model_run(page->model, i)->info;
		put(page, i ? "        : " : "Target  : ");
		if (info->container_id[0])
			tkit_out_printf(page->out, "container %.16s%s", info->container_id,
					strlen(info->container_id) > 16 ? "... " : " ");
		for (size_t a = 0; info->argv && info->argv[a]; a++) {
			if (a)
				put(page, " ");
			put_text(page, info->argv[a]);
		}
		if (!info->argv || !info->argv[0])
			put_text(page, info->target[0] ? info->target : "unknown");
		put(page, "\n");
	}
	if (runs > 5)
		tkit_out_printf(page->out, "        : and %zu more\n", runs - 5);
	tkit_out_printf(page->out, "Runs    : %zu\n", runs);
	saturation_text(page->model, page->out);
}

static void put_count(struct page *page, const char *label, enum section section,
		      const char *remark)
{
	size_t count = page->selection->sections[section];

	tkit_out_printf(page->out, "%s: %zu file%s%s\n", label, count, count == 1 ? "" : "s",
			remark);
}

/* Accesses that stand in no section, because their names are not known. */
static void put_pathless(struct page *page)
{
	for (int failed = 0; failed < 2; failed++) {
		uint64_t total = 0;

		for (int reason = 0; reason < TKIT_PATHLESS_COUNT_; reason++)
			if (reason != TKIT_PATHLESS_NO_FILE && reason != TKIT_PATHLESS_EMPTY)
				total += tkit_model_pathless(page->model, reason, failed);
		if (!total)
			continue;
		tkit_out_printf(page->out, "Nameless: %" PRIu64 " %s access%s (", total,
				failed ? "failed" : "successful", total == 1 ? "" : "es");
		total = 0;
		for (int reason = 0; reason < TKIT_PATHLESS_COUNT_; reason++) {
			uint64_t count = tkit_model_pathless(page->model, reason, failed);

			if (count && reason != TKIT_PATHLESS_NO_FILE &&
			    reason != TKIT_PATHLESS_EMPTY)
				tkit_out_printf(page->out, "%s%s %" PRIu64, total++ ? ", " : "",
						tkit_pathless_name(reason), count);
		}
		put(page, ")\n");
	}
}

/* What the programs saw there was not of the image. */
static void put_mount(struct page *page, const struct tkit_path *path)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(page->model, path->name);
	char text[4096];

	if (!mount && path->enriched & TKIT_ENRICHED_NODE && path->exists)
		mount = tkit_model_mount_of(page->model, path->canonical);
	if (!mount)
		return;
	put(page, "  (on ");
	put_text(page, tkit_mount_text(mount, text, sizeof(text)));
	put(page, ")");
}

/* Without those that every container has. */
static void put_mounts(struct page *page)
{
	const struct tkit_mount_info *mount;
	char text[4096];
	size_t count = 0;

	for (size_t i = 0; (mount = tkit_model_mount(page->model, i)); i++) {
		if (mount->kind == TKIT_MOUNT_RUNTIME)
			continue;
		put(page, count++ ? "        : " : "Mounts  : ");
		put_text(page, tkit_mount_text(mount, text, sizeof(text)));
		put(page, "\n");
	}
}

/* One file may stand below under several names. */
static void put_present(struct page *page, const struct total *total)
{
	size_t count = page->selection->sections[SECTION_PRESENT];

	if (!total->files) {
		put_count(page, "Present ", SECTION_PRESENT, "");
		return;
	}
	tkit_out_printf(page->out, "Present : %zu name%s, of %" PRIu64 " file%s with ", count,
			count == 1 ? "" : "s", total->files, total->files == 1 ? "" : "s");
	put_size(page->out, total->bytes);
	put(page, "\n");
}

static void put_header(struct page *page, const struct total *total)
{
	put_verdict(page);
	put(page, RULE_DOUBLE);
	put(page, "Dependency report\n");
	put(page, RULE_DOUBLE);
	put_targets(page);
	put_mounts(page);
	put_present(page, total);
	put_count(page, "Missing ", SECTION_MISSING, "");
	if (page->selection->sections[SECTION_FAILED])
		put_count(page, "Failed  ", SECTION_FAILED, " (permission and other errors)");
	if (page->selection->sections[SECTION_UNKNOWN])
		put_count(page, "Unknown ", SECTION_UNKNOWN,
			  " (the backend does not see what came of it)");
	if (page->selection->sections[SECTION_CREATED])
		put_count(page, "Created ", SECTION_CREATED, " (by the run itself)");
	put_count(page, "Ignored ", SECTION_IGNORED, " (kernel probes / noise)");
	put_pathless(page);
	put(page, RULE_DOUBLE);
}

/* The errors that a path met, in order of their numbers. */
static void put_errors(struct page *page, const struct tkit_path *path, int but)
{
	const struct tkit_access *access;
	int seen[ERRNOS_MAX];
	size_t count = 0;

	for (size_t i = 0; (access = tkit_model_access(page->model, path, i)); i++) {
		size_t k = 0;

		if (access->err <= 0 || access->err == but)
			continue;
		while (k < count && seen[k] != access->err)
			k++;
		if (k < count || count == ERRNOS_MAX)
			continue;
		seen[count++] = access->err;
	}
	for (size_t k = 0; k < count; k++) {
		const char *name = tkit_errno_name(seen[k]);

		put(page, k ? " " : "  ");
		if (name)
			put(page, name);
		else
			tkit_out_printf(page->out, "errno %d", seen[k]);
	}
}

static int is_inferred(struct page *page, const struct tkit_path *path)
{
	const struct tkit_access *access;

	for (size_t i = 0; (access = tkit_model_access(page->model, path, i)); i++)
		if (access->origin != TKIT_ORIGIN_INFERRED)
			return 0;
	return 1;
}

void page_put(struct page *page, const char *text)
{
	put(page, text);
}

void page_title(struct page *page, const char *title, size_t count)
{
	tkit_out_printf(page->out, "\n%s (%zu)\n" RULE_SINGLE, title, count);
}

void page_entry(struct page *page, const struct entry *entry)
{
	size_t pad =
		entry->path->name.len < REASON_COLUMN ? REASON_COLUMN - entry->path->name.len : 1;

	switch (entry->section) {
	case SECTION_PRESENT:
		put_colored(page, GREEN, "OK ");
		break;
	case SECTION_CREATED:
		put_colored(page, GREEN, "++ ");
		break;
	case SECTION_MISSING:
		put_colored(page, RED, "-- ");
		break;
	case SECTION_FAILED:
		put_colored(page, YELLOW, "!! ");
		break;
	case SECTION_UNKNOWN:
		put_colored(page, YELLOW, "?? ");
		break;
	default:
		put_colored(page, DIM, entry->ok ? "ok " : "-- ");
		break;
	}
	tkit_out_path(page->out, entry->path->name);
	if (entry->section == SECTION_FAILED)
		put_errors(page, entry->path, 0);
	if (entry->section == SECTION_MISSING)
		put_errors(page, entry->path, ENOENT);
	if (entry->section == SECTION_UNKNOWN && entry->path->enriched & TKIT_ENRICHED_NODE)
		put(page, entry->path->exists ? "  is in the root" : "  is not in the root");
	if (entry->section == SECTION_PRESENT && is_inferred(page, entry->path))
		put(page, "  (inferred: used under the name that a rename or mount gave it)");
	if (entry->section == SECTION_PRESENT || entry->section == SECTION_CREATED)
		put_mount(page, entry->path);
	if (entry->section == SECTION_IGNORED) {
		tkit_out_printf(page->out, "%*s", (int)pad, "");
		put_text(page, entry->reason);
	}
	put(page, "\n");
	put_details(page, entry->path);
}

static void put_section(struct page *page, enum section section, const char *title)
{
	const struct selection *selection = page->selection;

	if (!selection->sections[section])
		return;
	page_title(page, title, selection->sections[section]);
	for (size_t i = 0; i < selection->count; i++)
		if (selection->entries[i].section == section)
			page_entry(page, &selection->entries[i]);
}

void render_text(const struct deps *deps, const struct tkit_model *model,
		 const struct selection *selection, const struct extras *extras,
		 struct tkit_out *out)
{
	struct page page = {deps, model, selection, &extras->searches, out, tkit_out_color(out)};

	put_header(&page, &extras->total);
	if (deps->options->group) {
		page_title(&page, "FILES PRESENT / SUCCESSFULLY OPENED",
			   selection->sections[SECTION_PRESENT]);
		put_groups(&page, &extras->groups);
	} else {
		put_section(&page, SECTION_PRESENT, "FILES PRESENT / SUCCESSFULLY OPENED");
	}
	put_hidden(&page);
	put_unused_needs(&page);
	put_section(&page, SECTION_MISSING, "FILES REQUESTED BUT NOT FOUND / ENOENT");
	put_searches(&page);
	put_section(&page, SECTION_FAILED, "FILES THAT COULD NOT BE USED / OTHER ERRORS");
	put_section(&page, SECTION_UNKNOWN, "FILES ASKED FOR / RESULT UNKNOWN");
	put_section(&page, SECTION_CREATED, "FILES CREATED BY THE RUN");
	if (deps->options->show_ignored)
		put_section(&page, SECTION_IGNORED, "IGNORED (kernel probes / noise)");
	if (deps->options->removed)
		put_removed(&page, &extras->removed);
}
