// SPDX-License-Identifier: MIT
/* Large tables: memory on huge pages, items by key, strings by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/keyed.h"
#include "util/bigmem.h"
#include "util/bytes.h"
#include "util/intern.h"

static void fill(unsigned char *data, size_t size, unsigned int salt)
{
	for (size_t i = 0; i < size; i += 509)
		data[i] = (unsigned char)(i * 31 + salt);
}

static void check(const unsigned char *data, size_t size, unsigned int salt)
{
	for (size_t i = 0; i < size; i += 509)
		assert_int_equal(data[i], (unsigned char)(i * 31 + salt));
}

/* A piece keeps its content when it grows, whatever memory it had and gets. */
static void test_bigmem_grows(void **state)
{
	static const size_t sizes[] = {100,
				       BIGMEM_MIN - 1,
				       BIGMEM_MIN,
				       BIGMEM_MIN + 1,
				       BIGMEM_MIN + BIGMEM_PAGE,
				       3 * BIGMEM_MIN + 5};
	unsigned char *data = NULL;
	size_t before = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		data = bigmem_grow(data, before, sizes[i]);
		assert_non_null(data);
		check(data, before, i ? (unsigned int)i - 1 : 0);
		fill(data, sizes[i], (unsigned int)i);
		if (sizes[i] >= BIGMEM_MIN)
			assert_int_equal((uintptr_t)data % BIGMEM_PAGE, 0);
		before = sizes[i];
	}
	bigmem_free(data, before);
	bigmem_free(NULL, 0);
	bigmem_free(NULL, BIGMEM_MIN);
}

static void test_bigmem_zero(void **state)
{
	static const size_t sizes[] = {1, BIGMEM_MIN - 1, BIGMEM_MIN, 5 * BIGMEM_PAGE - 3};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *data = bigmem_zeroed(sizes[i]);

		assert_non_null(data);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(data[k], 0);
		bigmem_free(data, sizes[i]);
	}
}

/* More than there can be is refused, and what was there stays. */
static void test_bigmem_too_much(void **state)
{
	unsigned char *data = bigmem_grow(NULL, 0, BIGMEM_MIN);

	assert_non_null(data);
	fill(data, BIGMEM_MIN, 7);
	assert_null(bigmem_grow(data, BIGMEM_MIN, SIZE_MAX / 2));
	assert_null(bigmem_grow(data, BIGMEM_MIN, SIZE_MAX));
	assert_null(bigmem_grow(data, BIGMEM_MIN, SIZE_MAX - BIGMEM_PAGE));
	assert_null(bigmem_zeroed(SIZE_MAX - 5));
	check(data, BIGMEM_MIN, 7);
	bigmem_free(data, BIGMEM_MIN);
}

struct item {
	uint64_t key[4];
	uint64_t value;
	uint64_t rest[11];
};

#define ITEMS 120000u /* their memory becomes large while the table grows */

static void key_of(uint32_t i, uint64_t key[4])
{
	key[0] = i % 7;
	key[1] = (uint64_t)i << 32;
	key[2] = 0;
	key[3] = i / 1000;
}

static void test_keyed(void **state)
{
	struct keyed table;
	uint64_t key[4];
	int is_new;

	keyed_init(&table, sizeof(struct item), 4);
	for (uint32_t i = 0; i < ITEMS; i++) {
		struct item *item;

		key_of(i, key);
		assert_true(keyed_fetch_item(&table, keyed_hash(&table, key, 4)) <= i);
		item = keyed_get(&table, key, &is_new);
		assert_non_null(item);
		assert_true(is_new);
		assert_int_equal(item->value | item->rest[10], 0);
		item->value = i;
	}
	assert_int_equal(table.count, ITEMS);
	for (uint32_t i = 0; i < ITEMS; i++) {
		uint32_t hash, fetched, wrong = i ? i : ITEMS;
		const struct item *item;

		key_of(i, key);
		hash = keyed_hash(&table, key, 4);
		fetched = keyed_fetch_item(&table, hash);
		assert_int_not_equal(fetched, 0);
		item = keyed_get_fetched(&table, key, hash, fetched, &is_new);
		assert_int_equal(item->value, i);
		assert_false(is_new);
		/* A hint that is wrong, or none, costs time only. */
		assert_ptr_equal(keyed_get_fetched(&table, key, hash, wrong, &is_new), item);
		assert_ptr_equal(keyed_get_fetched(&table, key, hash, 0, &is_new), item);
		assert_ptr_equal(keyed_at(&table, i), item);
	}
	assert_int_equal(table.count, ITEMS);
	keyed_done(&table);
}

static void test_intern_looked(void **state)
{
	struct intern table;
	char text[32];

	intern_init(&table);
	assert_int_equal(intern_look(&table, 1), INTERN_NONE);
	intern_fetch_slot(&table, 1);
	intern_fetch_text(&table, INTERN_NONE);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 5000; i++) {
			struct tkit_bytes name =
				BYTES(text, (size_t)snprintf(text, sizeof(text), "name %u", i));
			uint32_t hash = intern_hash(&table, name), looked;

			intern_fetch_slot(&table, hash);
			looked = intern_look(&table, hash);
			intern_fetch_text(&table, looked);
			if (round)
				assert_int_equal(intern_add_looked(&table, name, hash, i ? 0 : 1),
						 i);
			assert_int_equal(intern_add_looked(&table, name, hash, looked), i);
			assert_int_equal(intern_add_looked(&table, name, hash, INTERN_NONE), i);
			assert_int_equal(intern_find(&table, name), i);
		}
	assert_int_equal(table.count, 5000);
	intern_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bigmem_grows),    cmocka_unit_test(test_bigmem_zero),
		cmocka_unit_test(test_bigmem_too_much), cmocka_unit_test(test_keyed),
		cmocka_unit_test(test_intern_looked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
