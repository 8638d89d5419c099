// SPDX-License-Identifier: MIT
/*
 * The tables of opensnoop: bpftrace's opensnoop.bt, bcc's and libbpf-tools' opensnoop. The
 * header line tells the columns; the path is the last one and may hold spaces.
 */
#include "import.h"

#include <ctype.h>
#include <string.h>

#define MAX_COLUMNS 12

struct word {
	const char *ptr;
	size_t len;
};

/* Splits at runs of blanks into at most `max` words; the last one takes the rest. */
static size_t split(const char *text, size_t len, struct word *words, size_t max)
{
	const char *p = text, *end = text + len;
	size_t count = 0;

	while (count < max) {
		while (p < end && *p == ' ')
			p++;
		if (p == end)
			break;
		words[count].ptr = p;
		if (count == max - 1)
			p = end;
		while (p < end && *p != ' ')
			p++;
		words[count].len = (size_t)(p - words[count].ptr);
		count++;
	}
	return count;
}

static bool is(struct word word, const char *text)
{
	return word.len == strlen(text) && !memcmp(word.ptr, text, word.len);
}

static bool header(struct import *import, const struct line *line)
{
	struct word words[MAX_COLUMNS];
	size_t count = split(line->text, line->len, words, MAX_COLUMNS);

	if (count < 4 || !is(words[count - 1], "PATH"))
		return false;
	import->columns.pid = import->columns.comm = import->columns.fd = -1;
	import->columns.err = import->columns.flags = import->columns.time = -1;
	for (size_t i = 0; i < count; i++) {
		if (is(words[i], "PID") || is(words[i], "TID"))
			import->columns.pid = (int)i;
		else if (is(words[i], "COMM"))
			import->columns.comm = (int)i;
		else if (is(words[i], "FD"))
			import->columns.fd = (int)i;
		else if (is(words[i], "ERR"))
			import->columns.err = (int)i;
		else if (is(words[i], "FLAGS"))
			import->columns.flags = (int)i;
	}
	import->columns.path = (int)count - 1;
	import->columns.known =
		import->columns.pid >= 0 && import->columns.fd >= 0 && import->columns.err >= 0;
	return import->columns.known;
}

static bool to_int(struct word word, int base, int64_t *ret)
{
	bool negative = word.len && word.ptr[0] == '-';
	int64_t value = 0;

	if (word.len == (size_t)negative || word.len > 12)
		return false;
	for (size_t i = negative; i < word.len; i++) {
		unsigned char c = (unsigned char)word.ptr[i];

		if (c < '0' || c >= '0' + base)
			return false;
		value = value * base + (c - '0');
	}
	*ret = negative ? -value : value;
	return true;
}

/*
 * A thread name may hold blanks, which shifts the columns behind it: the number of words to
 * skip until descriptor and errno are numbers. -1: no shift fits.
 */
static int shift(const struct import *import, const struct word *words, size_t count)
{
	int64_t unused;

	for (int k = 0; k < 4; k++) {
		if ((size_t)import->columns.path + (size_t)k > count)
			return -1;
		if (to_int(words[import->columns.fd + k], 10, &unused) &&
		    to_int(words[import->columns.err + k], 10, &unused))
			return k;
	}
	return -1;
}

int opensnoop_line(struct import *import, const struct line *line)
{
	const char *end = line->text + line->len;
	struct word words[MAX_COLUMNS + 4];
	struct tkit_event event;
	int64_t pid, fd = 0, err = 0, flags;
	size_t count, path;
	int k, rc;

	if (header(import, line))
		return LINE_USED;
	if (!import->columns.known)
		return LINE_BAD;
	count = split(line->text, line->len, words, MAX_COLUMNS + 4);
	if (count < (size_t)import->columns.path || !to_int(words[import->columns.pid], 10, &pid))
		return LINE_BAD;
	k = shift(import, words, count);
	if (k < 0)
		return LINE_BAD;
	to_int(words[import->columns.fd + k], 10, &fd);
	to_int(words[import->columns.err + k], 10, &err);
	if (err < 0 || err > 4095)
		return LINE_BAD;
	path = (size_t)import->columns.path + (size_t)k;
	/* No word left: the path was empty. */
	if (path < count)
		open_event(import, &event, words[path].ptr, (size_t)(end - words[path].ptr),
			   fd >= 0 ? fd : -err);
	else
		open_event(import, &event, end, 0, fd >= 0 ? fd : -err);
	event.valid |= TKIT_V_PID;
	event.pid = (int32_t)pid;
	if (import->columns.comm >= 0) {
		const struct word *first = &words[import->columns.comm];
		const struct word *last = first + k;

		event.valid |= TKIT_V_COMM;
		event.comm.ptr = first->ptr;
		event.comm.len = (size_t)(last->ptr + last->len - first->ptr);
	}
	if (import->columns.flags >= 0 && to_int(words[import->columns.flags + k], 8, &flags)) {
		event.valid |= TKIT_V_FLAGS;
		event.flags = (uint64_t)flags;
	}
	rc = emit(import, &event);
	return rc < 0 ? rc : LINE_USED;
}
