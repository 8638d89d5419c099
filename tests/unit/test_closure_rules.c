// SPDX-License-Identifier: MIT
/* Presets, preserve rules, rules for blind backends, directories looked through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

#define BLIND (SCENE_CAPS & ~(TKIT_CAN_METADATA | TKIT_CAN_CREATED | TKIT_CAN_CHANGES))

/* preserve keeps what exclude leaves out and what the run made; include does not bake that in. */
static void test_preserve(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/app.conf", "c");
	tree_file(&s->tree, "/var/key", "generated");
	tree_file(&s->tree, "/var/db", "generated");
	scene_elf(s, "/opt/tool", &(struct elf_spec){.interp = "/lib/ld.so"});
	tree_file(&s->tree, "/lib/ld.so", "ld");
	tree_link(&s->tree, "elsewhere", "/opt/link");
	tree_file(&s->tree, "/opt/elsewhere", "e");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/var/key", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/var/db", .flags = O_CREAT, .created = 1);
	s->options.exclude = LIST_OF("/etc/*", "/opt/*");
	s->options.preserve = LIST_OF("/etc/app.conf", "/var/key", "/opt/tool", "/opt/l*");
	s->options.include = LIST_OF("/var/**");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/app.conf", TKIT_REASON_PRESERVED);
	has(s, "/var/key", TKIT_REASON_PRESERVED);
	hasnt(s, "/var/db");
	has(s, "/opt/tool", TKIT_REASON_PRESERVED);
	hasnt(s, "/lib/ld.so"); /* nothing is brought along */
	has(s, "/opt/link", TKIT_REASON_PRESERVED);
	hasnt(s, "/opt/elsewhere");
}

static void test_presets(void **state)
{
	struct scene *s = *state;

	scene_elf(s, "/bin/dash", &(struct elf_spec){.interp = "/lib/ld.so"});
	tree_link(&s->tree, "dash", "/bin/sh");
	tree_file(&s->tree, "/lib/ld.so", "ld");
	tree_file(&s->tree, "/usr/share/ca-certificates/x.crt", "x");
	tree_link(&s->tree, "/usr/share/ca-certificates/x.crt", "/etc/ssl/certs/x.pem");
	tree_file(&s->tree, "/usr/share/ca-certificates/not-used.crt", "x");
	tree_file(&s->tree, "/usr/share/zoneinfo/Europe/Vienna", "z");
	tree_file(&s->tree, "/usr/share/zoneinfo/right/Europe/Vienna", "z");
	tree_file(&s->tree, "/etc/nsswitch.conf", "n");
	tree_file(&s->tree, "/usr/lib/x86_64-linux-gnu/libnss_db.so.2", "n");
	tree_file(&s->tree, "/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", "g");
	tree_file(&s->tree, "/etc/shadow", "secret");
	scene_run(s);
	s->options.presets =
		LIST_OF("shell", "ca-certificates", "timezone", "name-service", "locale");
	s->options.exclude = LIST_OF("/usr/lib/**/libnss_db*");
	assert_int_equal(scene_close(s), 0);
	has(s, "/bin/sh", TKIT_REASON_PRESET);
	assert_string_equal(scene_because(s, "/bin/sh"), "preset=shell");
	has(s, "/bin/dash", TKIT_REASON_PRESET);
	has(s, "/lib/ld.so", TKIT_REASON_PRESET);
	has(s, "/etc/ssl/certs/x.pem", TKIT_REASON_PRESET);
	has(s, "/usr/share/ca-certificates/x.crt", TKIT_REASON_PRESET);
	hasnt(s, "/usr/share/ca-certificates/not-used.crt");
	has(s, "/usr/share/zoneinfo/Europe/Vienna", TKIT_REASON_PRESET);
	hasnt(s, "/usr/share/zoneinfo/right");
	has(s, "/etc/nsswitch.conf", TKIT_REASON_PRESET);
	hasnt(s, "/usr/lib/x86_64-linux-gnu/libnss_db.so.2"); /* exclude beats it */
	has(s, "/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", TKIT_REASON_PRESET);
	hasnt(s, "/etc/shadow");
}

static void test_unknown(void **state)
{
	struct scene *s = *state;

	scene_run(s);
	s->options.presets = LIST_OF("shel");
	assert_int_equal(scene_close(s), -EINVAL);
	assert_non_null(strstr(err_text(&s->ctx.err), "ca-certificates"));
}

static void python_tree(struct scene *s)
{
	struct feed *f;

	tree_file(&s->tree, "/usr/lib/python3.11/os.py", "");
	tree_file(&s->tree, "/usr/lib/python3.11/json/__init__.py", "");
	tree_file(&s->tree, "/usr/lib/python3.11/json/other.py", "");
	tree_file(&s->tree, "/usr/lib/python3.11/json/__pycache__/__init__.cpython-311.opt-1.pyc",
		  "");
	tree_dir(&s->tree, "/usr/lib/python3.11/lib-dynload");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/lib/python3.11/json/__pycache__/__init__.cpython-311.opt-1.pyc");
}

/* python reads the .pyc only if the .py is there, and finds its library by landmarks. */
static void test_python(void **state)
{
	struct scene *s = *state;

	s->caps = BLIND;
	python_tree(s);
	assert_int_equal(scene_close(s), 0);
	has_rule(s, "/usr/lib/python3.11/json/__init__.py", "python-source");
	hasnt(s, "/usr/lib/python3.11/json/other.py");
	has(s, "/usr/lib/python3.11/os.py", TKIT_REASON_RULE);
	has(s, "/usr/lib/python3.11/lib-dynload", TKIT_REASON_RULE);
}

static void test_rules_off(void **state)
{
	struct scene *s = *state;

	s->caps = BLIND;
	python_tree(s);
	s->options.rules = LIST_OF("no-python-source", "no-python-prefix");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/usr/lib/python3.11/json/__init__.py");
	hasnt(s, "/usr/lib/python3.11/os.py");
}

/* Whoever sees stat needs no rule. */
static void test_rules_not_needed(void **state)
{
	struct scene *s = *state;

	tree_dir(&s->tree, "/tmp");
	python_tree(s);
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/usr/lib/python3.11/json/__init__.py");
	hasnt(s, "/tmp");
}

static void test_rule_forced(void **state)
{
	struct scene *s = *state;

	python_tree(s);
	s->options.rules = LIST_OF("python-source");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/lib/python3.11/json/__init__.py", TKIT_REASON_RULE);
	hasnt(s, "/usr/lib/python3.11/os.py");
}

static void test_rule_unknown(void **state)
{
	struct scene *s = *state;

	scene_run(s);
	s->options.rules = LIST_OF("no-python");
	assert_int_equal(scene_close(s), -EINVAL);
	assert_non_null(strstr(err_text(&s->ctx.err), "python-prefix"));
}

/* Opened, and not in the root: made by the run, probably. Its directory was there. */
static void test_created_parents(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/var/lib/redis");
	tree_dir(&s->tree, "/tmp");
	s->caps = BLIND;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/var/lib/redis/dump.rdb");
	assert_int_equal(scene_close(s), 0);
	has_rule(s, "/var/lib/redis", "created-parents");
	has_rule(s, "/tmp", "standard-directories");
}

static void test_created_parents_off(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/var/lib/redis");
	tree_dir(&s->tree, "/tmp");
	s->caps = BLIND;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/var/lib/redis/dump.rdb");
	s->options.rules = LIST_OF("no-created-parents", "no-standard-directories");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/var/lib/redis");
	hasnt(s, "/tmp");
}

static void package_tree(struct scene *s)
{
	struct feed *f;

	tree_file(&s->tree, "/var/lib/dpkg/status",
		  "Package: srv\nStatus: install ok installed\nVersion: 1\n\n"
		  "Package: other\nStatus: install ok installed\nVersion: 2\n");
	tree_file(
		&s->tree, "/var/lib/dpkg/info/srv.list",
		"/.\n/usr\n/usr/bin\n/usr/bin/srv\n/var\n/var/lib\n/var/lib/srv\n/usr/share/srv\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/other.list", "/var/lib/other\n/usr/bin/other\n");
	tree_file(&s->tree, "/usr/bin/srv", "");
	tree_file(&s->tree, "/usr/bin/other", "");
	tree_dir(&s->tree, "/var/lib/srv");
	tree_dir(&s->tree, "/usr/share/srv");
	tree_dir(&s->tree, "/var/lib/other");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/usr/bin/srv");
}

/* Empty directories for a service's data come with its package. */
static void test_package_directories(void **state)
{
	struct scene *s = *state;

	s->caps = BLIND;
	package_tree(s);
	assert_int_equal(scene_close(s), 0);
	has_rule(s, "/var/lib/srv", "package-directories");
	hasnt(s, "/var/lib/other");
	hasnt(s, "/usr/share/srv");
}

static void test_package_directories_off(void **state)
{
	struct scene *s = *state;

	s->caps = BLIND;
	package_tree(s);
	s->options.rules = LIST_OF("no-package-directories");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/var/lib/srv");
}

static void walk_tree(struct scene *s, int all)
{
	struct feed *f;

	for (int i = 0; i < 5; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/certs/%d", i);
		tree_file(&s->tree, path, "x");
	}
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/certs", .pflags = TKIT_P_FD);
	for (int i = 0; i < (all ? 5 : 4); i++) {
		char path[32];

		snprintf(path, sizeof(path), "/certs/%d", i);
		EV(f, TKIT_OP_STAT, path);
	}
	EV(f, TKIT_OP_OPEN, "/certs/2");
}

/* All were looked at, one was read: the reasons tell them apart. */
static void test_walked(void **state)
{
	struct scene *s = *state;

	walk_tree(s, 1);
	assert_int_equal(scene_close(s), 0);
	has(s, "/certs", TKIT_REASON_ACCESS);
	has(s, "/certs/1", TKIT_REASON_WALKED);
	has(s, "/certs/2", TKIT_REASON_ACCESS);
}

static void test_walked_dropped(void **state)
{
	struct scene *s = *state;

	walk_tree(s, 1);
	s->options.drop_walked = 1;
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/certs/1");
	has(s, "/certs/2", TKIT_REASON_ACCESS);
}

/* One was not looked at: that was a search, and each look counts. */
static void test_not_walked(void **state)
{
	struct scene *s = *state;

	walk_tree(s, 0);
	s->options.drop_walked = 1;
	assert_int_equal(scene_close(s), 0);
	has(s, "/certs/1", TKIT_REASON_ACCESS);
	hasnt(s, "/certs/4");
}

/* Who lists sees all that is in it, and mostly looks at it; but not whole libraries. */
static void list_tree(struct scene *s)
{
	struct feed *f;

	tree_file(&s->tree, "/etc/conf.d/a", "x");
	tree_link(&s->tree, "/opt/b", "/etc/conf.d/b");
	tree_link(&s->tree, "nowhere", "/etc/conf.d/c");
	tree_file(&s->tree, "/etc/conf.d/sub/d", "x");
	tree_file(&s->tree, "/opt/b", "b");
	for (int i = 0; i < 65; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/usr/many/%d", i);
		tree_file(&s->tree, path, "x");
	}
	tree_file(&s->tree, "/var/lib/srv/data", "x");
	s->caps = BLIND;
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/var/lib/srv", .pflags = TKIT_P_FD);
	EV(f, TKIT_OP_LIST, .base = "/etc/conf.d", .pflags = TKIT_P_FD);
	EV(f, TKIT_OP_LIST, .base = "/usr/many", .pflags = TKIT_P_FD);
	EV(f, TKIT_OP_OPEN, "/usr/many/7");
}

static void test_listed_entries(void **state)
{
	struct scene *s = *state;

	list_tree(s);
	assert_int_equal(scene_close(s), 0);
	has_rule(s, "/etc/conf.d/a", "listed-entries");
	has(s, "/etc/conf.d/b", TKIT_REASON_SYMLINK);
	has(s, "/opt/b", TKIT_REASON_RULE);
	has(s, "/etc/conf.d/c", TKIT_REASON_RULE);
	has(s, "/etc/conf.d/sub", TKIT_REASON_RULE);
	hasnt(s, "/etc/conf.d/sub/d");
	has(s, "/usr/many/7", TKIT_REASON_ACCESS);
	hasnt(s, "/usr/many/8");
	hasnt(s, "/var/lib/srv/data"); /* which may be of the run's making */
}

static void test_listed_entries_off(void **state)
{
	struct scene *s = *state;

	list_tree(s);
	s->options.rules = LIST_OF("no-listed-entries");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf.d", TKIT_REASON_ACCESS);
	hasnt(s, "/etc/conf.d/a");
	hasnt(s, "/etc/conf.d/c");
}

/* Nor listings: a directory was opened. */
static void test_listed_entries_opened(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/conf.d/a", "x");
	s->caps = BLIND & ~TKIT_CAN_LIST;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/conf.d");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf.d/a", TKIT_REASON_RULE);
}

static void test_listed_entries_large(void **state)
{
	static char large[65537];
	struct scene *s = *state;
	struct feed *f;

	memset(large, 'x', sizeof(large) - 1);
	tree_file(&s->tree, "/opt/d/a", large);
	tree_file(&s->tree, "/opt/d/b", "y");
	s->caps = BLIND;
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/opt/d", .pflags = TKIT_P_FD);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/d", TKIT_REASON_ACCESS);
	hasnt(s, "/opt/d/b");
}

/* A directory that may not be listed is told, and ends nothing. */
static void test_unlistable(void **state)
{
	struct scene *s = *state;
	int rc;

	tree_file(&s->tree, "/etc/locked/a", "a");
	tree_file(&s->tree, "/etc/open", "o");
	assert_int_equal(chmod(tree_path(&s->tree, ""), 0755), 0);
	assert_int_equal(chmod(tree_path(&s->tree, "/etc/locked"), 0), 0);
	scene_run(s);
	s->options.include = LIST_OF("/etc/**");
	setfsuid(65534); /* root may list anything */
	rc = scene_close(s);
	setfsuid(geteuid());
	assert_int_equal(chmod(tree_path(&s->tree, "/etc/locked"), 0755), 0);
	assert_int_equal(rc, 0);
	has(s, "/etc/open", TKIT_REASON_INCLUDED);
	has(s, "/etc/locked", TKIT_REASON_INCLUDED);
	hasnt(s, "/etc/locked/a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_preserve),
		TEST(test_presets),
		TEST(test_unknown),
		TEST(test_python),
		TEST(test_rules_off),
		TEST(test_rules_not_needed),
		TEST(test_rule_forced),
		TEST(test_rule_unknown),
		TEST(test_created_parents),
		TEST(test_created_parents_off),
		TEST(test_package_directories),
		TEST(test_package_directories_off),
		TEST(test_listed_entries),
		TEST(test_listed_entries_off),
		TEST(test_listed_entries_opened),
		TEST(test_listed_entries_large),
		TEST(test_walked),
		TEST(test_walked_dropped),
		TEST(test_not_walked),
		TEST(test_unlistable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
