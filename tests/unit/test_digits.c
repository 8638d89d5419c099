// SPDX-License-Identifier: MIT
/* What all writers of text share: digits, and where a text needs escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/digits.h"

#define LONGEST 70

/* Each byte at each place of texts of each length, in a piece of memory without room behind it. */
static void test_plain(void **state)
{
	for (size_t len = 0; len <= LONGEST; len++) {
		unsigned char *text = malloc(len + !len);

		assert_non_null(text);
		memset(text, 'a', len + !len);
		assert_int_equal(json_plain(text, len), len);
		for (size_t at = 0; at < len; at++) {
			for (unsigned int c = 0; c < 256; c++) {
				int plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

				text[at] = (unsigned char)c;
				assert_int_equal(json_plain(text, len), plain ? len : at);
			}
			text[at] = 'a';
		}
		free(text);
	}
}

/* The first of two is found. */
static void test_first(void **state)
{
	unsigned char text[LONGEST];

	for (size_t first = 0; first < LONGEST; first++)
		for (size_t second = first; second < LONGEST; second++) {
			memset(text, '~', sizeof(text));
			text[first] = '"';
			text[second] = '\n';
			assert_int_equal(json_plain(text, sizeof(text)), first);
		}
}

static void test_digits(void **state)
{
	static const uint64_t values[] = {0, 9, 10, 99, 100, 101, 12345, UINT32_MAX, UINT64_MAX};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char digits[DIGITS_MAX], want[32];
		size_t at = digits_put(digits, values[i]);
		int len = snprintf(want, sizeof(want), "%llu", (unsigned long long)values[i]);

		assert_int_equal(DIGITS_MAX - at, len);
		assert_memory_equal(digits + at, want, (size_t)len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
