// SPDX-License-Identifier: MIT
/*
 * The log of a bpftrace one-liner as container validation uses it: lines
 * "elapsed-ns ret path", between them lines of hooks with the container's id in brackets.
 */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number at *at, with one space (or the end) behind it. */
static bool number(const char **at, const char *end, int64_t *ret)
{
	const char *p = *at;
	bool negative = p < end && *p == '-';
	uint64_t value = 0;

	p += negative;
	if (p == end || !isdigit((unsigned char)*p))
		return false;
	for (; p < end && isdigit((unsigned char)*p); p++) {
		if (value > (uint64_t)INT64_MAX / 10 - 1)
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p < end && *p++ != ' ')
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	*at = p;
	return true;
}

/* "[id] text": a hook's line; a path in brackets never starts a line. */
static bool hook(struct import *import, const struct line *line)
{
	const char *close = line->text[0] == '[' ? memchr(line->text, ']', line->len) : NULL;
	const char *want = import->options->container;
	size_t len;

	if (!close || close == line->text + 1)
		return false;
	len = (size_t)(close - line->text) - 1;
	for (size_t i = 0; i < len; i++) {
		char c = line->text[1 + i];

		if (!isalnum((unsigned char)c) && !strchr("_.-", c))
			return false;
	}
	if (want)
		import->skipping =
			strlen(want) > len || strncmp(line->text + 1, want, strlen(want)) != 0;
	return true;
}

int article_line(struct import *import, const struct line *line)
{
	const char *at = line->text, *end = line->text + line->len;
	struct tkit_event event;
	int64_t elapsed, ret;
	int rc;

	if (hook(import, line))
		return LINE_USED;
	if (!number(&at, end, &elapsed) || !number(&at, end, &ret) || elapsed < 0 || ret < -4095 ||
	    ret > INT32_MAX)
		return LINE_BAD;
	if (import->skipping)
		return LINE_USED;
	open_event(import, &event, at, (size_t)(end - at), ret);
	event.valid |= TKIT_V_TS;
	event.ts_ns = import->zero_ns + (uint64_t)elapsed;
	rc = emit(import, &event);
	return rc < 0 ? rc : LINE_USED;
}
