// SPDX-License-Identifier: MIT
/* The closure where a rule ends: what it still keeps, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "scene.h"

static void needs_tree(struct scene *s)
{
	scene_elf(s, "/bin/app", &(struct elf_spec){.needed = {"libone.so"}});
	scene_elf(s, "/usr/lib/libone.so", &(struct elf_spec){.soname = "libone.so"});
	scene_elf(s, "/opt/plugin.so", &(struct elf_spec){.needed = {"libtwo.so"}});
	scene_elf(s, "/usr/lib/libtwo.so", &(struct elf_spec){.soname = "libtwo.so"});
}

/* A backend that does not see opens: nobody names the libraries. */
static void test_needed_without_opens(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	needs_tree(s);
	s->caps = SCENE_CAPS & ~TKIT_CAN_OPEN;
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/bin/app");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/lib/libone.so", TKIT_REASON_NEEDED);
}

/* A trace with losses: what was loaded at run time has needs, too. */
static void test_needed_of_loaded(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	needs_tree(s);
	s->incomplete = 1;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/opt/plugin.so");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/lib/libtwo.so", TKIT_REASON_NEEDED);
	hasnt(s, "/usr/lib/libone.so");
}

/* Names of which one begins with another: neither is taken for a part of it. */
static void test_prefixes(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/processes/x", "");
	tree_file(&s->tree, "/device", "");
	tree_file(&s->tree, "/etc/app.conf", "");
	tree_file(&s->tree, "/etc/app.conf.d/a", "");
	tree_file(&s->tree, "/var/made-before", "");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/processes/x");
	EV(f, TKIT_OP_STAT, "/device");
	EV(f, TKIT_OP_OPEN, "/etc/app.conf");
	EV(f, TKIT_OP_OPEN, "/etc/app.conf.d/a");
	EV(f, TKIT_OP_MKDIR, "/var/made");
	EV(f, TKIT_OP_OPEN, "/var/made-before");
	s->options.exclude = LIST_OF("/etc/app.conf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/processes/x", TKIT_REASON_ACCESS);
	has(s, "/device", TKIT_REASON_ACCESS);
	hasnt(s, "/etc/app.conf");
	has(s, "/etc/app.conf.d/a", TKIT_REASON_ACCESS);
	has(s, "/var/made-before", TKIT_REASON_ACCESS);
}

/* Temporary names: made, written, renamed over what was there. The directory and the old file. */
static void test_replaced(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/srv/conf", "old");
	tree_file(&s->tree, "/srv/only-read-later", "old");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/srv/conf");
	EV(f, TKIT_OP_OPEN, "/srv/conf.tmp1234", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_RENAME_FROM, "/srv/conf.tmp1234", .same_time = 1);
	EV(f, TKIT_OP_RENAME_TO, "/srv/conf", .same_time = 1);
	EV(f, TKIT_OP_OPEN, "/srv/conf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/srv/conf", TKIT_REASON_ACCESS);
	hasnt(s, "/srv/conf.tmp1234");
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {

		TEST(test_needed_without_opens),
		TEST(test_needed_of_loaded),
		TEST(test_prefixes),
		TEST(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
