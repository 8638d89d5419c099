// SPDX-License-Identifier: MIT
/*
 * bpftrace -f json: one object a line. A printf's text is in "data" and holds a line of
 * one of the text formats, or (tkit's own program) a line of tab-separated fields.
 */
#include "import.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

/* "lost_events" tells how many bpftrace itself lost. */
static int lost(struct import *import, const json_t *root)
{
	const json_t *data = json_object_get(root, "data");
	json_int_t count = json_integer_value(json_object_get(data, "events"));

	return tkit_lose(import->ctx, TKIT_LOSS_UPSTREAM, count > 0 ? (uint64_t)count : 1,
			 "bpftrace");
}

static int printed(struct import *import, const json_t *data, uint64_t number)
{
	struct line inner = {
		.text = json_string_value(data), .len = json_string_length(data), .number = number};
	int rc;

	while (inner.len && inner.text[inner.len - 1] == '\n')
		inner.len--;
	if (inner.len == 0)
		return LINE_USED;
	rc = common_line(import, &inner);
	if (rc)
		return rc;
	rc = opensnoop_line(import, &inner);
	return rc == LINE_BAD ? article_line(import, &inner) : rc;
}

int json_line(struct import *import, const struct line *line)
{
	json_error_t error;
	json_t *root = json_loadb(line->text, line->len, JSON_ALLOW_NUL, &error);
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *data = json_object_get(root, "data");
	int rc = LINE_BAD;

	if (!type)
		rc = LINE_BAD;
	else if (!strcmp(type, "lost_events"))
		rc = lost(import, root) < 0 ? -EPIPE : LINE_USED;
	else if (!strcmp(type, "printf") && json_is_string(data))
		rc = printed(import, data, line->number);
	else
		rc = LINE_USED; /* attached_probes, map, time: nothing about files */
	json_decref(root);
	return rc;
}
