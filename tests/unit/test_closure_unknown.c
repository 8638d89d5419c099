// SPDX-License-Identifier: MIT
/* What an image must hold where nobody saw whether the accesses succeeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

#define LD      "/lib64/ld-linux-x86-64.so.2"
#define UNKNOWN (-1)

/* The root decides. */
static void test_there_or_not(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/real", "r");
	tree_link(&s->tree, "real", "/etc/link");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/link", UNKNOWN);
	EV(f, TKIT_OP_OPEN, "/etc/none", UNKNOWN);
	EV(f, TKIT_OP_STAT, "/no/such/dir", UNKNOWN);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/link", TKIT_REASON_SYMLINK);
	has(s, "/etc/real", TKIT_REASON_ACCESS);
	hasnt(s, "/etc/none");
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

/* It may have run: with its interpreter. */
static void test_exec(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	scene_elf(s, "/usr/bin/ls", &(struct elf_spec){.interp = LD});
	tree_file(&s->tree, LD, "ld");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/usr/bin/ls", UNKNOWN);
	EV(f, TKIT_OP_EXEC, "/usr/local/bin/ls", UNKNOWN);
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/bin/ls", TKIT_REASON_ACCESS);
	has(s, LD, TKIT_REASON_INTERP);
}

/* mkdir that may have failed for what is there, or have made it: its parent, and what there is. */
static void test_made(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/var/there");
	tree_dir(&s->tree, "/var/parent");
	f = scene_run(s);
	EV(f, TKIT_OP_MKDIR, "/var/there", UNKNOWN);
	EV(f, TKIT_OP_MKDIR, "/var/parent/new", UNKNOWN);
	EV(f, TKIT_OP_UNLINK, "/var/parent/new", UNKNOWN);
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/there", TKIT_REASON_ACCESS);
	assert_non_null(scene_find(s, "/var/parent"));
	hasnt(s, "/var/parent/new");
}

/* A file that the run opens for writing first may have been there: nothing says otherwise. */
static void test_not_its_own(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/conf", "c");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/conf", UNKNOWN, .flags = O_CREAT | O_WRONLY | O_TRUNC);
	EV(f, TKIT_OP_SYMLINK, "/etc/conf", UNKNOWN);
	EV(f, TKIT_OP_OPEN, "/etc/conf", UNKNOWN);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf", TKIT_REASON_ACCESS);
}

/* What is read under a name that a rename may have given was below the old one. */
static void test_moved(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/srv/old/data", "d");
	f = scene_run(s);
	EV(f, TKIT_OP_RENAME_FROM, "/srv/old", UNKNOWN);
	EV(f, TKIT_OP_RENAME_TO, "/srv/new", UNKNOWN, .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/srv/new/data", UNKNOWN);
	assert_int_equal(scene_close(s), 0);
	assert_non_null(scene_find(s, "/srv/old/data"));
	hasnt(s, "/srv/new/data");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_there_or_not), TEST(test_exec),  TEST(test_made),
		TEST(test_not_its_own),  TEST(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
