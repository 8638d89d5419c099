// SPDX-License-Identifier: MIT
/* The package database in an image: pruned to what is kept, in the forms that scanners read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "scene.h"

static void content_is(struct scene *s, const char *path, const char *text)
{
	const struct tkit_closure_entry *entry = scene_find(s, path);
	struct tkit_bytes content;

	has(s, path, TKIT_REASON_DATABASE);
	assert_true(entry->made);
	content = tkit_closure_content(s->closure, entry);
	assert_int_equal(content.len, strlen(text));
	assert_memory_equal(content.ptr, text, content.len);
	assert_int_equal(entry->st.st_size, content.len);
}

#define LIBC                                                                  \
	"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n" \
	"Version: 2.36-9\nDescription: C library\n more of it\n"

static void dpkg_tree(struct scene *s)
{
	tree_file(&s->tree, "/var/lib/dpkg/status",
		  "Package: app\nStatus: install ok installed\nVersion: 1:2\n\n" LIBC
		  "\nPackage: unused\nStatus: install ok installed\nVersion: 3\n"
		  "\nPackage: ../../etc/x\nStatus: install ok installed\nVersion: 3\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/app.list", "/usr/bin/app\n/usr/share/doc/app\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/app.md5sums",
		  "0123456789abcdef0123456789abcdef  usr/bin/app\n"
		  "0123456789abcdef0123456789abcdef  usr/share/doc/app\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/libc6:amd64.list", "/lib/libc.so.6\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/unused.list", "/usr/bin/unused\n");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_file(&s->tree, "/usr/bin/app", "a");
	tree_file(&s->tree, "/usr/bin/unused", "u");
	tree_file(&s->tree, "/usr/share/doc/app", "d");
	tree_file(&s->tree, "/usr/lib/libc.so.6", "l");
	tree_file(&s->tree, "/usr/lib/os-release", "ID=debian\n");
	tree_link(&s->tree, "../usr/lib/os-release", "/etc/os-release");
}

static void test_dpkg(void **state)
{
	struct scene *s = *state;
	struct feed *f;
	struct stat st;

	dpkg_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/bin/app");
	EV(f, TKIT_OP_OPEN, "/lib/libc.so.6");
	s->options.package_database = 1;
	assert_int_equal(scene_close(s), 0);
	content_is(s, "/var/lib/dpkg/status.d/app",
		   "Package: app\nStatus: install ok installed\nVersion: 1:2\n");
	content_is(s, "/var/lib/dpkg/status.d/app.md5sums",
		   "0123456789abcdef0123456789abcdef  usr/bin/app\n");
	content_is(s, "/var/lib/dpkg/status.d/libc6", LIBC);
	hasnt(s, "/var/lib/dpkg/status.d/unused");
	hasnt(s, "/var/lib/dpkg/status");
	hasnt(s, "/etc/x");
	has(s, "/usr/lib/os-release", TKIT_REASON_DATABASE);
	has(s, "/etc/os-release", TKIT_REASON_SYMLINK);
	has(s, "/var/lib/dpkg", TKIT_REASON_PARENT);
	has(s, "/var/lib/dpkg/status.d", TKIT_REASON_PARENT);
	assert_int_equal(scene_find(s, "/var/lib/dpkg/status.d")->st.st_mode, S_IFDIR | 0755);
	/* its time is the database's: nothing of today is in an image */
	assert_int_equal(lstat(tree_path(&s->tree, "/var/lib/dpkg/status"), &st), 0);
	assert_int_equal(scene_find(s, "/var/lib/dpkg/status.d/app")->st.st_mtim.tv_nsec,
			 st.st_mtim.tv_nsec);
}

static size_t write_tar(struct scene *s, char *out, size_t size)
{
	int fd = memfd_create("layer", MFD_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), 0);
	n = pread(fd, out, size, 0);
	close(fd);
	assert_true(n > 0 && (size_t)n < size);
	return (size_t)n;
}

/* In the layer as text, the same each time. */
static void test_layer(void **state)
{
	static char first[65536], again[65536];
	struct scene *s = *state;
	struct feed *f;
	size_t size;

	dpkg_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/lib/libc.so.6");
	s->options.package_database = 1;
	assert_int_equal(scene_close(s), 0);
	size = write_tar(s, first, sizeof(first));
	assert_int_equal(write_tar(s, again, sizeof(again)), size);
	assert_memory_equal(first, again, size);
	assert_non_null(memmem(first, size, "var/lib/dpkg/status.d/libc6", 27));
	assert_non_null(memmem(first, size, LIBC, sizeof(LIBC) - 1));
}

static void test_off(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	dpkg_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/bin/app");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/var/lib/dpkg");
	hasnt(s, "/etc/os-release");
}

/* A program that reads the database gets the whole. */
static void test_read_by_run(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	dpkg_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/bin/app");
	EV(f, TKIT_OP_OPEN, "/var/lib/dpkg/status");
	s->options.package_database = 1;
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/dpkg/status", TKIT_REASON_ACCESS);
	hasnt(s, "/var/lib/dpkg/status.d");
}

static void test_excluded(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	dpkg_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/bin/app");
	s->options.package_database = 1;
	s->options.exclude =
		(struct tkit_option_list){(const char *const[]){"/var/lib/dpkg/**/*.md5sums"}, 1};
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/dpkg/status.d/app", TKIT_REASON_DATABASE);
	hasnt(s, "/var/lib/dpkg/status.d/app.md5sums");
}

/* distroless: what there is, as it is. */
static void test_status_d(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/var/lib/dpkg/status.d/base", "Package: netbase\nVersion: 6\n");
	tree_file(&s->tree, "/var/lib/dpkg/status.d/base.md5sums",
		  "0123456789abcdef0123456789abcdef  etc/services\n");
	tree_file(&s->tree, "/var/lib/dpkg/status.d/other", "Package: other\nVersion: 6\n");
	tree_file(&s->tree, "/etc/services", "s");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/services");
	s->options.package_database = 1;
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/dpkg/status.d/base", TKIT_REASON_DATABASE);
	has(s, "/var/lib/dpkg/status.d/base.md5sums", TKIT_REASON_DATABASE);
	assert_false(scene_find(s, "/var/lib/dpkg/status.d/base")->made);
	hasnt(s, "/var/lib/dpkg/status.d/other");
}

static void test_apk(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/lib/apk/db/installed",
		  "C:Q1x=\nP:musl\nV:1.2.3\nF:lib\nR:ld-musl.so.1\na:0:0:755\nZ:Q1a=\n"
		  "R:unused.so\nZ:Q1b=\nF:usr/share/musl\nM:0:0:750\nR:doc\nZ:Q1c=\n\n"
		  "C:Q1y=\nP:curl\nV:8\nF:usr/bin\nR:curl\nZ:Q1d=\n\n");
	tree_file(&s->tree, "/lib/ld-musl.so.1", "m");
	tree_file(&s->tree, "/lib/unused.so", "m");
	tree_file(&s->tree, "/usr/bin/curl", "c");
	assert_int_equal(chmod(tree_path(&s->tree, "/lib/apk/db/installed"), 0640), 0);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/lib/ld-musl.so.1");
	s->options.package_database = 1;
	assert_int_equal(scene_close(s), 0);
	content_is(s, "/lib/apk/db/installed",
		   "C:Q1x=\nP:musl\nV:1.2.3\nF:lib\nR:ld-musl.so.1\na:0:0:755\nZ:Q1a=\n\n");
	assert_int_equal(scene_find(s, "/lib/apk/db/installed")->st.st_mode, S_IFREG | 0640);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dpkg),     TEST(test_layer),    TEST(test_off), TEST(test_read_by_run),
		TEST(test_excluded), TEST(test_status_d), TEST(test_apk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
