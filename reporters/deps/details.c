// SPDX-License-Identifier: MIT
/* Text: who used a file and how, hidden dependencies, unused needs, searches, groups. */
#include <inttypes.h>
#include <string.h>

#include "page.h"

/* "1.234567 s" */
static void put_time(struct page *page, uint64_t ns)
{
	tkit_out_printf(page->out, "%" PRIu64 ".%06" PRIu64 " s", ns / 1000000000u,
			ns % 1000000000u / 1000u);
}

static void put_program(struct page *page, const struct tkit_access *access)
{
	const struct tkit_program *program = tkit_model_program(page->model, access->program);

	if (program && program->exe.len)
		tkit_out_path(page->out, program->exe);
	else if (access->op == TKIT_OP_EXEC)
		page_put(page, "tkit, which started it"); /* before it there is no program */
	else
		page_put(page, "an unknown program");
}

static const struct tkit_access *first_access(const struct page *page, const struct tkit_path *path)
{
	const struct tkit_access *access, *first = NULL;

	for (size_t i = 0; (access = tkit_model_access(page->model, path, i)); i++)
		if (!first || access->first_ns < first->first_ns)
			first = access;
	return first;
}

static void put_package(struct page *page, const struct tkit_path *path)
{
	if (!path->package.len)
		return;
	page_put(page, "  ");
	tkit_out_path(page->out, path->package);
	page_put(page, " ");
	tkit_out_path(page->out, path->package_version);
}

static void put_link(void *arg, struct tkit_bytes link)
{
	struct page *page = arg;

	page_put(page, " ");
	tkit_out_path(page->out, link);
}

static int is_canonical(const struct tkit_path *path)
{
	return !bytes_compare(path->canonical, path->name);
}

/* Where the name leads, by which symlinks, and whose the file is. */
static void put_place(struct page *page, const struct tkit_path *path)
{
	struct tkit_rootfs *root = tkit_model_rootfs(page->model);
	char out[8192];

	if (!root || !(path->enriched & TKIT_ENRICHED_NODE) || !path->exists)
		return;
	page_put(page, "     ");
	if (!is_canonical(path)) {
		page_put(page, "is ");
		tkit_out_path(page->out, path->canonical);
		page_put(page, "  ");
	}
	if (S_ISREG(path->mode))
		put_size(page->out, path->file_size);
	else
		page_put(page, S_ISDIR(path->mode) ? "a folder" : "no plain file");
	put_package(page, path);
	page_put(page, "\n");
	if (is_canonical(path))
		return;
	page_put(page, "     by way of");
	tkit_rootfs_resolve(root, path->name, 0, out, sizeof(out), put_link, page);
	page_put(page, "\n");
}

void put_details(struct page *page, const struct tkit_path *path)
{
	const struct tkit_access *access, *first = first_access(page, path);
	uint64_t count = 0, last = 0;

	if (!page->deps->options->details || !first)
		return;
	put_place(page, path);
	for (size_t i = 0; (access = tkit_model_access(page->model, path, i)); i++) {
		count += access->count;
		if (access->last_ns > last)
			last = access->last_ns;
	}
	if (count > 1)
		tkit_out_printf(page->out, "     %" PRIu64 " accesses, first by ", count);
	else
		page_put(page, "     by ");
	put_program(page, first);
	if (!first->requested.len)
		page_put(page, " by descriptor");
	else if (bytes_compare(first->requested, path->name) != 0) {
		page_put(page, " as ");
		tkit_out_path(page->out, first->requested);
	}
	page_put(page, " at ");
	put_time(page, first->first_ns);
	if (count > 1) {
		page_put(page, ", last at ");
		put_time(page, last);
	}
	page_put(page, "\n");
}

void put_hidden(struct page *page)
{
	size_t count = 0;

	for (int print = 0; print < 2; print++) {
		if (print && !count)
			return;
		if (print)
			page_title(page, "HIDDEN DEPENDENCIES / LOADED, IN NO DT_NEEDED", count);
		for (size_t i = 0; i < page->selection->count; i++) {
			const struct tkit_path *path = page->selection->entries[i].path;

			if (!(path->elf & TKIT_ELF_HIDDEN) ||
			    page->selection->entries[i].section != SECTION_PRESENT)
				continue;
			count++;
			if (!print)
				continue;
			page_put(page, "** ");
			tkit_out_path(page->out, path->name);
			put_package(page, path);
			if (path->elf_by.len) {
				page_put(page, "  needed by ");
				tkit_out_path(page->out, path->elf_by);
			} else {
				page_put(page, "  loaded by ");
				put_program(page, first_access(page, path));
			}
			page_put(page, "\n");
		}
	}
}

void put_unused_needs(struct page *page)
{
	const struct tkit_unused_need *need;

	if (!tkit_model_unused_need_count(page->model))
		return;
	page_title(page, "UNUSED NEEDS / IN DT_NEEDED, NEVER OPENED",
		   tkit_model_unused_need_count(page->model));
	for (size_t i = 0; (need = tkit_model_unused_need(page->model, i)); i++) {
		page_put(page, ".. ");
		tkit_out_path(page->out, need->asked);
		page_put(page, need->canonical.len ? "  " : "  nowhere in the root");
		tkit_out_path(page->out, need->canonical);
		page_put(page, "  needed by ");
		tkit_out_path(page->out, need->by);
		page_put(page, "\n");
	}
}

void put_searches(struct page *page)
{
	const struct searches *searches = page->searches;

	if (!searches->count)
		return;
	page_title(page, "SOUGHT AND FOUND NOWHERE", searches->count);
	for (size_t i = 0; i < searches->count; i++) {
		const struct search *search = &searches->list[i];

		page_put(page, "-- ");
		tkit_out_path(page->out, search->name);
		tkit_out_printf(page->out, "  sought in %zu place%s, found in none\n",
				search->count, search->count == 1 ? "" : "s");
		for (size_t k = 0; k < search->count; k++) {
			page_put(page, "     ");
			tkit_out_path(page->out, search->places[k]->path->name);
			page_put(page, "\n");
		}
	}
}

void put_groups(struct page *page, const struct groups *groups)
{
	static const char *const nobody[] = {"", "the start of the run, or an unknown program",
					     "no package", ""};
	enum deps_group by = (enum deps_group)page->deps->options->group;

	for (size_t i = 0, end; i < groups->count; i = end) {
		const struct tkit_path *first = groups->list[i].entry->path;
		uint64_t bytes;

		end = group_end(groups, i);
		bytes = group_bytes(groups, i, end);
		page_put(page, "\n");
		if (groups->list[i].key.len)
			tkit_out_path(page->out, groups->list[i].key);
		else
			page_put(page, nobody[by]);
		if (by == GROUP_PACKAGE && first->package.len) {
			page_put(page, " ");
			tkit_out_path(page->out, first->package_version);
		}
		tkit_out_printf(page->out, " (%zu", end - i);
		if (bytes) {
			page_put(page, ", ");
			put_size(page->out, bytes);
		}
		page_put(page, ")\n");
		for (size_t k = i; k < end; k++)
			page_entry(page, groups->list[k].entry);
	}
}

void put_removed(struct page *page, const struct removed *removed)
{
	page_title(page, "NOT USED / WHAT A MINIMAL IMAGE LEAVES OUT", removed->files);
	put_size(page->out, removed->bytes);
	page_put(page, " in all\n");
	for (size_t i = 0; i < removed->count; i++) {
		const struct removed_package *at = &removed->list[i];

		page_put(page, ".. ");
		if (at->package)
			tkit_out_path(page->out, at->package->name);
		else
			page_put(page, "(no package)");
		page_put(page, "  ");
		put_size(page->out, at->bytes);
		tkit_out_printf(page->out, " in %" PRIu64 " file%s", at->files,
				at->files == 1 ? "" : "s");
		if (at->kept)
			tkit_out_printf(page->out, ", %" PRIu64 " kept", at->kept);
		page_put(page, "\n");
	}
}
