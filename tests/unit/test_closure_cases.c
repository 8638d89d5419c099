// SPDX-License-Identifier: MIT
/* The rules of the closure where they meet: one test for each condition that no other test asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* lstat("link/") follows the link all the same. */
static void test_slash_follows(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/real");
	tree_link(&s->tree, "real", "/link");
	tree_dir(&s->tree, "/other");
	tree_link(&s->tree, "other", "/bare");
	f = scene_run(s);
	EV(f, TKIT_OP_STAT, "/link/", .pflags = TKIT_P_NOFOLLOW);
	EV(f, TKIT_OP_STAT, "/bare", .pflags = TKIT_P_NOFOLLOW);
	assert_int_equal(scene_close(s), 0);
	has(s, "/link", TKIT_REASON_SYMLINK);
	has(s, "/real", TKIT_REASON_ACCESS);
	has(s, "/bare", TKIT_REASON_ACCESS);
	hasnt(s, "/other");
}

/* Two files that change places were both there. */
static void test_exchange(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/one", "");
	tree_file(&s->tree, "/etc/two", "");
	f = scene_run(s);
	EV(f, TKIT_OP_RENAME_FROM, "/etc/one", .flags = 2);
	EV(f, TKIT_OP_RENAME_TO, "/etc/two", .flags = 2, .same_time = 1);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/one", TKIT_REASON_ACCESS);
	has(s, "/etc/two", TKIT_REASON_ACCESS);
}

/* What a name of the run's own leads to may be the image's. */
static void test_own_name(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/conf", "");
	tree_dir(&s->tree, "/run");
	f = scene_run(s);
	EV(f, TKIT_OP_SYMLINK, "/run/current");
	EV(f, TKIT_OP_OPEN, "/run/current", .resolved = "/etc/conf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf", TKIT_REASON_ACCESS);
	has(s, "/run", TKIT_REASON_CREATED_IN);
	hasnt(s, "/run/current");
}

/* A symlink below a directory that the run made is the run's, even if no call made that name. */
static void test_link_in_own_directory(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/opt/new");
	tree_dir(&s->tree, "/data");
	tree_link(&s->tree, "/data/log", "/opt/new/log");
	f = scene_run(s);
	EV(f, TKIT_OP_MKDIR, "/opt/new");
	EV(f, TKIT_OP_OPEN, "/opt/new/log", .flags = O_CREAT, .created = 1,
	   .resolved = "/data/log");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/opt/new/log");
	hasnt(s, "/opt/new");
	assert_non_null(scene_find(s, "/opt"));
}

/* Sockets and mounts are not the image's to have. */
static void test_no_file_is_absent(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/etc");
	f = scene_run(s);
	EV(f, TKIT_OP_CONNECT, "/run/log.sock");
	EV(f, TKIT_OP_MOUNT, "/mnt/disk");
	EV(f, TKIT_OP_OPEN, "/etc/gone");
	s->options.exclude = (struct tkit_option_list){(const char *const[]){"/var"}, 1};
	EV(f, TKIT_OP_OPEN, "/var/excluded");
	assert_int_equal(scene_close(s), 0);
	assert_false(scene_absent(s, "/run/log.sock"));
	assert_false(scene_absent(s, "/mnt/disk"));
	assert_false(scene_absent(s, "/var/excluded"));
	assert_true(scene_absent(s, "/etc/gone"));
}

/* A walk that ends where a runtime mounts: the links on the way are the image's. */
static void test_through_runtime(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/proc");
	tree_link(&s->tree, "/proc/self/fd/1", "/var/log/stdout");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/var/log/stdout");
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/log/stdout", TKIT_REASON_SYMLINK);
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

/* A program of the host's, mounted: what the image has below it was not executed. */
static void test_executed_on_mount(void **state)
{
	static const struct tkit_mount_info mount = {.destination = "/tools",
						     .source = "/host",
						     .type = "ext4",
						     .name = "",
						     .kind = TKIT_MOUNT_BIND};
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/tools/run", "#!/usr/bin/other\n");
	tree_file(&s->tree, "/usr/bin/other", "");
	s->mounts = &mount;
	s->mount_count = 1;
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/tools/run");
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/tools/run");
	hasnt(s, "/usr/bin/other");
}

/* Scripts that are interpreters of scripts, further than the kernel goes: it ends. */
static void test_script_chain(void **state)
{
	struct scene *s = *state;
	char path[32], text[32];
	struct feed *f;

	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/bin/s%d", i);
		snprintf(text, sizeof(text), "#!/bin/s%d\n", i + 1);
		tree_file(&s->tree, path, text);
	}
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/bin/s0");
	assert_int_equal(scene_close(s), 0);
	has(s, "/bin/s4", TKIT_REASON_INTERP);
	hasnt(s, "/bin/s20");
}

/* An interpreter's own interpreter goes along; one that is not there is told. */
static void test_interpreters(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/app/run", "#!/usr/bin/sh\n");
	scene_elf(s, "/usr/bin/sh", &(struct elf_spec){.interp = "/lib/ld.so"});
	tree_file(&s->tree, "/lib/ld.so", "ld");
	tree_file(&s->tree, "/app/odd", "#!/usr/bin/nowhere\n");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/app/run");
	EV(f, TKIT_OP_EXEC, "/app/odd");
	assert_int_equal(scene_close(s), 0);
	has(s, "/usr/bin/sh", TKIT_REASON_INTERP);
	has(s, "/lib/ld.so", TKIT_REASON_INTERP);
	assert_true(scene_absent(s, "/usr/bin/nowhere"));
}

/* What ran before the trace began had loaded its libraries: they are found in the files. */
static void test_held_needs(void **state)
{
	struct ev ev = {.op = TKIT_OP_HELD,
			.resolved = "/etc/conf",
			.no_flags = 1,
			.exe = "/usr/bin/daemon"};
	struct tkit_event event;
	struct scene *s = *state;
	struct feed *f;

	scene_elf(s, "/usr/bin/daemon", &(struct elf_spec){.needed = {"libown.so"}});
	scene_elf(s, "/usr/lib/libown.so", &(struct elf_spec){.soname = "libown.so"});
	tree_file(&s->tree, "/etc/conf", "");
	s->target = TKIT_TARGET_PID;
	f = scene_run(s);
	event = feed_event(f, &ev);
	event.via = TKIT_VIA_SNAPSHOT;
	feed_raw(f, &event);
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf", TKIT_REASON_ACCESS);
	has(s, "/usr/bin/daemon", TKIT_REASON_ACCESS);
	has(s, "/usr/lib/libown.so", TKIT_REASON_NEEDED);
}

/* ---- libraries and packages ---- */

/* A library for another machine is not what ld.so would take. */
static void test_other_machine(void **state)
{
	struct scene *s = *state;
	struct elf_image elf;

	scene_elf(s, "/usr/bin/tool",
		  &(struct elf_spec){.runpath = "/opt/foreign:/opt/own", .needed = {"libx.so"}});
	elf_image_make(&elf, &(struct elf_spec){.soname = "libx.so"});
	elf.eh.e_machine = EM_AARCH64;
	tree_data(&s->tree, "/opt/foreign/libx.so", &elf, sizeof(elf));
	scene_elf(s, "/opt/own/libx.so", &(struct elf_spec){.soname = "libx.so"});
	s->options.include = (struct tkit_option_list){(const char *const[]){"/usr/bin/tool"}, 1};
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/own/libx.so", TKIT_REASON_INCLUDED);
	hasnt(s, "/opt/foreign/libx.so");
}

/* With DT_RUNPATH the older DT_RPATH does not count. */
static void test_rpath_or_runpath(void **state)
{
	struct scene *s = *state;

	scene_elf(s, "/usr/bin/both",
		  &(struct elf_spec){
			  .rpath = "/opt/r", .runpath = "/opt/run", .needed = {"libx.so"}});
	scene_elf(s, "/usr/bin/old",
		  &(struct elf_spec){.rpath = "/opt/old", .needed = {"liby.so"}});
	scene_elf(s, "/opt/r/libx.so", &(struct elf_spec){.soname = "libx.so"});
	scene_elf(s, "/opt/run/libx.so", &(struct elf_spec){.soname = "libx.so"});
	scene_elf(s, "/opt/old/liby.so", &(struct elf_spec){.soname = "liby.so"});
	s->options.include = (struct tkit_option_list){(const char *const[]){"/usr/bin/*"}, 1};
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/opt/run/libx.so", TKIT_REASON_INCLUDED);
	has(s, "/opt/old/liby.so", TKIT_REASON_INCLUDED);
	hasnt(s, "/opt/r/libx.so");
}

/* $ORIGIN of a program in a root of its own is a path in that root. */
static void test_origin_in_chroot(void **state)
{
	struct scene *s = *state;
	struct tkit_event event;
	struct feed *f;

	scene_elf(s, "/jail/usr/bin/tool",
		  &(struct elf_spec){.runpath = "$ORIGIN/../own", .needed = {"libx.so"}});
	scene_elf(s, "/jail/usr/own/libx.so", &(struct elf_spec){.soname = "libx.so"});
	scene_elf(s, "/jail/jail/usr/own/libx.so", &(struct elf_spec){.soname = "libx.so"});
	s->incomplete = 1;
	f = scene_run(s);
	event = feed_event(f, &(struct ev){TKIT_OP_EXEC, "/usr/bin/tool"});
	event.valid |= TKIT_V_ROOT;
	event.root = bytes_str("/jail");
	feed_raw(f, &event);
	assert_int_equal(scene_close(s), 0);
	has(s, "/jail/usr/bin/tool", TKIT_REASON_ACCESS);
	has(s, "/jail/usr/own/libx.so", TKIT_REASON_NEEDED);
	hasnt(s, "/jail/jail/usr/own/libx.so");
}

/* A directory in common makes no package a used one. */
static void test_directory_of_package(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/foo/local.conf", "nobody's");
	tree_dir(&s->tree, "/var/lib/foo");
	tree_file(&s->tree, "/var/lib/dpkg/status", "Package: foo\nVersion: 1\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/foo.list", "/etc/foo\n/var/lib/foo\n");
	s->caps = FEED_CAPS & ~TKIT_CAN_METADATA;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/foo/local.conf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/foo", TKIT_REASON_PARENT);
	hasnt(s, "/var/lib/foo");
}

/* One package for two machines: the database keeps both. */
static void test_two_machines(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/usr/lib/a/libc.so", "");
	tree_file(&s->tree, "/usr/lib/i/libc.so", "");
	tree_file(&s->tree, "/var/lib/dpkg/status",
		  "Package: libc\nVersion: 1\nArchitecture: amd64\n\n"
		  "Package: libc\nVersion: 1\nArchitecture: i386\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/libc:amd64.list", "/usr/lib/a/libc.so\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/libc:i386.list", "/usr/lib/i/libc.so\n");
	s->options.package_database = 1;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/usr/lib/a/libc.so");
	EV(f, TKIT_OP_OPEN, "/usr/lib/i/libc.so");
	assert_int_equal(scene_close(s), 0);
	has(s, "/var/lib/dpkg/status.d/libc", TKIT_REASON_DATABASE);
	has(s, "/var/lib/dpkg/status.d/libc:i386", TKIT_REASON_DATABASE);
}

/* A package's name becomes a file's: none that leads elsewhere. */
static void test_hostile_package(void **state)
{
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/conf", "");
	tree_file(&s->tree, "/var/lib/dpkg/status", "Package: ..\nVersion: 1\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/...list", "/etc/conf\n");
	s->options.package_database = 1;
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/conf");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/conf", TKIT_REASON_ACCESS);
	for (size_t i = 0; i < tkit_closure_count(s->closure); i++)
		assert_true(rootfs_canonical(tkit_closure_entry(s->closure, i)->path));
}

/* Of a few objects it cannot be said that somebody looked through them. */
static void test_few_objects(void **state)
{
	struct scene *s = *state;
	char path[32];
	struct feed *f;

	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "/%s/%d", i < 3 ? "few" : "more", i);
		tree_file(&s->tree, path, "");
	}
	f = scene_run(s);
	EV(f, TKIT_OP_LIST, .base = "/few", .pflags = TKIT_P_FD);
	EV(f, TKIT_OP_LIST, .base = "/more", .pflags = TKIT_P_FD);
	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "/%s/%d", i < 3 ? "few" : "more", i);
		EV(f, TKIT_OP_STAT, path);
	}
	assert_int_equal(scene_close(s), 0);
	has(s, "/few/2", TKIT_REASON_ACCESS);
	has(s, "/more/3", TKIT_REASON_WALKED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slash_follows),     TEST(test_exchange),
		TEST(test_own_name),          TEST(test_link_in_own_directory),
		TEST(test_no_file_is_absent), TEST(test_through_runtime),
		TEST(test_executed_on_mount), TEST(test_script_chain),
		TEST(test_interpreters),      TEST(test_held_needs),
		TEST(test_other_machine),     TEST(test_rpath_or_runpath),
		TEST(test_origin_in_chroot),  TEST(test_directory_of_package),
		TEST(test_two_machines),      TEST(test_hostile_package),
		TEST(test_few_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
