/* SPDX-License-Identifier: MIT */
/* What all writers of text share: decimal digits, and text that needs no escapes in JSON. */
#ifndef UTIL_DIGITS_H
#define UTIL_DIGITS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 20 /* of a 64-bit number */

/* Writes the number so that it ends at the end of `digits`; returns where it starts there. */
static inline size_t digits_put(char digits[DIGITS_MAX], uint64_t value)
{
	size_t at = DIGITS_MAX;

	while (value >= 100) {
		unsigned int two = (unsigned int)(value % 100);

		value /= 100;
		digits[--at] = (char)('0' + two % 10);
		digits[--at] = (char)('0' + two / 10);
	}
	if (value >= 10) {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	}
	digits[--at] = (char)('0' + value);
	return at;
}

/* How many bytes from p on are printable ASCII other than `"` and `\`. */
static inline size_t json_plain(const void *p, size_t len)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	const unsigned char *text = p;
	size_t i = 0;

	for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t x, quote, slash, del, bad;

		memcpy(&x, text + i, sizeof(x));
		x = le64toh(x);
		/* In each of these the lowest byte that is marked is rightly so. */
		quote = x ^ '"' * ones;
		slash = x ^ '\\' * ones;
		del = x ^ 0x7f * ones;
		bad = (x | ((x - ' ' * ones) & ~x) | ((quote - ones) & ~quote) |
		       ((slash - ones) & ~slash) | ((del - ones) & ~del)) &
		      high;
		if (bad)
			return i + (size_t)__builtin_ctzll(bad) / 8;
	}
	while (i < len && text[i] >= ' ' && text[i] < 0x7f && text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

#endif
