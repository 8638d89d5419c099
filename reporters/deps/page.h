/* SPDX-License-Identifier: MIT */
/* Inside of the text report: text.c has the order of things, details.c the larger sections. */
#ifndef DEPS_PAGE_H
#define DEPS_PAGE_H

#include "deps.h"

struct page {
	const struct deps *deps;
	const struct tkit_model *model;
	const struct selection *selection;
	const struct searches *searches;
	struct tkit_out *out;
	int color;
};

void page_put(struct page *page, const char *text);
void page_title(struct page *page, const char *title, size_t count);
void page_entry(struct page *page, const struct entry *entry);

void put_details(struct page *page, const struct tkit_path *path);
void put_hidden(struct page *page);
void put_unused_needs(struct page *page);
void put_searches(struct page *page);
void put_groups(struct page *page, const struct groups *groups);
void put_removed(struct page *page, const struct removed *removed);

#endif
