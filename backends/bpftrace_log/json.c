// SPDX-License-Identifier: MIT
/*
 * bpftrace -f json: one object a line. A printf's text is in "data" and holds a line of
 * one of the text formats, or a record of tkit's own program.
 *
 * Names are bytes, JSON is not: some versions of bpftrace write bytes above 127 as they are, 0.17
 * as "\uffffffXX". Both are made characters U+0080 to U+00ff before parsing, and bytes after.
 */
#include "live.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static int hex(const char *p)
{
	char text[3] = {p[0], p[1], '\0'};

	return isxdigit((unsigned char)p[0]) && isxdigit((unsigned char)p[1])
		       ? (int)strtol(text, NULL, 16)
		       : -1;
}

static size_t put_char(char *to, unsigned int c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	to[0] = (char)(0xc0 | c >> 6);
	to[1] = (char)(0x80 | (c & 0x3f));
	return 2;
}

/* `to` has room for two bytes for each of `from`. */
static size_t bytes_to_chars(const char *from, size_t len, char *to)
{
	const char *end = from + len;
	size_t n = 0;

	while (from < end) {
		if (end - from >= 10 && !memcmp(from, "\\uffffff", 8) && hex(from + 8) >= 0x80) {
			n += put_char(to + n, (unsigned int)hex(from + 8));
			from += 10;
		} else if (*from == '\\' && end - from >= 2 && !(from[1] & 0x80)) {
			to[n++] = *from++;
			to[n++] = *from++;
		} else {
			n += put_char(to + n, (unsigned char)*from++);
		}
	}
	return n;
}

/* In place: never longer. What is no byte (an escape \u0100 and above) stays UTF-8. */
static size_t chars_to_bytes(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c == 0xc2 || c == 0xc3) && i + 1 < len)
			text[n++] = (char)((c & 3) << 6 | (text[++i] & 0x3f));
		else
			text[n++] = (char)c;
	}
	return n;
}

/* "lost_events" tells how many bpftrace itself lost. */
static int lost(struct import *import, const json_t *root)
{
	const json_t *data = json_object_get(root, "data");
	json_int_t count = json_integer_value(json_object_get(data, "events"));
	int rc;

	if (count <= 0)
		count = 1;
	import->gone += (uint64_t)count;
	rc = tkit_lose(import->ctx, TKIT_LOSS_UPSTREAM, (uint64_t)count, "bpftrace");
	return rc < 0 ? rc : LINE_USED;
}

/* The maps that are left at the end: @told of tkit's program is a number for each processor. */
static int maps(struct import *import, const json_t *data)
{
	json_t *told = json_object_get(data, "@told"), *count;
	const char *cpu;

	if (!json_is_object(told))
		return LINE_USED;
	import->made = 0;
	json_object_foreach(told, cpu, count)
	{
		if (json_is_integer(count) && json_integer_value(count) > 0)
			import->made += (uint64_t)json_integer_value(count);
	}
	return LINE_USED;
}

int json_end(struct import *import)
{
	uint64_t known = import->come + import->gone;
	uint64_t missing = import->made > known ? import->made - known : 0;

	import->made = 0; /* told once */
	return missing ? tkit_lose(import->ctx, TKIT_LOSS_UPSTREAM, missing,
				   "bpftrace dropped records and did not tell")
		       : 0;
}

static int printed(struct import *import, char *text, size_t len, uint64_t number)
{
	struct line inner = {.text = text, .number = number};
	uint64_t ts;
	int rc;

	len = chars_to_bytes(text, len);
	/* One newline ends the line; those before it belong to a name. */
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	inner.len = len;
	if (len == 0)
		return LINE_USED;
	if (records_is(&inner, &ts)) {
		import->come++;
		return import_record(import, &inner, ts);
	}
	rc = common_line(import, &inner);
	if (rc)
		return rc;
	rc = opensnoop_line(import, &inner);
	return rc == LINE_BAD ? article_line(import, &inner) : rc;
}

static int take_data(struct import *import, const json_t *data, uint64_t number)
{
	size_t len = json_string_length(data);
	char *text = malloc(len + 1);
	int rc;

	if (!text)
		return -ENOMEM;
	memcpy(text, json_string_value(data), len + 1);
	rc = printed(import, text, len, number);
	free(text);
	return rc;
}

int json_line(struct import *import, const struct line *line)
{
	json_error_t error;
	char *chars = malloc(2 * line->len + 1);
	json_t *root;
	const char *type;
	const json_t *data;
	int rc = LINE_BAD;

	if (!chars)
		return -ENOMEM;
	root = json_loadb(chars, bytes_to_chars(line->text, line->len, chars), JSON_ALLOW_NUL,
			  &error);
	free(chars);
	type = json_string_value(json_object_get(root, "type"));
	data = json_object_get(root, "data");
	if (!type)
		rc = LINE_BAD;
	else if (!strcmp(type, "lost_events"))
		rc = lost(import, root);
	else if (!strcmp(type, "printf") && json_is_string(data))
		rc = take_data(import, data, line->number);
	else if (!strcmp(type, "map"))
		rc = maps(import, data);
	else
		rc = LINE_USED; /* attached_probes, time: nothing about files */
	json_decref(root);
	return rc;
}
