// SPDX-License-Identifier: MIT
/* What a run says about what was there before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "feed.h"

#define BITS                                                                            \
	(TKIT_PATH_EXISTED | TKIT_PATH_CREATED | TKIT_PATH_UNSURE | TKIT_PATH_MISSING | \
	 TKIT_PATH_SUCCEEDED)
#define EXISTED   (TKIT_PATH_EXISTED | TKIT_PATH_SUCCEEDED)
#define CREATED   (TKIT_PATH_CREATED | TKIT_PATH_SUCCEEDED)
#define UNSURE    (TKIT_PATH_UNSURE | TKIT_PATH_SUCCEEDED)
#define MISSING   TKIT_PATH_MISSING
#define SUCCEEDED TKIT_PATH_SUCCEEDED

static int begin(void **state)
{
	struct feed *f = test_malloc(sizeof(*f));

	feed_init(f);
	feed_begin(f, 1);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct feed *f = *state;

	model_builder_free(f->builder);
	test_free(f);
	return 0;
}

static struct tkit_model *done(struct feed *f)
{
	feed_end(f);
	return feed_finish(f);
}

#define check(m, name, want)                                                         \
	do {                                                                         \
		uint32_t got_ = feed_find((m), (name))->state & BITS;                \
		if (got_ != (want))                                                  \
			fail_msg("%s: state 0x%x, want 0x%x", (name), got_, (want)); \
	} while (0)

static int created(const struct tkit_model *m, const char *name)
{
	return tkit_model_created(m, bytes_str(name));
}

static void test_first_evidence(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_OPEN, "/there");
	EV(f, TKIT_OP_OPEN, "/gone", ENOENT);
	EV(f, TKIT_OP_STAT, "/late", ENOENT);
	EV(f, TKIT_OP_OPEN, "/late", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/late");
	EV(f, TKIT_OP_OPEN, "/new", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/old", .flags = O_CREAT, .created = -1);
	EV(f, TKIT_OP_OPEN, "/maybe", .flags = O_CREAT);
	EV(f, TKIT_OP_OPEN, "/noflags", .no_flags = 1);
	EV(f, TKIT_OP_STAT, "/absent", ENOENT);
	EV(f, TKIT_OP_OPEN, "/absent", .flags = O_CREAT);
	EV(f, TKIT_OP_STAT, "/appears", ENOENT);
	EV(f, TKIT_OP_STAT, "/appears");
	EV(f, TKIT_OP_OPEN, "/tmp", .flags = O_RDWR | __O_TMPFILE | O_DIRECTORY, .created = 1);
	m = done(f);
	check(m, "/there", EXISTED);
	check(m, "/gone", MISSING);
	check(m, "/late", CREATED);
	check(m, "/new", CREATED);
	check(m, "/old", EXISTED);
	check(m, "/maybe", UNSURE);
	check(m, "/noflags", UNSURE);
	check(m, "/absent", CREATED);
	check(m, "/appears", UNSURE);
	check(m, "/tmp", EXISTED);
	assert_false(created(m, "/there"));
	assert_false(created(m, "/gone"));
	assert_true(created(m, "/late"));
	assert_false(created(m, "/maybe"));
	assert_false(created(m, "/nowhere"));
	model_free(m);
}

static void test_creating_ops(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_MKDIR, "/d");
	EV(f, TKIT_OP_MKNOD, "/n");
	EV(f, TKIT_OP_SYMLINK, "/s");
	EV(f, TKIT_OP_BIND, "/sock");
	EV(f, TKIT_OP_LINK_FROM, "/lf");
	EV(f, TKIT_OP_LINK_TO, "/lt", .same_time = 1);
	EV(f, TKIT_OP_RENAME_FROM, "/rf");
	EV(f, TKIT_OP_RENAME_TO, "/rt", .same_time = 1);
	EV(f, TKIT_OP_RENAME_FROM, "/xf", .flags = 2);
	EV(f, TKIT_OP_RENAME_TO, "/xt", .same_time = 1, .flags = 2);
	EV(f, TKIT_OP_UNLINK, "/u");
	EV(f, TKIT_OP_OPEN, "/u", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_MKDIR, "/e", EEXIST);
	m = done(f);
	check(m, "/d", CREATED);
	check(m, "/n", CREATED);
	check(m, "/s", CREATED);
	check(m, "/sock", CREATED);
	check(m, "/lf", EXISTED);
	check(m, "/lt", CREATED);
	check(m, "/rf", EXISTED);
	check(m, "/rt", CREATED);
	check(m, "/xf", EXISTED);
	check(m, "/xt", EXISTED);
	check(m, "/u", EXISTED | TKIT_PATH_CREATED);
	check(m, "/e", TKIT_PATH_EXISTED);
	assert_false(created(m, "/u"));
	assert_true(created(m, "/d/anything/below"));
	assert_false(created(m, "/d/../etc"));
	assert_false(created(m, "/dd"));
	model_free(m);
}

static void test_failures_that_prove(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_READLINK, "/rl", EINVAL);
	EV(f, TKIT_OP_GETXATTR, "/x", ENODATA);
	EV(f, TKIT_OP_CONNECT, "/c", ECONNREFUSED);
	EV(f, TKIT_OP_OPEN, "/link", ELOOP, .pflags = TKIT_P_NOFOLLOW);
	EV(f, TKIT_OP_OPEN, "/loop", ELOOP);
	EV(f, TKIT_OP_OPEN, "/deny", EACCES);
	EV(f, TKIT_OP_STAT, "/file/x", ENOTDIR);
	EV(f, TKIT_OP_CHDIR, "/file", ENOTDIR);
	EV(f, TKIT_OP_CHMOD, "/ro", EROFS);
	EV(f, TKIT_OP_RENAME_FROM, "/a", ENOENT);
	EV(f, TKIT_OP_RENAME_TO, "/b", ENOENT, .same_time = 1);
	m = done(f);
	check(m, "/rl", TKIT_PATH_EXISTED);
	check(m, "/x", TKIT_PATH_EXISTED);
	check(m, "/c", TKIT_PATH_EXISTED);
	check(m, "/link", TKIT_PATH_EXISTED);
	check(m, "/loop", 0);
	check(m, "/deny", 0);
	check(m, "/file/x", MISSING);
	check(m, "/file", 0);
	check(m, "/ro", TKIT_PATH_EXISTED);
	check(m, "/a", MISSING);
	check(m, "/b", 0);
	model_free(m);
}

static void test_last_look(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_STAT, "/a");
	EV(f, TKIT_OP_UNLINK, "/a");
	EV(f, TKIT_OP_STAT, "/b");
	EV(f, TKIT_OP_UNLINK, "/b");
	EV(f, TKIT_OP_STAT, "/b", ENOENT);
	EV(f, TKIT_OP_STAT, "/c", ENOENT);
	EV(f, TKIT_OP_STAT, "/c");
	m = done(f);
	check(m, "/a", EXISTED);
	check(m, "/b", EXISTED | MISSING);
	check(m, "/c", UNSURE);
	model_free(m);
}

/* A name below a directory of the run's own making is its own. */
static void test_below_created(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_OPEN, "/w/early");
	EV(f, TKIT_OP_MKDIR, "/w/d");
	EV(f, TKIT_OP_STAT, "/w/d/x");
	EV(f, TKIT_OP_STAT, "/w/d/../../etc/passwd");
	/* was there, went away, came back: what is below now may be old or new */
	EV(f, TKIT_OP_STAT, "/w/again");
	EV(f, TKIT_OP_RMDIR, "/w/again");
	EV(f, TKIT_OP_MKDIR, "/w/again");
	EV(f, TKIT_OP_STAT, "/w/again/x");
	/* a link of its own leads to what is not its own */
	EV(f, TKIT_OP_SYMLINK, "/w/link");
	EV(f, TKIT_OP_STAT, "/w/link/x");
	EV(f, TKIT_OP_STAT, "/mnt/before");
	EV(f, TKIT_OP_MOUNT, "/mnt");
	EV(f, TKIT_OP_STAT, "/mnt/x");
	m = done(f);
	check(m, "/w/early", EXISTED);
	check(m, "/w/d/x", CREATED);
	check(m, "/w/d/../../etc/passwd", UNSURE);
	check(m, "/w/again", EXISTED | TKIT_PATH_CREATED);
	check(m, "/w/again/x", UNSURE);
	check(m, "/w/link/x", UNSURE);
	check(m, "/mnt/before", EXISTED);
	check(m, "/mnt/x", UNSURE);
	model_free(m);
}

/* Made under one name, used under another. */
static void test_resolved(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_OPEN, "/var/run/x.pid", .resolved = "/run/x.pid", .flags = O_CREAT,
	   .created = 1);
	EV(f, TKIT_OP_OPEN, "/run/x.pid", .resolved = "/run/x.pid");
	EV(f, TKIT_OP_OPEN, "/run/y", .resolved = "/run/y", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/var/run/y", .resolved = "/run/y");
	EV(f, TKIT_OP_OPEN, "/lib/libc.so", .resolved = "/usr/lib/libc.so");
	m = done(f);
	check(m, "/var/run/x.pid", CREATED);
	check(m, "/run/x.pid", CREATED);
	/* the name may be a link that was there */
	check(m, "/var/run/y", UNSURE);
	check(m, "/lib/libc.so", EXISTED);
	assert_true(created(m, "/run/x.pid"));
	assert_true(created(m, "/run/y"));
	assert_false(created(m, "/usr/lib/libc.so"));
	model_free(m);
}

/* What is used below a directory's new name was needed below its old one. */
static void test_moved_directory(void **state)
{
	struct feed *f = *state;
	const struct tkit_access *access;
	struct tkit_model *m;

	EV(f, TKIT_OP_RENAME_FROM, "/dist");
	EV(f, TKIT_OP_RENAME_TO, "/srv/www", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/srv/www/index.html");
	EV(f, TKIT_OP_RENAME_FROM, "/srv/www");
	EV(f, TKIT_OP_RENAME_TO, "/srv/www2", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/srv/www2/late.html");
	EV(f, TKIT_OP_MKDIR, "/own");
	EV(f, TKIT_OP_RENAME_FROM, "/own");
	EV(f, TKIT_OP_RENAME_TO, "/own2", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/own2/f");
	EV(f, TKIT_OP_MOUNT_SOURCE, "/src");
	EV(f, TKIT_OP_MOUNT, "/m", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/m/conf");
	m = done(f);
	check(m, "/srv/www/index.html", CREATED);
	check(m, "/dist/index.html", UNSURE);
	access = tkit_model_access(m, feed_find(m, "/dist/index.html"), 0);
	assert_int_equal(access->origin, TKIT_ORIGIN_INFERRED);
	check(m, "/own2/f", CREATED);
	assert_null(tkit_model_find(m, BYTES_LIT("/own/f")));
	check(m, "/src/conf", UNSURE);
	model_free(m);
}

/* Moved twice: the chain is followed to where it began. */
static void test_moved_twice(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_RENAME_FROM, "/a");
	EV(f, TKIT_OP_RENAME_TO, "/b", .same_time = 1);
	EV(f, TKIT_OP_RENAME_FROM, "/b");
	EV(f, TKIT_OP_RENAME_TO, "/c", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/c/x");
	m = done(f);
	check(m, "/a/x", UNSURE);
	model_free(m);
}

static void test_over_runs(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	EV(f, TKIT_OP_OPEN, "/cache", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/mine", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_STAT, "/m", ENOENT);
	EV(f, TKIT_OP_STAT, "/n", ENOENT);
	feed_end(f);
	feed_begin(f, 2);
	EV(f, TKIT_OP_OPEN, "/cache");
	EV(f, TKIT_OP_OPEN, "/mine", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_STAT, "/m");
	EV(f, TKIT_OP_STAT, "/n", ENOENT);
	m = done(f);
	check(m, "/cache", EXISTED | TKIT_PATH_CREATED);
	assert_false(created(m, "/cache"));
	check(m, "/mine", CREATED);
	assert_true(created(m, "/mine"));
	check(m, "/m", EXISTED);
	check(m, "/n", MISSING);
	assert_int_equal(feed_find(m, "/m")->runs, 2);
	model_free(m);
}

/* Repeats that come late count for the time at which they happened. */
static void test_repeats(void **state)
{
	struct feed *f = *state;
	struct tkit_model *m;

	for (int i = 0; i < 2; i++) {
		const char *name = i ? "/before" : "/after";

		EV(f, TKIT_OP_STAT, name, ENOENT);
		EV(f, TKIT_OP_OPEN, name, .flags = O_CREAT, .created = 1);
		EV(f, TKIT_OP_UNLINK, name);
	}
	EV(f, TKIT_OP_OPEN, "/x");
	/* 10 to 30 are the events of the first name, 40 to 60 those of the second one. */
	EV(f, TKIT_OP_STAT, "/after", ENOENT, .pflags = TKIT_P_REPEAT, .count = 7, .at = 35);
	EV(f, TKIT_OP_STAT, "/before", ENOENT, .pflags = TKIT_P_REPEAT, .count = 5, .at = 45);
	EV(f, TKIT_OP_OPEN, "/x", .pflags = TKIT_P_REPEAT, .count = 1000, .at = 1000000);
	EV(f, TKIT_OP_OPEN, "/y");
	m = done(f);
	check(m, "/after", CREATED | MISSING);
	check(m, "/before", CREATED);
	check(m, "/x", EXISTED);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/x"), 0)->count, 1001);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/x"), 0)->pflags & TKIT_P_REPEAT, 0);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_evidence, begin, end),
		cmocka_unit_test_setup_teardown(test_repeats, begin, end),
		cmocka_unit_test_setup_teardown(test_creating_ops, begin, end),
		cmocka_unit_test_setup_teardown(test_failures_that_prove, begin, end),
		cmocka_unit_test_setup_teardown(test_last_look, begin, end),
		cmocka_unit_test_setup_teardown(test_below_created, begin, end),
		cmocka_unit_test_setup_teardown(test_resolved, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_directory, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_twice, begin, end),
		cmocka_unit_test_setup_teardown(test_over_runs, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
