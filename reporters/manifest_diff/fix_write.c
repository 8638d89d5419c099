// SPDX-License-Identifier: MIT
/* The corrected manifest as text: line by line where that can be, else as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fix.h"

#define INDENT 2

static int put_entry(const struct fix *f, FILE *to, unsigned int indent, const struct node *node)
{
	const char *first = node->source ? node->source : node->name;
	const char *second = node->source ? node->name : node->target;
	char *text = NULL;
	int rc;

	if (node->list == LIST_SYMLINKS && f->plan->reversed) {
		first = node->target;
		second = node->name;
	}
	if (node->list == LIST_DIRECTORIES)
		text = strdup(node->name);
	else if (asprintf(&text, "%s:%s", first, second) < 0)
		text = NULL;
	if (!text)
		return -ENOMEM;
	fprintf(to, "%*s- ", (int)indent, "");
	rc = yaml_scalar(to, text);
	fputc('\n', to);
	free(text);
	return rc < 0 ? -EILSEQ : 0;
}

static int is_unused(const struct fix *f, const struct node *node)
{
	for (size_t i = 0; f->options->drop_unused && i < f->result->count; i++)
		if (f->result->items[i].section == SECTION_UNUSED &&
		    f->result->items[i].node == node)
			return 1;
	return 0;
}

/* How a node of another form of manifest stands in this one. 0: it does not. */
static int as_entry(struct fix *f, const struct node *node, struct node *ret)
{
	struct stat st;
	char from[NAME_SIZE];

	*ret = *node;
	if (f->plan->type == TYPE_SCHEMA)
		return 1;
	if (node->kind == NODE_LINK) {
		char joined[NAME_SIZE];

		/* Absolute, and where the plan's own links lead. */
		if (node->target[0] == '/')
			snprintf(joined, sizeof(joined), "%s", node->target);
		else
			snprintf(joined, sizeof(joined), "%.*s/%s",
				 (int)(last_of(node->name) - node->name), node->name, node->target);
		ret->list = LIST_SYMLINKS;
		ret->target = plan_resolve(f->plan, joined, 0, from, 0) < 0 ? NULL : strdup(from);
		return ret->target != NULL;
	}
	if (!fix_find_source(f, node->name, 0, from, &st))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		ret->list = LIST_DIRECTORIES;
		return 1;
	}
	ret->list = fix_is_elf(f, from) ? LIST_BINARIES : LIST_DATA;
	return S_ISREG(st.st_mode) && asprintf(&ret->source, "%s%s", f->prefix, from) >= 0;
}

static int write_list(struct fix *f, FILE *to, enum list list)
{
	int rc = 0, count = 0;

	for (size_t i = 0; !rc && i < f->plan->count + f->added.count; i++) {
		int old = i < f->plan->count;
		const struct node *node =
			old ? &f->plan->nodes[i] : &f->added.nodes[i - f->plan->count];
		struct node entry = *node;

		if (old && is_unused(f, node))
			continue;
		if (old && !as_entry(f, node, &entry)) {
			if (list == 0)
				tkit_log(f->ctx, TKIT_LOG_WARN,
					 "fix: no source for %s (option source=): left out",
					 node->name);
			continue;
		}
		if (entry.list == list &&
		    (!old || fix_can_hold(f, entry.name, entry.source, entry.target))) {
			if (!count++)
				fprintf(to, "%s:\n", list_names[list]);
			rc = put_entry(f, to, INDENT, &entry);
		}
		if (entry.source != node->source)
			free(entry.source);
		if (entry.target != node->target)
			free(entry.target);
	}
	return rc;
}

static int write_whole(struct fix *f, FILE *to)
{
	int rc = 0;

	fprintf(to, "version: 1\ninput:\n  backend: %s\n",
		f->plan->backend ? f->plan->backend : "generic");
	if (f->plan->mode)
		fprintf(to, "  mode: %s\n", f->plan->mode);
	fputs("  path: ", to);
	if (yaml_scalar(to, f->path) < 0)
		rc = -EILSEQ;
	fputc('\n', to);
	for (int list = 0; !rc && list < LIST_COUNT; list++)
		rc = write_list(f, to, (enum list)list);
	return rc;
}

/* The lists that change can be changed line by line. */
static int can_edit(const struct fix *f)
{
	for (int list = 0; list < LIST_COUNT; list++) {
		const struct place *place = &f->plan->places[list];
		int touched = 0;

		for (size_t i = 0; i < f->added.count; i++)
			touched |= f->added.nodes[i].list == (enum list)list;
		for (size_t i = 0; i < f->plan->count; i++)
			touched |= f->plan->nodes[i].list == (enum list)list &&
				   is_unused(f, &f->plan->nodes[i]);
		if (touched && place->present && !place->block && !place->empty)
			return 0;
	}
	return 1;
}

static int write_lines(struct fix *f, struct edit *edit, FILE *end, enum list list)
{
	const struct place *place = &f->plan->places[list];
	int rc = 0, count = 0;

	for (size_t i = 0; !rc && i < f->added.count; i++) {
		const struct node *node = &f->added.nodes[i];
		char *text = NULL;
		size_t size;
		FILE *to;

		if (node->list != list)
			continue;
		if (!place->present) {
			if (!count++)
				fprintf(end, "%s:\n", list_names[list]);
			rc = put_entry(f, end, INDENT, node);
			continue;
		}
		to = open_memstream(&text, &size);
		if (!to)
			return -ENOMEM;
		rc = put_entry(f, to, place->empty ? INDENT : place->indent, node);
		if (fclose(to))
			rc = -ENOMEM;
		if (!rc)
			rc = edit_add(edit, place->last_line, text);
		free(text);
	}
	return rc;
}

/* Line by line, so that comments and order stay. */
static int write_edited(struct fix *f, FILE *to)
{
	char *tail = NULL;
	size_t size = 0;
	struct edit edit;
	FILE *end = open_memstream(&tail, &size);
	int rc = end ? edit_init(&edit, f->plan->text, f->plan->text_size) : -ENOMEM;

	if (rc < 0) {
		if (end)
			fclose(end);
		free(tail);
		return rc;
	}
	for (size_t i = 0; i < f->plan->count; i++)
		if (is_unused(f, &f->plan->nodes[i]))
			edit_drop(&edit, f->plan->nodes[i].line);
	for (int list = 0; !rc && list < LIST_COUNT; list++)
		rc = write_lines(f, &edit, end, (enum list)list);
	if (fclose(end))
		rc = -ENOMEM;
	if (!rc) {
		edit_write(&edit, to);
		fwrite(tail, 1, size, to);
	}
	edit_done(&edit);
	free(tail);
	return rc;
}

/* What was written is read again: a file that we would refuse is not put in place. */
static int check(struct fix *f, const char *text, size_t size)
{
	struct plan plan = {.type = TYPE_SCHEMA};
	struct options options = *f->options;
	int rc = 0;

	options.check_sources = 0;
	plan.text = strndup(text, size);
	plan.text_size = size;
	plan.folder = strdup(f->plan->folder ? f->plan->folder : ".");
	if (!plan.text || !plan.folder)
		rc = tkit_fail(f->ctx, -ENOMEM, "writing %s", options.fix);
	else
		rc = parse_schema(f->ctx, &options, options.fix, &plan);
	plan_done(&plan);
	return rc;
}

int fix_write(struct fix *f)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int rc = to ? 0 : -ENOMEM, edited = f->plan->type == TYPE_SCHEMA && can_edit(f);

	if (to)
		rc = edited ? write_edited(f, to) : write_whole(f, to);
	if (to && fclose(to))
		rc = -ENOMEM;
	if (rc == -EILSEQ)
		rc = tkit_fail(f->ctx, rc, "%s: YAML cannot hold a folder whose name is not UTF-8",
			       f->options->fix);
	else if (rc < 0)
		rc = tkit_fail(f->ctx, rc, "writing %s", f->options->fix);
	if (!rc)
		rc = check(f, text, size);
	if (!rc)
		rc = tkit_write_file(f->ctx, f->options->fix, text, size);
	if (!rc && !edited && f->plan->type == TYPE_SCHEMA)
		tkit_log(f->ctx, TKIT_LOG_WARN,
			 "fix: lists do not stand one item a line; comments are not kept");
	free(text);
	return rc;
}
