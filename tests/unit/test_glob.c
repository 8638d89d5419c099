// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <string.h>

#include "util/bytes.h"
#include "util/glob.h"

static bool match(const char *pattern, const char *path)
{
	return glob_match(bytes_str(pattern), bytes_str(path));
}

static bool below(const char *pattern, const char *path)
{
	return glob_match_below(bytes_str(pattern), bytes_str(path));
}

static void test_stars(void **state)
{
	assert_true(match("/usr/*/ls", "/usr/bin/ls"));
	assert_false(match("/usr/*", "/usr/bin/ls"));
	assert_true(match("/usr/**", "/usr/bin/ls"));
	assert_false(match("/usr/**", "/usr"));
	assert_true(match("/usr/**/ls", "/usr/bin/ls"));
	assert_true(match("/usr/**/ls", "/usr/ls"));
	assert_true(match("/usr/**/ls", "/usr/a/b/c/ls"));
	assert_false(match("/usr/**/ls", "/usr/a/tools"));
	assert_false(match("/usr/**/ls", "/usr/als"));
	assert_true(match("**/ls", "/usr/bin/ls"));
	assert_true(match("**.so*", "/usr/lib/libz.so.1"));
	assert_true(match("/**", "/a"));
	assert_true(match("/a/**/b/**/c", "/a/b/b/c/b/c"));
	assert_false(match("/a/**/b/**/c", "/a/x/c"));
	assert_true(match("/a*b*c/d", "/axbybzc/d"));
	assert_false(match("/a*b*c/d", "/axbybz/d"));
	assert_true(match("/***", "/a/b"));
	assert_true(match("*", ""));
	assert_false(match("", "/"));
}

static void test_sets(void **state)
{
	assert_true(match("/lib[a-z]", "/libz"));
	assert_false(match("/lib[!a-z]", "/libz"));
	assert_true(match("/[]]", "/]"));
	assert_true(match("/[a\\]]", "/]"));
	assert_false(match("[/]", "/"));
	assert_true(match("/[", "/["));
	assert_true(match("/\\*", "/*"));
	assert_false(match("/\\*", "/x"));
	assert_true(match("/?", "/\xff"));
	assert_false(match("/a?b", "/a/b"));
	assert_true(match("/\\", "/\\"));
}

static void test_below(void **state)
{
	assert_true(below("/usr/share", "/usr/share/doc/x"));
	assert_true(below("/usr/share/", "/usr/share"));
	assert_false(below("/usr/share", "/usr/shared"));
	assert_true(below("/usr/*/doc", "/usr/share/doc/x"));
	assert_true(below("/", "/x"));
	assert_true(below("**/__pycache__", "/usr/lib/__pycache__/a.pyc"));
}

static void test_literal(void **state)
{
	assert_int_equal(glob_literal(bytes_str("/usr/share")), 10);
	assert_int_equal(glob_literal(bytes_str("/usr/sh*")), 4);
	assert_int_equal(glob_literal(bytes_str("/*")), 0);
	assert_int_equal(glob_literal(bytes_str("**/x")), 0);
}

/* All patterns of a small alphabet against fnmatch(3), which knows all but `**`. */
static void test_as_fnmatch(void **state)
{
	static const char alphabet[] = "*a/?";
	char pattern[7], text[6];

	for (unsigned int p = 0; p < 4096; p++) {
		for (int i = 0; i < 6; i++)
			pattern[i] = alphabet[p >> (2 * i) & 3];
		pattern[6] = '\0';
		if (strstr(pattern, "**"))
			continue;
		for (unsigned int t = 0; t < 243; t++) {
			unsigned int rest = t;

			for (int i = 0; i < 5; i++, rest /= 3)
				text[i] = "ab/"[rest % 3];
			text[5] = '\0';
			if (match(pattern, text) != (fnmatch(pattern, text, FNM_PATHNAME) == 0))
				fail_msg("%s %s", pattern, text);
		}
	}
}

/* Many stars and no match: no exponential time. */
static void test_bounded(void **state)
{
	char pattern[201], text[4097];

	for (int i = 0; i < 100; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	memset(text, 'a', 4096);
	text[4096] = '\0';
	assert_false(match(pattern, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stars),      cmocka_unit_test(test_sets),
		cmocka_unit_test(test_below),      cmocka_unit_test(test_literal),
		cmocka_unit_test(test_as_fnmatch), cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
