// SPDX-License-Identifier: MIT
#include "util/suggest.h"

#include <string.h>

#define WORD_MAX 64

/* Levenshtein distance with adjacent transpositions, two rows and the one before. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *cur = rows[i % 3];
		const size_t *prev = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			cur[j] = best;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *suggest(const char *word, const char *const *names, size_t count)
{
	size_t len = strlen(word), best = len / 3 + 2;
	const char *near = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t name_len = strlen(names[i]), d;

		if (name_len > WORD_MAX)
			continue;
		d = distance(word, len, names[i], name_len);
		/* Replacing every letter is no likeness. */
		if (d < best && d < name_len) {
			best = d;
			near = names[i];
		}
	}
	return near;
}
