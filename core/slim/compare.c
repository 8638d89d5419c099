// SPDX-License-Identifier: MIT
#include "slim/compare.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define HEX_MIN 8 /* hexadecimal words of that many digits are numbers, too */

const char *likeness_text(enum likeness likeness)
{
	static const char *const texts[] = {
		[ALIKE_BYTES] = "same",
		[ALIKE_NUMBERS] = "same but for numbers",
		[ALIKE_LINES] = "same but for numbers and the order of lines",
		[ALIKE_NOT] = "different",
	};

	return texts[likeness];
}

const char *part_name(enum part_kind kind, bool http)
{
	if (kind == PART_STATUS)
		return http ? "HTTP status" : "exit status";
	return kind == PART_OUT ? http ? "answer" : "output" : "error output";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The text with each number as one '#'. */
static void mask(const struct buf *text, struct buf *out)
{
	for (size_t i = 0; i < text->size;) {
		size_t hex = i, dec = i;

		while (dec < text->size && is_digit(text->data[dec]))
			dec++;
		while (hex < text->size && is_hex(text->data[hex]))
			hex++;
		if (hex - i >= HEX_MIN || dec > i) {
			buf_char(out, '#');
			i = hex - i >= HEX_MIN ? hex : dec;
			continue;
		}
		do
			buf_char(out, text->data[i++]);
		while (i < text->size && !is_hex(text->data[i]));
	}
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->size == b->size && (!a->size || memcmp(a->data, b->data, a->size) == 0);
}

struct line {
	const char *text;
	size_t len;
};

static int by_text(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int c = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

	return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

/* Lines, sorted, each once: how often a service says it is heard depends on the time, too. */
static size_t sorted_lines(const struct buf *text, struct line **ret)
{
	size_t count = 1, n = 0, kept = 0;
	const char *p = text->data, *end = text->data + text->size;

	for (size_t i = 0; i < text->size; i++)
		count += text->data[i] == '\n';
	*ret = calloc(count, sizeof(**ret));
	if (!*ret)
		return 0;
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((stop ? stop : end) - p);

		(*ret)[n++] = (struct line){p, len};
		p += len + 1;
	}
	qsort(*ret, n, sizeof(**ret), by_text);
	for (size_t i = 0; i < n; i++)
		if (!i || by_text(&(*ret)[i], &(*ret)[kept - 1]) != 0)
			(*ret)[kept++] = (*ret)[i];
	return kept;
}

static bool same_lines(const struct buf *a, const struct buf *b)
{
	_cleanup_free_ struct line *x = NULL, *y = NULL;
	size_t n = sorted_lines(a, &x), m = sorted_lines(b, &y);

	if (!x || !y || n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (by_text(&x[i], &y[i]) != 0)
			return false;
	return true;
}

enum likeness compare_text(const struct buf *a, const struct buf *b)
{
	_cleanup_(buf_done) struct buf x = BUF_INIT, y = BUF_INIT;

	if (same(a, b))
		return ALIKE_BYTES;
	mask(a, &x);
	mask(b, &y);
	if (x.failed || y.failed)
		return ALIKE_NOT;
	if (same(&x, &y))
		return ALIKE_NUMBERS;
	return same_lines(&x, &y) ? ALIKE_LINES : ALIKE_NOT;
}

static const struct outcome *outcome_of(const struct drive_result *result, size_t step)
{
	return step < result->count ? &result->steps[step] : &result->main;
}

static enum likeness part_likeness(const struct outcome *a, const struct outcome *b,
				   enum part_kind kind)
{
	if (kind == PART_STATUS)
		return a->status == b->status ? ALIKE_BYTES : ALIKE_NOT;
	/* What is cut off could differ. */
	if (a->cut != b->cut)
		return ALIKE_NOT;
	return kind == PART_OUT ? compare_text(&a->out, &b->out) : compare_text(&a->err, &b->err);
}

/*
 * Also of the image itself: where nothing was done with it, a service that had to be stopped and
 * one that ended by itself are not the same. (What a last step ended may have been stopped, too.)
 */
static enum likeness run_likeness(const struct drive_result *a, const struct drive_result *b,
				  size_t step, enum part_kind kind)
{
	if (kind == PART_STATUS && !a->count && a->stopped != b->stopped)
		return ALIKE_NOT;
	return part_likeness(outcome_of(a, step), outcome_of(b, step), kind);
}

void compare_runs(const struct drive_result *originals, size_t count,
		  const struct drive_result *result, struct comparison *ret)
{
	*ret = (struct comparison){0};
	for (size_t step = 0; step <= originals->count; step++)
		for (int kind = PART_STATUS; kind <= PART_ERR; kind++) {
			struct part *part = &ret->parts[ret->count++];

			*part = (struct part){.step = step, .kind = (enum part_kind)kind};
			for (size_t i = 1; i < count; i++) {
				enum likeness noise =
					run_likeness(originals, &originals[i], step, part->kind);

				part->noise = noise > part->noise ? noise : part->noise;
			}
			part->result = run_likeness(originals, result, step, part->kind);
			part->differs = part->result > part->noise;
			ret->differences += part->differs;
			ret->incomparable += part->noise == ALIKE_NOT;
		}
}
