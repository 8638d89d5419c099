// SPDX-License-Identifier: MIT
/* What an image must hold: one test for each rule. Each fails without its rule. */
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

/* usrmerge, a chain of symlinks, an absolute target: names go in, each file once. */
static void test_symlinks(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/usr/lib/libz.so.1.2.13", "z");
	tree_link(&s->tree, "libz.so.1.2.13", "/usr/lib/libz.so.1");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_link(&s->tree, "/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf");
	tree_file(&s->tree, "/etc/ssl/openssl.cnf", "conf");
	tree_file(&s->tree, "/etc/ssl/unused", "");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/lib/libz.so.1", .resolved = "/usr/lib/libz.so.1.2.13");
	EV(f, TKIT_OP_OPEN, "/lib/ssl/openssl.cnf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/lib", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib/libz.so.1", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib/libz.so.1.2.13", TKIT_REASON_ACCESS);
	has(s, "/usr/lib/ssl/openssl.cnf", TKIT_REASON_SYMLINK);
	has(s, "/etc/ssl/openssl.cnf", TKIT_REASON_ACCESS);
	has(s, "/usr/lib", TKIT_REASON_PARENT);
	has(s, "/etc/ssl", TKIT_REASON_PARENT);
	hasnt(s, "/lib/libz.so.1");
	hasnt(s, "/etc/ssl/unused");
	assert_true(bytes_is(scene_find(s, "/lib")->target, "usr/lib"));
	assert_true(bytes_is(scene_find(s, "/usr/lib/libz.so.1.2.13")->because, "/lib/libz.so.1"));
	assert_true(bytes_is(tkit_closure_entry(s->closure, 0)->path, "/"));
	assert_null(tkit_closure_entry(s->closure, tkit_closure_count(s->closure)));
}

/* A link that would leave the root leads to its top; a loop keeps its links. */
static void test_hostile_links(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_link(&s->tree, "../../../../../etc/shadow", "/app/out");
	tree_file(&s->tree, "/etc/shadow", "inside");
	tree_link(&s->tree, "b", "/app/a");
	tree_link(&s->tree, "a", "/app/b");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/app/out");
	EV(f, TKIT_OP_OPEN, "/app/a", ELOOP);
	assert_int_equal(scene_close(s), 0);
	has(s, "/app/out", TKIT_REASON_SYMLINK);
	has(s, "/etc/shadow", TKIT_REASON_ACCESS);
	has(s, "/app/a", TKIT_REASON_ACCESS);
}

/* The object of lstat and readlink is the link; what it leads to is not needed by that. */
static void test_nofollow(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/target", "t");
	tree_link(&s->tree, "target", "/link");
	tree_link(&s->tree, "nowhere", "/dangling");
	f = scene_run(s);
	EV(f, TKIT_OP_STAT, "/link", .pflags = TKIT_P_NOFOLLOW);
	EV(f, TKIT_OP_READLINK, "/dangling", .pflags = TKIT_P_NOFOLLOW);
	assert_int_equal(scene_close(s), 0);
	has(s, "/link", TKIT_REASON_ACCESS);
	has(s, "/dangling", TKIT_REASON_ACCESS);
	hasnt(s, "/target");
}

/* The kernel opens the ELF interpreter by itself: no system call names it. */
static void test_elf_interpreter(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	scene_elf(s, "/usr/bin/ls", &(struct elf_spec){.interp = LD});
	scene_elf(s, "/usr/bin/data", &(struct elf_spec){.interp = "/lib/ld-other.so"});
	tree_file(&s->tree, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "ld");
	tree_link(&s->tree, "x86_64-linux-gnu/ld-linux-x86-64.so.2",
		  "/usr/lib/ld-linux-x86-64.so.2");
	tree_link(&s->tree, "usr/lib", "/lib64");
	tree_file(&s->tree, "/lib/ld-other.so", "other");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/usr/bin/ls");
	EV(f, TKIT_OP_OPEN, "/usr/bin/data"); /* read, not run */
	assert_int_equal(scene_close(s), 0);
	has(s, "/lib64", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib/ld-linux-x86-64.so.2", TKIT_REASON_SYMLINK);
	has(s, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", TKIT_REASON_INTERP);
	assert_true(
		bytes_is(scene_find(s, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")->because,
			 "/usr/bin/ls"));
	hasnt(s, "/lib/ld-other.so");
}

/* #! of a script whose interpreter is a script: down to the ELF interpreter of the last. */
static void test_script_interpreter(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/entry.sh", "#!/usr/bin/wrap -x\n");
	tree_file(&s->tree, "/usr/bin/wrap", "#! /bin/sh\n");
	tree_link(&s->tree, "dash", "/bin/sh");
	scene_elf(s, "/bin/dash", &(struct elf_spec){.interp = LD});
	tree_file(&s->tree, LD, "ld");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/entry.sh");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/bin/wrap", TKIT_REASON_INTERP);
	has(s, "/bin/sh", TKIT_REASON_SYMLINK);
	has(s, "/bin/dash", TKIT_REASON_INTERP);
	has(s, LD, TKIT_REASON_INTERP);
}

/* A script that names itself ends; an interpreter that is not there is told. */
static void test_bad_interpreters(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/self", "#!/self\n");
	tree_file(&s->tree, "/lost", "#!/no/such\n");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/self");
	EV(f, TKIT_OP_EXEC, "/lost");
	assert_int_equal(scene_close(s), 0);
	has(s, "/self", TKIT_REASON_ACCESS);
	assert_int_equal(tkit_closure_absent_count(s->closure), 1);
	assert_true(scene_absent(s, "/no/such"));
}

/* mkdir /var/lib/nginx/body: its parent must be there, with owner and mode. */
static void test_created(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/var/lib/nginx");
	tree_dir(&s->tree, "/var/log");
	tree_dir(&s->tree, "/srv/db");
	tree_dir(&s->tree, "/spool");
	tree_dir(&s->tree, "/real/run");
	tree_link(&s->tree, "/real/run", "/run");
	assert_int_equal(chmod(tree_path(&s->tree, "/var/lib/nginx"), 02750), 0);
	f = scene_run(s);
	EV(f, TKIT_OP_MKDIR, "/var/lib/nginx/body");
	EV(f, TKIT_OP_OPEN, "/var/log/new.log", .flags = O_CREAT, .created = 1,
	   .resolved = "/var/log/new.log");
	EV(f, TKIT_OP_BIND, "/run/app.sock");
	/* in a directory that somebody else has made meanwhile */
	EV(f, TKIT_OP_OPEN, "/spool/late/file", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/srv/db/tmp", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_RENAME_FROM, "/srv/db/tmp");
	EV(f, TKIT_OP_RENAME_TO, "/srv/db/dump.rdb", .same_time = 1);
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/nginx", TKIT_REASON_CREATED_IN);
	assert_int_equal(scene_find(s, "/var/lib/nginx")->st.st_mode & 07777, 02750);
	assert_true(bytes_is(scene_find(s, "/var/lib/nginx")->because, "/var/lib/nginx/body"));
	has(s, "/var/log", TKIT_REASON_CREATED_IN);
	has(s, "/run", TKIT_REASON_SYMLINK);
	has(s, "/real/run", TKIT_REASON_CREATED_IN);
	has(s, "/srv/db", TKIT_REASON_CREATED_IN);
	has(s, "/spool", TKIT_REASON_CREATED_IN);
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

/* The root is the one in which the run has worked: what it made there stays out. */
static void test_created_stays_out(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/var/key/private.pem", "generated");
	tree_file(&s->tree, "/var/cache", "was there");
	tree_link(&s->tree, "cache", "/var/current");
	f = scene_run(s);
	EV(f, TKIT_OP_MKDIR, "/var/key");
	EV(f, TKIT_OP_OPEN, "/var/key/private.pem", .flags = O_CREAT, .created = 1,
	   .resolved = "/var/key/private.pem");
	EV(f, TKIT_OP_STAT, "/var/key/private.pem");
	EV(f, TKIT_OP_LIST, .base = "/var/key", .pflags = TKIT_P_FD);
	EV(f, TKIT_OP_OPEN, "/var/cache", .flags = O_CREAT, .created = -1);
	EV(f, TKIT_OP_SYMLINK, "/var/current");
	EV(f, TKIT_OP_OPEN, "/var/current", .resolved = "/var/cache");
	s->options.keep_listed = 1;
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/var/key/private.pem");
	hasnt(s, "/var/key");
	hasnt(s, "/var/current");
	has(s, "/var", TKIT_REASON_CREATED_IN);
	has(s, "/var/cache", TKIT_REASON_ACCESS);
}

/* Created through a symlink that led nowhere: link and target's directory are needed. */
static void test_created_through_link(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/data/logs");
	tree_link(&s->tree, "/data/logs/app.log", "/app/log");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/app/log", .flags = O_CREAT, .created = 1,
	   .resolved = "/data/logs/app.log");
	assert_int_equal(scene_close(s), 0);
	has(s, "/app/log", TKIT_REASON_SYMLINK);
	assert_non_null(scene_find(s, "/data/logs"));
}

/* python stats the .py and reads the .pyc. */
static void test_stat_only(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/lib/os.py", "source");
	tree_file(&s->tree, "/app/spre", "x");
	tree_file(&s->tree, "/app/spre.more", "y");
	tree_dir(&s->tree, "/etc/empty");
	f = scene_run(s);
	EV(f, TKIT_OP_STAT, "/lib/os.py");
	EV(f, TKIT_OP_ACCESS, "/app/spre");
	EV(f, TKIT_OP_OPEN, "/app/spre.more");
	EV(f, TKIT_OP_STAT, "/etc/empty");
	assert_int_equal(scene_close(s), 0);
	has(s, "/lib/os.py", TKIT_REASON_ACCESS);
	has(s, "/app/spre", TKIT_REASON_ACCESS);
	has(s, "/app/spre.more", TKIT_REASON_ACCESS);
	has(s, "/etc/empty", TKIT_REASON_ACCESS);
}

static void test_directories(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/var/lib/redis");
	tree_dir(&s->tree, "/var/chroot");
	tree_dir(&s->tree, "/home/me/work");
	s->cwd = "/home/me/work";
	f = scene_run(s);
	EV(f, TKIT_OP_CHDIR, "/var/lib/redis");
	EV(f, TKIT_OP_CHROOT, "/var/chroot");
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/redis", TKIT_REASON_ACCESS);
	has(s, "/var/chroot", TKIT_REASON_ACCESS);
	has(s, "/home/me/work", TKIT_REASON_ACCESS);
	has(s, "/home", TKIT_REASON_PARENT);
}

/* After chroot, absolute names and links are those of the new root; so is ld.so. */
static void test_chroot(void **state)
{
	struct scene *s = *state;
	struct tkit_event event;
	struct feed *f;

	scene_elf(s, "/jail/bin/app", &(struct elf_spec){.interp = "/lib/ld.so"});
	tree_file(&s->tree, "/jail/lib/ld.so", "ld");
	tree_file(&s->tree, "/lib/ld.so", "another");
	tree_link(&s->tree, "/etc/real", "/jail/etc/link");
	tree_file(&s->tree, "/jail/etc/real", "x");
	tree_file(&s->tree, "/etc/real", "wrong");
	f = scene_run(s);
	event = feed_event(f, &(struct ev){TKIT_OP_EXEC, "//bin/./app"});
	event.valid |= TKIT_V_ROOT;
	event.root = bytes_str("/jail");
	feed_raw(f, &event);
	event = feed_event(f, &(struct ev){TKIT_OP_OPEN, "/etc/link"});
	event.valid |= TKIT_V_ROOT;
	event.root = bytes_str("/jail");
	feed_raw(f, &event);
	assert_int_equal(scene_close(s), 0);
	has(s, "/jail/bin/app", TKIT_REASON_ACCESS);
	has(s, "/jail/lib/ld.so", TKIT_REASON_INTERP);
	has(s, "/jail/etc/real", TKIT_REASON_ACCESS);
	hasnt(s, "/lib/ld.so");
	hasnt(s, "/etc/real");
}

static void test_failures(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/secret", "");
	tree_dir(&s->tree, "/dir");
	tree_file(&s->tree, "/file", "");
	tree_dir(&s->tree, "/locked");
	tree_file(&s->tree, "/there", "now");
	tree_file(&s->tree, "/attr", "");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/secret", EACCES);
	EV(f, TKIT_OP_OPEN, "/dir", EISDIR);
	EV(f, TKIT_OP_OPEN, "/file/x", ENOTDIR);
	EV(f, TKIT_OP_STAT, "/locked/x", EACCES);
	EV(f, TKIT_OP_GETXATTR, "/attr", ENODATA);
	EV(f, TKIT_OP_OPEN, "/there", ENOENT);
	EV(f, TKIT_OP_OPEN, "/etc/none", ENOENT);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/secret", TKIT_REASON_ACCESS);
	has(s, "/dir", TKIT_REASON_ACCESS);
	has(s, "/file", TKIT_REASON_ACCESS);
	has(s, "/locked", TKIT_REASON_ACCESS);
	has(s, "/attr", TKIT_REASON_ACCESS);
	hasnt(s, "/there"); /* negative look-ups stay negative */
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

static void test_absent(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/etc");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/other-root");
	EV(f, TKIT_OP_OPEN, "/proc/self/maps");
	EV(f, TKIT_OP_OPEN, "/tmp/made", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_MKDIR, "/tmp/dir");
	EV(f, TKIT_OP_STAT, "/tmp/dir/below");
	EV(f, TKIT_OP_OPEN, "/outside", .pflags = TKIT_P_OUTSIDE_ROOT, .resolved = "/x");
	EV(f, TKIT_OP_OPEN, "/etc/skipped");
	s->options.exclude = (struct tkit_option_list){(const char *const[]){"/etc/s*"}, 1};
	assert_int_equal(scene_close(s), 0);
	assert_int_equal(tkit_closure_absent_count(s->closure), 1);
	assert_true(scene_absent(s, "/etc/other-root"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_symlinks),
		TEST(test_hostile_links),
		TEST(test_nofollow),
		TEST(test_elf_interpreter),
		TEST(test_script_interpreter),
		TEST(test_bad_interpreters),
		TEST(test_created),
		TEST(test_created_stays_out),
		TEST(test_created_through_link),
		TEST(test_stat_only),
		TEST(test_directories),
		TEST(test_chroot),
		TEST(test_failures),
		TEST(test_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
