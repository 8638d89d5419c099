// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/intern.h"
#include "util/suggest.h"

static void check_buf(struct buf *buf, const char *want)
{
	assert_false(buf->failed);
	assert_int_equal(buf->size, strlen(want));
	assert_memory_equal(buf->data, want, buf->size);
	buf_done(buf);
}

static void test_buf_grows_and_keeps_content(void **state)
{
	struct buf buf = BUF_INIT;

	for (int i = 0; i < 10000; i++)
		buf_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.size, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	buf_done(&buf);
}

static void test_buf_reports_absurd_size(void **state)
{
	struct buf buf = BUF_INIT;

	buf_str(&buf, "x");
	assert_null(buf_reserve(&buf, SIZE_MAX - 10));
	assert_true(buf.failed);
	buf_done(&buf);
}

static void test_buf_numbers(void **state)
{
	struct buf buf = BUF_INIT;

	buf_u64(&buf, 0);
	buf_char(&buf, ' ');
	buf_u64(&buf, UINT64_MAX);
	buf_char(&buf, ' ');
	buf_i64(&buf, INT64_MIN);
	buf_printf(&buf, " %d", 7);
	check_buf(&buf, "0 18446744073709551615 -9223372036854775808 7");
}

static void test_escaped(void **state)
{
	struct buf buf = BUF_INIT;

	/* line break, escape, backslash, bad UTF-8, C1 control, good UTF-8 */
	buf_escaped(&buf, BYTES_LIT("a\n\x1b[m\\\xff\xc2\x9b\xc3\xa9z"));
	check_buf(&buf, "a\\n\\x1b[m\\\\\\xff\\xc2\\x9b\xc3\xa9z");
}

static void test_json(void **state)
{
	struct buf buf = BUF_INIT;

	assert_true(buf_json(&buf, BYTES_LIT("a\"b\\c\n\x01\x7f\xc3\xa9")));
	check_buf(&buf, "\"a\\\"b\\\\c\\n\\u0001\\u007f\xc3\xa9\"");
	assert_false(buf_json(&buf, BYTES_LIT("a\xff"
					      "b\xed\xa0\x80")));
	check_buf(&buf, "\"a\xef\xbf\xbd"
			"b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_base64(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = {{"", ""},
					       {"f", "Zg=="},
					       {"fo", "Zm8="},
					       {"foo", "Zm9v"},
					       {"foob", "Zm9vYg=="},
					       {"fooba", "Zm9vYmE="},
					       {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf buf = BUF_INIT;

		buf_base64(&buf, bytes_str(pairs[i][0]));
		check_buf(&buf, pairs[i][1]);
	}
}

static void test_utf8_bounds(void **state)
{
	assert_true(bytes_utf8(BYTES_LIT("\xf4\x8f\xbf\xbf")));  /* U+10FFFF */
	assert_false(bytes_utf8(BYTES_LIT("\xf4\x90\x80\x80"))); /* beyond */
	assert_false(bytes_utf8(BYTES_LIT("\xc0\xaf")));         /* overlong '/' */
	assert_false(bytes_utf8(BYTES_LIT("\xe0\x80\xaf")));
	assert_false(bytes_utf8(BYTES_LIT("\xe2\x82"))); /* cut off */
}

static void test_bytes_below_is_by_component(void **state)
{
	assert_true(bytes_below(BYTES_LIT("/a/b"), BYTES_LIT("/a")));
	assert_true(bytes_below(BYTES_LIT("/a"), BYTES_LIT("/a/")));
	assert_true(bytes_below(BYTES_LIT("/a"), BYTES_LIT("/")));
	assert_false(bytes_below(BYTES_LIT("/ab"), BYTES_LIT("/a")));
	assert_true(bytes_cmp(BYTES_LIT("/a"), BYTES_LIT("/a/b")) < 0);
}

static void test_err_chain(void **state)
{
	struct err err = ERR_INIT;

	errno = EAGAIN;
	assert_int_equal(err_sys(&err, -ENOENT, "opening %s", "x"), -ENOENT);
	assert_int_equal(errno, EAGAIN);
	assert_string_equal(err_text(&err), "opening x: No such file or directory");
	assert_int_equal(err_wrap(&err, "report"), -ENOENT);
	assert_string_equal(err_text(&err), "report: opening x: No such file or directory");
	/* success codes are no errors */
	assert_int_equal(err_set(&err, 0, "odd"), -EINVAL);
	err_done(&err);
	assert_int_equal(err_set(NULL, -EIO, "ignored"), -EIO);
}

static void test_intern(void **state)
{
	struct intern table;
	char name[32];
	int is_new;

	intern_init(&table);
	assert_int_equal(intern_find(&table, BYTES_LIT("a")), INTERN_NONE);
	for (uint32_t i = 0; i < 20000; i++) {
		int n = snprintf(name, sizeof(name), "/path/%u", i);

		assert_int_equal(intern_add(&table, BYTES(name, (size_t)n), &is_new), i);
		assert_true(is_new);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		int n = snprintf(name, sizeof(name), "/path/%u", i);

		assert_int_equal(intern_add(&table, BYTES(name, (size_t)n), &is_new), i);
		assert_false(is_new);
		assert_true(bytes_is(intern_get(&table, i), name));
	}
	intern_clear(&table);
	assert_int_equal(intern_find(&table, BYTES_LIT("/path/1")), INTERN_NONE);
	assert_int_equal(intern_add(&table, BYTES_LIT(""), NULL), 0);
	assert_int_equal(intern_find(&table, BYTES_LIT("")), 0);
	intern_done(&table);
}

static void test_suggest(void **state)
{
	static const char *const names[] = {"ring-size", "dedup", "inode"};

	assert_string_equal(suggest("ringsize", names, 3), "ring-size");
	assert_string_equal(suggest("deudp", names, 3), "dedup");
	assert_null(suggest("verbose", names, 3));
	assert_null(suggest("", names, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_grows_and_keeps_content),
		cmocka_unit_test(test_buf_reports_absurd_size),
		cmocka_unit_test(test_buf_numbers),
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8_bounds),
		cmocka_unit_test(test_bytes_below_is_by_component),
		cmocka_unit_test(test_err_chain),
		cmocka_unit_test(test_intern),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
