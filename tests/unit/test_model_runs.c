// SPDX-License-Identifier: MIT
/* Several runs: which saw what, and how much the last one added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "feed.h"
#include "model/model.h"
#include "model/priv.h"

/* /a in all runs, /b in 1 and 3, /only1, /only3; and what is not counted. */
static void feed_run(struct feed *f, int number)
{
	feed_begin(f, number);
	EV(f, TKIT_OP_OPEN, "/a");
	EV(f, TKIT_OP_STAT, "/a");
	if (number != 2)
		EV(f, TKIT_OP_OPEN, "/b");
	if (number == 1)
		EV(f, TKIT_OP_OPEN, "/only1");
	if (number == 3) {
		EV(f, TKIT_OP_STAT, "/only3");
		EV(f, TKIT_OP_OPEN, "/missing", ENOENT);
		EV(f, TKIT_OP_OPEN, "/proc/self/maps");
		EV(f, TKIT_OP_OPEN, "/made", .flags = O_CREAT, .created = 1);
	}
	feed_end(f);
}

static struct tkit_model *runs(const char *order)
{
	struct feed f;

	feed_init(&f);
	for (; *order; order++)
		feed_run(&f, *order - '0');
	return feed_finish(&f);
}

static void seen_in(const struct tkit_model *m, const char *name, const char *want)
{
	const struct tkit_path *path = tkit_model_find(m, bytes_str(name));
	size_t i;

	assert_non_null(path);
	assert_int_equal(path->runs, strlen(want));
	for (i = 0; want[i]; i++)
		assert_int_equal(tkit_model_path_run(m, path, i), want[i] - '1');
	assert_int_equal(tkit_model_path_run(m, path, i), SIZE_MAX);
}

static void test_seen_in(void **state)
{
	struct tkit_model *m = runs("312");

	seen_in(m, "/a", "123");
	seen_in(m, "/b", "13");
	seen_in(m, "/only1", "1");
	seen_in(m, "/missing", "3");
	model_free(m);
}

/* The last run is the one that began last, in whatever order the traces come, and once each. */
static void test_saturation(void **state)
{
	static const char *const orders[] = {"123", "321", "2132"};

	for (size_t i = 0; i < 3; i++) {
		struct tkit_model *m = runs(orders[i]);
		struct tkit_saturation s;

		assert_int_equal(tkit_model_saturation(m, &s), 0);
		assert_int_equal(s.runs, 3);
		assert_int_equal(s.files, 4);
		assert_int_equal(s.sightings, 3 + 2 + 1 + 1);
		assert_int_equal(s.once, 2);
		assert_int_equal(s.last, 1);
		model_free(m);
	}
}

static void test_saturated(void **state)
{
	struct tkit_model *m = runs("2");
	struct tkit_saturation s;

	assert_int_equal(tkit_model_saturation(m, &s), 0);
	assert_int_equal(s.files, 1);
	assert_int_equal(s.last, 1);
	model_free(m);
	m = runs("12");
	assert_int_equal(tkit_model_saturation(m, &s), 0);
	assert_int_equal(s.files, 3);
	assert_int_equal(s.last, 0); /* the second brought nothing */
	assert_int_equal(s.once, 2);
	model_free(m);
}

static void test_empty(void **state)
{
	struct tkit_model *m = runs("");
	struct tkit_saturation s;

	assert_int_equal(tkit_model_saturation(m, &s), 0);
	assert_int_equal(s.files, 0);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen_in),
		cmocka_unit_test(test_saturation),
		cmocka_unit_test(test_saturated),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
