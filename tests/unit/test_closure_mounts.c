// SPDX-License-Identifier: MIT
/* What was mounted over the image when it ran: places for mounts, and what they hid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static void set_mounts(struct scene *s, const struct tkit_mount_info *mounts, uint32_t count)
{
	s->mounts = mounts;
	s->mount_count = count;
}

#define BIND(place)                                                                    \
	{                                                                              \
		.destination = (place), .source = "/host", .type = "ext4", .name = "", \
		.kind = TKIT_MOUNT_BIND                                                \
	}
#define BIND_FILE(place)                                                               \
	{                                                                              \
		.destination = (place), .source = "/host", .type = "ext4", .name = "", \
		.kind = TKIT_MOUNT_BIND, .flags = TKIT_MOUNT_FILE                      \
	}
#define VOLUME(place)                                                                   \
	{                                                                               \
		.destination = (place), .source = "/host", .type = "ext4", .name = "v", \
		.kind = TKIT_MOUNT_VOLUME                                               \
	}

/* What the programs saw below a mount was not the image's; the place itself is. */
static void test_hidden(void **state)
{
	static const struct tkit_mount_info mounts[] = {BIND("/etc/app"), VOLUME("/data")};
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/app/conf", "of the image");
	tree_file(&s->tree, "/etc/application", "beside it");
	tree_file(&s->tree, "/data/seed", "fills a new volume");
	set_mounts(s, mounts, 2);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/app/conf");
	EV(f, TKIT_OP_OPEN, "/etc/application");
	EV(f, TKIT_OP_OPEN, "/data/seed");
	assert_int_equal(scene_close(s), 0);
	has(s, "/etc/app", TKIT_REASON_RUNTIME);
	hasnt(s, "/etc/app/conf");
	has(s, "/etc/application", TKIT_REASON_ACCESS);
	has(s, "/data/seed", TKIT_REASON_ACCESS);
}

/* Of a file on a mount nothing is said to be missing. */
static void test_not_absent(void **state)
{
	static const struct tkit_mount_info mounts[] = {BIND("/etc/app")};
	struct scene *s = *state;
	struct feed *f;

	tree_dir(&s->tree, "/etc/app");
	set_mounts(s, mounts, 1);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/app/of-the-host");
	EV(f, TKIT_OP_OPEN, "/etc/of-the-image");
	assert_int_equal(scene_close(s), 0);
	assert_false(scene_absent(s, "/etc/app/of-the-host"));
	assert_true(scene_absent(s, "/etc/of-the-image"));
}

/* Places that the root does not have are made: a folder, or an empty file. */
static void test_places(void **state)
{
	static const struct tkit_mount_info mounts[] = {
		BIND("/mnt/deep/folder"), BIND_FILE("/etc/one.conf"), BIND_FILE("/etc/there.conf")};
	const struct tkit_closure_entry *entry;
	struct scene *s = *state;

	tree_file(&s->tree, "/etc/there.conf", "content of the image");
	assert_int_equal(chmod(tree_path(&s->tree, "/etc/there.conf"), 0640), 0);
	set_mounts(s, mounts, 3);
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/mnt/deep/folder", TKIT_REASON_RUNTIME);
	has(s, "/mnt/deep", TKIT_REASON_PARENT);
	entry = scene_find(s, "/mnt/deep/folder");
	assert_int_equal(entry->st.st_mode, S_IFDIR | 0755);
	has(s, "/etc/one.conf", TKIT_REASON_RUNTIME);
	entry = scene_find(s, "/etc/one.conf");
	assert_int_equal(entry->st.st_mode, S_IFREG | 0644);
	assert_int_equal(tkit_closure_content(s->closure, entry).len, 0);
	/* the mount hid what the image has there; its mode shows where nothing is mounted */
	entry = scene_find(s, "/etc/there.conf");
	assert_int_equal(entry->st.st_mode, S_IFREG | 0640);
	assert_int_equal(entry->st.st_size, 0);
}

/* Below another mount, and of what runtimes make by themselves, there is no place of the image. */
static void test_no_places(void **state)
{
	static const struct tkit_mount_info mounts[] = {
		BIND("/data"),
		BIND("/data/sub/x"),
		{.destination = "/etc/hosts",
		 .source = "/host",
		 .type = "ext4",
		 .name = "",
		 .kind = TKIT_MOUNT_RUNTIME,
		 .flags = TKIT_MOUNT_FILE},
	};
	struct scene *s = *state;

	tree_dir(&s->tree, "/data");
	tree_dir(&s->tree, "/etc");
	set_mounts(s, mounts, 3);
	scene_run(s);
	assert_int_equal(scene_close(s), 0);
	has(s, "/data", TKIT_REASON_RUNTIME);
	hasnt(s, "/data/sub");
	hasnt(s, "/data/sub/x");
	hasnt(s, "/etc/hosts");
}

/* A trace is any file: no name in it leads out of the root, or into the image by a crooked name. */
static void test_hostile_places(void **state)
{
	static const struct tkit_mount_info mounts[] = {
		BIND("/.."),    BIND("/etc/../.."), BIND("/data/"),  BIND("//twice//x"),
		BIND("/./dot"), BIND("/"),          BIND("relative")};
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/data/kept-out", "");
	tree_dir(&s->tree, "/twice/x");
	tree_dir(&s->tree, "/etc");
	set_mounts(s, mounts, 7);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/data/kept-out");
	assert_int_equal(scene_close(s), 0);
	for (size_t i = 0; i < tkit_closure_count(s->closure); i++) {
		struct tkit_bytes path = tkit_closure_entry(s->closure, i)->path;

		if (!rootfs_canonical(path))
			fail_msg("in the image: %.*s", (int)path.len, path.ptr);
	}
	has(s, "/data", TKIT_REASON_RUNTIME);
	hasnt(s, "/data/kept-out");
	has(s, "/twice/x", TKIT_REASON_RUNTIME);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hidden),    TEST(test_not_absent),     TEST(test_places),
		TEST(test_no_places), TEST(test_hostile_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
