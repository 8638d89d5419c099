// SPDX-License-Identifier: MIT
/* Holes: what is copied and written reads the same as before, and takes the room of its data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/holes.h"
#include "util/tmpfile.h"

#define MB (1u << 20)

static int empty_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* 10 MB: "one" at 3 MB, "two" at its end. */
static int sparse_file(void)
{
	int fd = empty_file();

	assert_int_equal(pwrite(fd, "one", 3, 3 * MB), 3);
	assert_int_equal(pwrite(fd, "two", 3, 10 * MB - 3), 3);
	return fd;
}

static void same(int a, uint64_t offset, int b, size_t size)
{
	char *one = malloc(size), *two = malloc(size);

	assert_int_equal(pread(a, one, size, (off_t)offset), size);
	assert_int_equal(pread(b, two, size, 0), size);
	assert_memory_equal(one, two, size);
	free(one);
	free(two);
}

static blkcnt_t blocks(int fd, off_t size)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	return st.st_blocks;
}

static void test_zero(void **state)
{
	char data[100] = {0};

	(void)state;
	assert_true(holes_zero(data, 0));
	assert_true(holes_zero(data, 1));
	assert_true(holes_zero(data, sizeof(data)));
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = 1;
		assert_false(holes_zero(data, sizeof(data)));
		data[i] = 0;
	}
}

static void test_skip(void **state)
{
	int fd = sparse_file(), ends[2];
	uint64_t at = holes_skip(fd, 0, 10 * MB);

	(void)state;
	assert_true(at > 2 * MB && at <= 3 * MB);
	assert_int_equal(holes_skip(fd, 3 * MB, 10 * MB), 3 * MB);
	assert_int_equal(holes_skip(fd, 0, MB), MB);
	assert_int_equal(ftruncate(fd, 20 * MB), 0);
	assert_int_equal(holes_skip(fd, 11 * MB, 20 * MB), 20 * MB);
	close(fd);
	/* what cannot tell has none */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(holes_skip(ends[0], 5, 10), 5);
	close(ends[0]);
	close(ends[1]);
}

static void test_copy(void **state)
{
	/* offset, size: whole; from data to data; in a hole; with a hole at the end */
	static const uint64_t parts[][2] = {
		{0, 10 * MB}, {3 * MB, 7 * MB}, {MB, MB}, {2 * MB + 5, 3 * MB}, {7, 0}};
	int from = sparse_file();

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int to = empty_file();

		assert_int_equal(holes_copy(from, parts[i][0], parts[i][1], to), 0);
		assert_true(blocks(to, (off_t)parts[i][1]) < 64);
		same(from, parts[i][0], to, parts[i][1]);
		close(to);
	}
	assert_int_equal(holes_copy(from, 9 * MB, 2 * MB, empty_file()), -ENODATA);
	close(from);
}

/* Another file system: no copy_file_range() on old kernels, another way to make holes. */
static void test_tmpfile(void **state)
{
	int from = empty_file(), to;

	(void)state;
	assert_int_equal(pwrite(from, "x", 1, 40 * MB), 1);
	to = tmpfile_copy(from, 0, 40 * MB + 1);
	assert_true(to >= 0);
	assert_int_equal(lseek(to, 0, SEEK_CUR), 0);
	assert_true(blocks(to, 40 * MB + 1) < 4 * 2048);
	same(from, 0, to, 40 * MB + 1);
	close(from);
	close(to);
}

static void write_pieces(int fd, char *data)
{
	struct holes_out out;

	holes_begin(&out, fd);
	assert_int_equal(holes_write(&out, "begin", 5), 0);
	for (int i = 0; i < 64; i++)
		assert_int_equal(holes_write(&out, data, MB / 8), 0);
	assert_int_equal(holes_write(&out, "two", 3), 0);
	assert_int_equal(holes_write(&out, data, 5000), 0); /* too little to be one */
	assert_int_equal(holes_write(&out, "three", 5), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(holes_write(&out, data, MB / 8), 0);
	assert_int_equal(holes_end(&out), 0);
}

static void test_write(void **state)
{
	const off_t size = 5 + 8 * MB + 3 + 5000 + 5 + 2 * MB;
	char *data = calloc(1, MB / 8), *all = calloc(1, (size_t)size + 3);
	int fd = empty_file();

	(void)state;
	/* behind what is there already, and with more behind it */
	assert_int_equal(write(fd, "old", 3), 3);
	write_pieces(fd, data);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3 + size);
	assert_true(blocks(fd, 3 + size) < 200);
	assert_int_equal(pread(fd, all, (size_t)size + 3, 0), size + 3);
	assert_memory_equal(all, "oldbegin\0", 9);
	assert_memory_equal(all + 8 + 8 * MB - 1, "\0two\0", 5);
	assert_memory_equal(all + 8 + 8 * MB + 3 + 5000 - 1, "\0three\0", 7);
	close(fd);
	/* over other bytes a hole would show them */
	fd = empty_file();
	memset(all, 'x', (size_t)size);
	assert_int_equal(write(fd, all, (size_t)size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	write_pieces(fd, data);
	assert_int_equal(pread(fd, all, (size_t)size, 0), size);
	assert_true(holes_zero(all + 5, 8 * MB));
	assert_true(holes_zero(all + size - 2 * MB, 2 * MB));
	close(fd);
	free(data);
	free(all);
}

static void test_write_elsewhere(void **state)
{
	char *data = calloc(1, MB);
	struct holes_out out;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	holes_begin(&out, fd);
	assert_int_equal(holes_write(&out, data, MB), -ENOSPC);
	close(fd);
	fd = empty_file();
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	holes_begin(&out, fd);
	for (int i = 0; i < 3; i++)
		assert_int_equal(holes_write(&out, data, MB), 0);
	assert_int_equal(holes_write(&out, "end", 3), 0);
	assert_int_equal(holes_end(&out), 0);
	blocks(fd, 3 * MB + 3);
	close(fd);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero),  cmocka_unit_test(test_skip),
		cmocka_unit_test(test_copy),  cmocka_unit_test(test_tmpfile),
		cmocka_unit_test(test_write), cmocka_unit_test(test_write_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
