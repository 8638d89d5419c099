// SPDX-License-Identifier: MIT
/* The closure's options and lists: directories that were listed, users, includes, rules, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "scene.h"

#define LD "/lib64/ld-linux-x86-64.so.2"

/* Links of /proc lead elsewhere: what is not known is told, what is known goes in. */
static void test_magic_links(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/data/a", "a");
	tree_file(&s->tree, "/data/b", "b");
	tree_file(&s->tree, "/data/c", "c");
	tree_file(&s->tree, "/data/d", "d");
	tree_file(&s->tree, "/data/unused", "u");
	tree_dir(&s->tree, "/var");
	f = scene_run(s);
	EV(f, TKIT_OP_STAT, "/proc/self/root/data/a");
	EV(f, TKIT_OP_OPEN, "/proc/self/cwd/b", .resolved = "/data/b");
	EV(f, TKIT_OP_STAT, "/proc/self/cwd/c", .resolved = "/data/c");
	EV(f, TKIT_OP_CHMOD, "/dev/fd/4/d", .resolved = "/data/d");
	EV(f, TKIT_OP_MKDIR, "/proc/self/cwd/made", .resolved = "/var/made");
	EV(f, TKIT_OP_STAT, "/proc/self/cwd/made", .resolved = "/var/made");
	EV(f, TKIT_OP_ACCESS, "/proc/7/task/8/fd/3/x");
	EV(f, TKIT_OP_STAT, "/dev/fd/3/y");
	EV(f, TKIT_OP_STAT, "/proc/self/fd/3");
	EV(f, TKIT_OP_STAT, "/proc/self/cwd");
	EV(f, TKIT_OP_STAT, "/proc/self/status");
	assert_int_equal(scene_close(s), 0);
	has(s, "/data/a", TKIT_REASON_ACCESS);
	has(s, "/data/b", TKIT_REASON_ACCESS);
	has(s, "/data/c", TKIT_REASON_ACCESS);
	has(s, "/data/d", TKIT_REASON_ACCESS);
	hasnt(s, "/data/unused");
	has(s, "/var", TKIT_REASON_CREATED_IN);
	hasnt(s, "/var/made");
	assert_int_equal(tkit_closure_absent_count(s->closure), 2);
	assert_true(scene_absent(s, "/proc/7/task/8/fd/3/x"));
	assert_true(scene_absent(s, "/dev/fd/3/y"));
}

static void test_listed(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/conf.d/a", "a");
	tree_link(&s->tree, "../avail/b", "/conf.d/b");
	tree_file(&s->tree, "/avail/b", "b");
	tree_file(&s->tree, "/conf.d/sub/deep", "no");
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/conf.d", .pflags = TKIT_P_FD);
	s->options.keep_listed = 1;
	assert_int_equal(scene_close(s), 0);
	has(s, "/conf.d", TKIT_REASON_ACCESS);
	has(s, "/conf.d/a", TKIT_REASON_LISTED);
	has(s, "/conf.d/b", TKIT_REASON_LISTED);
	has(s, "/avail/b", TKIT_REASON_LISTED);
	has(s, "/conf.d/sub", TKIT_REASON_LISTED);
	hasnt(s, "/conf.d/sub/deep");
}

static void test_not_listed(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/conf.d/a", "a");
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/conf.d", .pflags = TKIT_P_FD);
	assert_int_equal(scene_close(s), 0);
	has(s, "/conf.d", TKIT_REASON_ACCESS);
	hasnt(s, "/conf.d/a");
}

static void users_tree(struct scene *s)
{
	tree_file(&s->tree, "/etc/passwd", "p");
	tree_file(&s->tree, "/etc/group", "g");
}

static void test_users(void **state)
{
	struct scene *s = *state;

	users_tree(s);
	s->uid = 33;
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/passwd", TKIT_REASON_USERS);
	has(s, "/etc/group", TKIT_REASON_USERS);
	hasnt(s, "/etc/nsswitch.conf");
}

static void test_users_by_option(void **state)
{
	struct scene *s = *state;

	users_tree(s);
	s->options.need_users = 1;
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/passwd", TKIT_REASON_USERS);
}

static void test_no_users(void **state)
{
	struct scene *s = *state;

	users_tree(s);
	s->uid = 33;
	s->options.no_users = 1;
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/etc/passwd");
}

/* Mount points, empty; a link into them stays; what a program reached through them, too. */
static void test_runtime(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/dev/made-by-hand", "");
	tree_file(&s->tree, "/proc/self/exe", "");
	tree_dir(&s->tree, "/sys");
	tree_link(&s->tree, "../proc/self/mounts", "/etc/mtab");
	tree_file(&s->tree, "/usr/bin/app", "");
	tree_file(&s->tree, "/developer/x", "");
	tree_link(&s->tree, "/dev/made-by-hand", "/opt/device");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/dev/made-by-hand");
	EV(f, TKIT_OP_OPEN, "/opt/device");
	EV(f, TKIT_OP_OPEN, "/etc/mtab");
	EV(f, TKIT_OP_OPEN, "/proc/self/exe", .resolved = "/usr/bin/app");
	EV(f, TKIT_OP_OPEN, "/developer/x");
	assert_int_equal(scene_close(s), 0);
	has(s, "/proc", TKIT_REASON_RUNTIME);
	has(s, "/sys", TKIT_REASON_RUNTIME);
	has(s, "/dev", TKIT_REASON_RUNTIME);
	hasnt(s, "/dev/made-by-hand");
	has(s, "/opt/device", TKIT_REASON_SYMLINK);
	hasnt(s, "/proc/self");
	has(s, "/etc/mtab", TKIT_REASON_SYMLINK);
	has(s, "/usr/bin/app", TKIT_REASON_ACCESS);
	has(s, "/developer/x", TKIT_REASON_ACCESS);
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

static void test_special_files(void **state)
{
	struct scene *s = *state;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct feed *f;

	tree_dir(&s->tree, "/run/d");
	assert_int_equal(mkfifo(tree_path(&s->tree, "/run/fifo"), 0600), 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%.90s", tree_path(&s->tree, "/run/d/sock"));
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	close(fd);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/run/fifo");
	EV(f, TKIT_OP_CONNECT, "/run/d/sock");
	assert_int_equal(scene_close(s), 0);
	has(s, "/run/fifo", TKIT_REASON_ACCESS);
	hasnt(s, "/run/d/sock");
	has(s, "/run/d", TKIT_REASON_PARENT);
}

static void include_tree(struct scene *s)
{
	scene_elf(s, "/usr/bin/tool",
		  &(struct elf_spec){.interp = LD,
				     .runpath = "/none:$ORIGIN/../own",
				     .needed = {"libown.so", "libconf.so.1", "libgone.so"}});
	scene_elf(s, "/usr/own/libown.so", &(struct elf_spec){.needed = {"libdeep.so"}});
	scene_elf(s, "/opt/conf/libconf.so.1.0", &(struct elf_spec){0});
	tree_link(&s->tree, "libconf.so.1.0", "/opt/conf/libconf.so.1");
	tree_file(&s->tree, "/usr/lib/libdeep.so", "no ELF file: not taken");
	scene_elf(s, "/lib/x86_64-linux-gnu/libdeep.so", &(struct elf_spec){0});
	tree_file(&s->tree, LD, "ld");
	tree_file(&s->tree, "/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
	tree_file(&s->tree, "/etc/ld.so.conf.d/x.conf", "# comment\n /opt/conf \n");
}

/* An included program brings what no trace can have told. */
static void test_include_program(void **state)
{
	struct scene *s = *state;

	include_tree(s);
	s->options.include = LIST_OF("/usr/bin/t*");
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/bin/tool", TKIT_REASON_INCLUDED);
	has(s, LD, TKIT_REASON_INCLUDED);
	has(s, "/usr/own/libown.so", TKIT_REASON_INCLUDED);
	has(s, "/lib/x86_64-linux-gnu/libdeep.so", TKIT_REASON_INCLUDED);
	has(s, "/opt/conf/libconf.so.1", TKIT_REASON_INCLUDED);
	has(s, "/opt/conf/libconf.so.1.0", TKIT_REASON_INCLUDED);
	hasnt(s, "/usr/lib/libdeep.so");
}

/* ld.so.conf.d is read in the order of names, whatever the disk's is. */
static void test_conf_order(void **state)
{
	static const char order[] = "hdbfaecg";
	struct scene *s = *state;
	char conf[64], dir[64], library[64];

	scene_elf(s, "/usr/bin/tool", &(struct elf_spec){.needed = {"libtwice.so"}});
	tree_file(&s->tree, "/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
	for (const char *c = order; *c; c++) {
		snprintf(conf, sizeof(conf), "/etc/ld.so.conf.d/%c.conf", *c);
		snprintf(dir, sizeof(dir), "/opt/%c\n", *c);
		snprintf(library, sizeof(library), "/opt/%c/libtwice.so", *c);
		tree_file(&s->tree, conf, dir);
		scene_elf(s, library, &(struct elf_spec){.soname = "libtwice.so"});
	}
	s->options.include = LIST_OF("/usr/bin/tool");
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/a/libtwice.so", TKIT_REASON_INCLUDED);
	hasnt(s, "/opt/h/libtwice.so");
	hasnt(s, "/opt/g/libtwice.so");
}

/* A pattern that is not absolute begins where the file is; there may be several on a line. */
static void test_conf_relative(void **state)
{
	struct scene *s = *state;

	scene_elf(s, "/usr/bin/tool", &(struct elf_spec){.needed = {"libone.so", "libtwo.so"}});
	tree_file(&s->tree, "/etc/ld.so.conf", "include ld.so.conf.d/*.conf  other.d/x\t\n");
	tree_file(&s->tree, "/etc/ld.so.conf.d/one.conf", "/opt/one\n");
	tree_file(&s->tree, "/etc/other.d/x", "/opt/two words \n");
	scene_elf(s, "/opt/one/libone.so", &(struct elf_spec){.soname = "libone.so"});
	scene_elf(s, "/opt/two words/libtwo.so", &(struct elf_spec){.soname = "libtwo.so"});
	s->options.include = LIST_OF("/usr/bin/tool");
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/one/libone.so", TKIT_REASON_INCLUDED);
	has(s, "/opt/two words/libtwo.so", TKIT_REASON_INCLUDED);
}

/* Files that include each other, of which a power of their number would be read. */
static void test_conf_circle(void **state)
{
	struct scene *s = *state;
	char conf[64];

	scene_elf(s, "/usr/bin/tool", &(struct elf_spec){.needed = {"libone.so"}});
	tree_file(&s->tree, "/etc/ld.so.conf", "include /etc/ld.so.conf.d/*\n");
	for (int i = 0; i < 60; i++) {
		snprintf(conf, sizeof(conf), "/etc/ld.so.conf.d/%02d", i);
		tree_file(&s->tree, conf, "include /etc/ld.so.conf.d/*\n/opt/one\n");
	}
	scene_elf(s, "/opt/one/libone.so", &(struct elf_spec){.soname = "libone.so"});
	s->options.include = LIST_OF("/usr/bin/tool");
	scene_run(s);
	alarm(60);
	assert_int_equal(scene_close(s), 0);
	alarm(0);
	has(s, "/opt/one/libone.so", TKIT_REASON_INCLUDED);
}

/* A trace with losses may lack libraries: the files themselves are asked. */
static void test_needed_when_incomplete(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	include_tree(s);
	s->incomplete = 1;
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/usr/bin/tool");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/own/libown.so", TKIT_REASON_NEEDED);
	has(s, "/lib/x86_64-linux-gnu/libdeep.so", TKIT_REASON_NEEDED);
	has(s, "/opt/conf/libconf.so.1", TKIT_REASON_SYMLINK);
}

static void test_needed_not_when_complete(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	include_tree(s);
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/usr/bin/tool");
	assert_int_equal(scene_close(s), 0);
	has(s, LD, TKIT_REASON_INTERP);
	hasnt(s, "/usr/own/libown.so");
}

static void test_rules(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/usr/share/zone/Europe/Rome", "");
	tree_file(&s->tree, "/usr/share/zone/Asia/Tokyo", "");
	tree_file(&s->tree, "/usr/share/doc/readme", "");
	tree_file(&s->tree, "/usr/lib/py/a.pyc", "");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_link(&s->tree, "nowhere", "/opt/dangling");
	s->options.include = LIST_OF("/usr/share/zone/Europe", "/lib/**/*.pyc", "/opt/*");
	s->options.exclude = LIST_OF("/usr/share");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/share/zone/Asia/Tokyo");
	EV(f, TKIT_OP_OPEN, "/usr/share/doc/readme");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/share/zone/Europe/Rome", TKIT_REASON_INCLUDED);
	has(s, "/usr/lib/py/a.pyc", TKIT_REASON_INCLUDED);
	has(s, "/opt/dangling", TKIT_REASON_INCLUDED);
	has(s, "/usr/share", TKIT_REASON_PARENT);
	hasnt(s, "/usr/share/zone/Asia/Tokyo");
	hasnt(s, "/usr/share/doc/readme");
}

/* A rule is a text: the name that it gives to something must not become the image's. */
static void test_crooked_rules(void **state)
{
	struct scene *s = *state;

	tree_dir(&s->tree, "/usr/lib");
	tree_link(&s->tree, "nowhere", "/opt/dangling");
	tree_link(&s->tree, "nowhere", "/opt/other");
	s->options.include = LIST_OF("/usr/../opt/dangling", "/opt//other");
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/dangling", TKIT_REASON_INCLUDED);
	has(s, "/opt/other", TKIT_REASON_INCLUDED);
	hasnt(s, "/usr/../opt/dangling");
	hasnt(s, "/opt//other");
	hasnt(s, "/usr/..");
}

static void test_bad_rule(void **state)
{
	struct scene *s = *state;

	s->options.include = LIST_OF("etc/*");
	scene_run(s);
	assert_int_equal(scene_close(s), -EINVAL);
	assert_non_null(strstr(err_text(&s->ctx.err), "etc/*"));
}

/* fanotify sees files, not names: the links that lead to them are looked for. */
static void test_names(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/usr/lib/libz.so.1.2.13", "z");
	tree_link(&s->tree, "libz.so.1.2.13", "/usr/lib/libz.so.1");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_link(&s->tree, "/usr/bin/tool.real", "/etc/alternatives/tool");
	tree_link(&s->tree, "/etc/alternatives/tool", "/usr/bin/tool");
	tree_file(&s->tree, "/usr/bin/tool.real", "");
	tree_link(&s->tree, "elsewhere", "/usr/lib/unrelated");
	tree_file(&s->tree, "/usr/lib/elsewhere", "");
	s->caps = FEED_CAPS & ~TKIT_CAN_METADATA;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/lib/libz.so.1.2.13");
	EV(f, TKIT_OP_OPEN, "/usr/bin/tool.real");
	assert_int_equal(scene_close(s), 0);
	has(s, "/lib", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib/libz.so.1", TKIT_REASON_SYMLINK);
	has(s, "/usr/bin/tool", TKIT_REASON_SYMLINK);
	has(s, "/etc/alternatives/tool", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib", TKIT_REASON_PARENT);
	hasnt(s, "/usr/lib/unrelated");
}

/* Watching what ran already: its program had been executed before. */
static void test_attached(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	scene_elf(s, "/usr/sbin/daemon", &(struct elf_spec){.interp = LD});
	tree_file(&s->tree, LD, "ld");
	tree_file(&s->tree, "/etc/conf", "");
	s->target = TKIT_TARGET_PID;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/conf", .exe = "/usr/sbin/daemon");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf", TKIT_REASON_ACCESS);
	has(s, "/usr/sbin/daemon", TKIT_REASON_ACCESS);
	has(s, LD, TKIT_REASON_INTERP);
}

static void held(struct feed *f, const char *resolved, uint32_t pflags)
{
	struct ev ev = {.op = TKIT_OP_HELD, .resolved = resolved, .pflags = pflags, .no_flags = 1};
	struct tkit_event event = feed_event(f, &ev);

	event.via = TKIT_VIA_SNAPSHOT;
	feed_raw(f, &event);
}

/*
 * What ran already: the links that lead to what it holds, the name of a file that was replaced
 * since; and what the run did before the snapshot was read does not undo it.
 */
static void test_held(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/usr/share/zone/UTC", "z");
	tree_link(&s->tree, "/usr/share/zone/UTC", "/etc/localtime");
	tree_file(&s->tree, "/usr/lib/libssl.so.3", "new");
	tree_file(&s->tree, "/etc/replaced", "by a rename");
	tree_file(&s->tree, "/other", "");
	f = scene_run(s);
	EV(f, TKIT_OP_RENAME_FROM, "/etc/replaced.new", .same_time = 1);
	EV(f, TKIT_OP_RENAME_TO, "/etc/replaced", .same_time = 1);
	held(f, "/usr/share/zone/UTC", 0);
	held(f, "/usr/lib/libssl.so.3", TKIT_P_DELETED);
	held(f, "/etc/replaced", 0);
	held(f, "/tmp/unlinked", TKIT_P_DELETED);
	held(f, "/other", TKIT_P_OUTSIDE_ROOT);
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/share/zone/UTC", TKIT_REASON_ACCESS);
	assert_non_null(scene_find(s, "/etc/localtime"));
	has(s, "/usr/lib/libssl.so.3", TKIT_REASON_ACCESS);
	has(s, "/etc/replaced", TKIT_REASON_ACCESS);
	hasnt(s, "/other");
	assert_false(scene_absent(s, "/tmp/unlinked"));
	assert_int_equal(tkit_model_pathless(s->model, TKIT_PATHLESS_NO_FILE, 0), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_magic_links),
		TEST(test_listed),
		TEST(test_not_listed),
		TEST(test_users),
		TEST(test_users_by_option),
		TEST(test_no_users),
		TEST(test_runtime),
		TEST(test_special_files),
		TEST(test_include_program),
		TEST(test_conf_order),
		TEST(test_conf_relative),
		TEST(test_conf_circle),
		TEST(test_needed_when_incomplete),
		TEST(test_needed_not_when_complete),
		TEST(test_rules),
		TEST(test_crooked_rules),
		TEST(test_bad_rule),
		TEST(test_names),
		TEST(test_attached),
		TEST(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
