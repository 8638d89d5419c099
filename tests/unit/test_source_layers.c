// SPDX-License-Identifier: MIT
/* Archives and images as roots: what layers do to each other's directories, sizes that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "source_fixture.h"

/* A layer says a link again that is there already: from then on it is of that layer. */
static void test_link_again(void **state)
{
	struct fixture *f = *state;

	ADD(0, '0', "x/b", "data");
	ADD(0, '1', "d/a", "x/b");
	ADD(0, '0', "d/old", "1");
	ADD(1, '1', "d/a", "x/b");
	ADD(1, '0', "d/.wh..wh..opq", "");
	open_layers(f, 2, CONFIG);
	assert_int_equal(type_of(f, "/d/old"), '-');
	assert_string_equal(text_of(f, "/d/a"), "data");
	assert_int_equal(stat_of(f, "/d/a").st_ino, stat_of(f, "/x/b").st_ino);
}

/* star's word for a size with holes, on a file that has none: what follows is not its content. */
static void test_false_size(void **state)
{
	struct fixture *f = *state;

	tar_pax(&f->tar, "SCHILY.realsize", BYTES_LIT("600"));
	MEMBER('0', "false", "ten bytes.");
	MEMBER('0', "next", "other");
	refused_tar(f, "larger than it is");
}

/* A directory that is replaced while members go into it: the next ones go where the name leads. */
static void test_directory_replaced(void **state)
{
	struct fixture *f = *state;

	MEMBER('5', "e/");
	MEMBER('5', "d/");
	MEMBER('0', "d/a", "1");
	MEMBER('2', "d", "e");
	MEMBER('0', "d/b", "2");
	open_tar(f);
	assert_int_equal(type_of(f, "/d"), 'l');
	assert_string_equal(text_of(f, "/e/b"), "2");
	assert_int_equal(type_of(f, "/e/a"), '-');
}

/* A directory that a layer says again is of that layer, what a lower one had in it is not. */
static void test_directory_again(void **state)
{
	struct fixture *f = *state;

	ADD(0, '0', "p/d/old", "1");
	ADD(0, '0', "p/gone/old", "1");
	ADD(1, '5', "p/d/", .mode = 0700);
	ADD(1, '0', "p/.wh..wh..opq", "");
	open_layers(f, 2, CONFIG);
	assert_int_equal(stat_of(f, "/p/d").st_mode, S_IFDIR | 0700);
	assert_int_equal(type_of(f, "/p/d/old"), '-');
	assert_int_equal(type_of(f, "/p/gone"), '-');
}

/* More than 32 bits of an owner: not root, which the lower half would be. */
static void test_owners(void **state)
{
	struct fixture *f = *state;

	tar_pax(&f->tar, "uid", BYTES_LIT("4294967295"));
	MEMBER('0', "largest", "");
	open_tar(f);
	assert_int_equal(stat_of(f, "/largest").st_uid, UINT32_MAX);
	buf_clear(&f->tar);
	tar_pax(&f->tar, "uid", BYTES_LIT("4294967296"));
	MEMBER('0', "a", "");
	refused_tar(f, "owner");
	tar_pax(&f->tar, "gid", BYTES_LIT("8589934592"));
	MEMBER('0', "a", "");
	refused_tar(f, "owner");
}

/* A mode has more digits than permissions need: unpackers take the last four. */
static void test_large_mode(void **state)
{
	struct fixture *f = *state;
	unsigned int sum = 0;

	MEMBER('0', "a", "content");
	memcpy(f->tar.data + 100, "1004755", 8);
	memset(f->tar.data + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)f->tar.data[i];
	snprintf(f->tar.data + 148, 8, "%06o", sum);
	open_tar(f);
	assert_int_equal(stat_of(f, "/a").st_mode, S_IFREG | 04755);
}

/* As GNU tar writes a file with holes (pax, 1.0): a map, and then what is not a hole. */
static void sparse(struct fixture *f, const char *map)
{
	static const char records[] = "22 GNU.sparse.major=1\n"
				      "22 GNU.sparse.minor=0\n"
				      "25 GNU.sparse.name=holes\n"
				      "26 GNU.sparse.realsize=10\n";
	char body[512 + 6] = {0};

	memcpy(body, map, strlen(map));
	memcpy(body + 512, "abcdef", 6);
	MEMBER('x', "pax", records);
	MEMBER('0', "GNUSparseFile.1/holes", body, sizeof(body));
	MEMBER('0', "next", "other");
}

static void test_sparse(void **state)
{
	struct fixture *f = *state;
	char text[16] = "";
	int fd;

	sparse(f, "2\n1\n3\n7\n3\n");
	open_tar(f);
	assert_int_equal(stat_of(f, "/holes").st_size, 10);
	fd = tkit_rootfs_openfile(f->fs, bytes_str("/holes"));
	assert_int_equal(read(fd, text, sizeof(text)), 10);
	assert_memory_equal(text, "\0abc\0\0\0def", 10);
	close(fd);
	assert_string_equal(text_of(f, "/next"), "other");
	buf_clear(&f->tar);
	sparse(f, "2\n1\n3\n200\n3\n");
	refused_tar(f, "past a file's end");
}

/* The archive is another one by now, of the same size: none of its bytes are the file's. */
static void test_written_to(void **state)
{
	struct fixture *f = *state;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
	const char *archive;
	FILE *file;

	MEMBER('0', "a", "content");
	open_tar(f);
	assert_string_equal(text_of(f, "/a"), "content");
	archive = tree_path(&f->tree, "/x.tar");
	file = fopen(archive, "r+e");
	assert_non_null(file);
	assert_int_equal(fseek(file, 512, SEEK_SET), 0);
	assert_int_equal(fwrite("CONTENT", 1, 7, file), 7);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(utimensat(AT_FDCWD, archive, times, 0), 0);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/a")), -ESTALE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_link_again),      TEST(test_false_size), TEST(test_directory_replaced),
		TEST(test_directory_again), TEST(test_owners),     TEST(test_large_mode),
		TEST(test_sparse),          TEST(test_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
