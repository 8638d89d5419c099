// SPDX-License-Identifier: MIT
/* Is a plugin's option table sane? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/check.h"
#include "plugin/option.h"
#include "util/bytes.h"
#include "util/cleanup.h"

struct table {
	const struct tkit_plugin *desc;
	check_fn fn;
	void *arg;
	int found;
};

static void __attribute__((format(printf, 3, 4)))
finding(struct table *table, const char *id, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	table->found++;
	table->fn(table->arg, id, text ? text : "(no memory for the text)");
}

static bool name_valid(const char *name)
{
	return name && name[0] >= 'a' && name[0] <= 'z' && strnlen(name, 65) <= 64 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

bool text_printable(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return bytes_utf8(bytes_str(text));
}

/* Earlier options with the same name or in the same bytes. */
static void check_earlier(struct table *table, uint32_t index)
{
	const struct tkit_option *option = &table->desc->options[index];
	uint64_t start = option->offset, end = start + option_field_size(option->type);

	for (uint32_t i = 0; i < index; i++) {
		const struct tkit_option *other = &table->desc->options[i];
		uint64_t from = other->offset, to = from + option_field_size(other->type);

		if (!name_valid(other->name))
			continue;
		if (!strcmp(option->name, other->name))
			finding(table, CHECK_OPT_NAME, "option '%s' is there twice", option->name);
		if (start < to && from < end)
			finding(table, CHECK_OPT_LAP, "options '%s' and '%s' share bytes",
				other->name, option->name);
	}
}

static void check_values(struct table *table, const struct tkit_option *option)
{
	struct err err = ERR_INIT;
	union option_value value;

	if (option_check_range(option, &err))
		finding(table, CHECK_OPT_RANGE, "option '%s': %s", option->name, err_text(&err));
	else if (option->default_value && option_parse(option, option->default_value, &value, &err))
		finding(table, CHECK_OPT_VALUE, "option '%s': default %s", option->name,
			err_text(&err));
	err_done(&err);
	if (!option->help || !*option->help || !text_printable(option->help))
		finding(table, CHECK_OPT_HELP, "option '%s' has no help of one line", option->name);
}

static void check_one(struct table *table, uint32_t index)
{
	const struct tkit_option *option = &table->desc->options[index];
	size_t size = option_field_size(option->type);

	if (!name_valid(option->name)) {
		finding(table, CHECK_OPT_NAME,
			"option %u: missing or bad name (a-z first, then a-z, 0-9 and -)", index);
		return;
	}
	if (!option_type_name(option->type)) {
		finding(table, CHECK_OPT_TYPE, "option '%s': unknown type %u", option->name,
			option->type);
		return;
	}
	if (option->offset > table->desc->options_bytes ||
	    size > table->desc->options_bytes - option->offset)
		finding(table, CHECK_OPT_PLACE,
			"option '%s' lies outside of the options struct (offset %u, %zu bytes, "
			"struct %u bytes)",
			option->name, option->offset, size, table->desc->options_bytes);
	else if (option->offset % option_field_align(option->type))
		finding(table, CHECK_OPT_PLACE, "option '%s' is misaligned (offset %u)",
			option->name, option->offset);
	check_earlier(table, index);
	check_values(table, option);
}

int check_options(const struct tkit_plugin *desc, check_fn fn, void *arg)
{
	struct table table = {desc, fn, arg, 0};

	for (uint32_t i = 0; i < desc->option_count; i++)
		check_one(&table, i);
	return table.found;
}
