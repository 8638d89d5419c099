/* SPDX-License-Identifier: MIT */
/* What all writers of text share: decimal digits, and text that needs no escapes in JSON. */
#ifndef UTIL_DIGITS_H
#define UTIL_DIGITS_H

#include <stdbool.h>
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

/* Which of some bytes are something else than printable ASCII, or `"` or `\`: all bits set. */
#define json_special(v) (((v) - ' ' >= 0x7f - ' ') | ((v) == '"') | ((v) == '\\'))

static inline bool json_special16(const unsigned char *p)
{
	typedef uint8_t many __attribute__((vector_size(16)));
	many here, found;
	uint64_t half[2];

	memcpy(&here, p, sizeof(here));
	found = (many)json_special(here);
	memcpy(half, &found, sizeof(half));
	return half[0] | half[1];
}

static inline bool json_special8(const unsigned char *p)
{
	typedef uint8_t many __attribute__((vector_size(8)));
	many here, found;
	uint64_t whole;

	memcpy(&here, p, sizeof(here));
	found = (many)json_special(here);
	memcpy(&whole, &found, sizeof(whole));
	return whole;
}

/* How many bytes from p on are printable ASCII other than `"` and `\`. */
static inline size_t json_plain(const void *p, size_t len)
{
	const unsigned char *text = p;
	size_t i = 0;

	while (len - i >= 16 && !json_special16(text + i))
		i += 16;
	/* The end once more with what is before it. */
	if (len >= 16 && len - i < 16 && !json_special16(text + len - 16))
		return len;
	if (len - i >= 8 && !json_special8(text + i))
		i += 8;
	if (len >= 8 && len - i < 8 && !json_special8(text + len - 8))
		return len;
	while (i < len && text[i] >= ' ' && text[i] < 0x7f && text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

#endif
