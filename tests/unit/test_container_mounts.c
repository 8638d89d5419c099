// SPDX-License-Identifier: MIT
/* What is mounted in a container: read, named, kept through models, left out of images. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "container/mounts.h"
#include "scene.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_mountinfo(void **state)
{
	char text[] =
		"36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 - ext3 /dev/r\\134oot rw,errors=x\n"
		"nonsense\n"
		"x 35 98:0 / / rw - ext3 a b\n"
		"37 35 0:5 / /p rw - proc\n"
		"\n"
		"38 35 0:6 /a ro";
	char *at = text;
	struct mountinfo m;

	assert_true(mountinfo_next(&at, &m));
	assert_int_equal(m.id, 36);
	assert_string_equal(m.device, "98:0");
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.point, "/mnt two");
	assert_string_equal(m.options, "rw,noatime");
	assert_string_equal(m.type, "ext3");
	assert_string_equal(m.source, "/dev/r\\oot");
	assert_string_equal(m.super, "rw,errors=x");
	assert_true(mountinfo_next(&at, &m));
	assert_string_equal(m.type, "proc");
	assert_string_equal(m.source, "");
	assert_false(mountinfo_next(&at, &m));
	assert_false(mountinfo_next(&at, &m));
	assert_true(mountinfo_has("rw,noatime", "noatime"));
	assert_false(mountinfo_has("rw,noatime", "time"));
	assert_false(mountinfo_has("row", "ro"));
}

static const struct tkit_mount_info *at(const struct container_mounts *mounts, const char *place)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->list[i].destination, place) == 0)
			return &mounts->list[i];
	return NULL;
}

static void expect_kind(const struct container_mounts *mounts, const char *place, uint32_t kind,
			const char *name, const char *source)
{
	const struct tkit_mount_info *mount = at(mounts, place);

	if (!mount)
		fail_msg("no mount at %s", place);
	if (mount->kind != kind)
		fail_msg("%s is %s", place, tkit_mount_kind_name(mount->kind));
	assert_string_equal(mount->name, name);
	if (source)
		assert_string_equal(mount->source, source);
}

static const char docker_mounts[] =
	"1 0 0:40 / / rw - overlay overlay rw\n"
	"2 1 0:41 / /proc rw - proc proc rw\n"
	"3 1 0:42 / /dev rw - tmpfs tmpfs rw\n"
	"4 1 8:1 /lib/docker/containers/" ID "/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
	"5 1 8:1 /lib/docker/volumes/data/_data /data rw - ext4 /dev/sda1 rw\n"
	"6 1 8:1 /home/conf /etc/app ro - ext4 /dev/sda1 rw\n"
	"7 1 0:50 / /run rw - tmpfs tmpfs rw\n"
	"8 1 0:51 / /nfs rw - nfs4 server:/export rw\n"
	"9 1 8:17 / /disk rw - ext4 /dev/sdb1 rw\n"
	"10 1 8:1 /usr/bin/docker-init /sbin/docker-init ro - ext4 /dev/sda1 rw\n"
	"11 5 8:1 /over /data rw - ext4 /dev/sda1 rw\n"
	"12 1 8:1 /my/hosts /etc/hostname rw - ext4 /dev/sda1 rw\n";

static void test_kinds(void **state)
{
	_cleanup_free_ char *text = strdup(docker_mounts);
	struct container_mounts mounts;
	_cleanup_json_ json_t *config = json_loads(
		"{\"mounts\": [{\"destination\": \"/data\", \"source\": \"/var/lib/docker/volumes/data/_data\"},"
		"{\"destination\": \"/disk\", \"source\": \"/mnt/disk\"}, {\"destination\": 7}, 8,"
		"{\"destination\": \"/run\", \"source\": \"tmpfs\"}]}",
		0, NULL);

	assert_int_equal(container_mounts_parse(text, NULL, ID, config, -1, &mounts), 0);
	assert_int_equal(mounts.count, 10);
	assert_null(at(&mounts, "/"));
	expect_kind(&mounts, "/proc", TKIT_MOUNT_RUNTIME, "", "proc");
	expect_kind(&mounts, "/dev", TKIT_MOUNT_RUNTIME, "", "tmpfs");
	expect_kind(&mounts, "/etc/hosts", TKIT_MOUNT_RUNTIME, "", NULL);
	expect_kind(&mounts, "/data", TKIT_MOUNT_VOLUME, "data",
		    "/var/lib/docker/volumes/data/_data");
	expect_kind(&mounts, "/etc/app", TKIT_MOUNT_BIND, "", NULL);
	assert_int_equal(at(&mounts, "/etc/app")->flags, TKIT_MOUNT_READ_ONLY);
	expect_kind(&mounts, "/run", TKIT_MOUNT_TMPFS, "", "tmpfs");
	expect_kind(&mounts, "/nfs", TKIT_MOUNT_OTHER, "", "server:/export");
	expect_kind(&mounts, "/disk", TKIT_MOUNT_BIND, "", "/mnt/disk");
	expect_kind(&mounts, "/sbin/docker-init", TKIT_MOUNT_RUNTIME, "", NULL);
	expect_kind(&mounts, "/etc/hostname", TKIT_MOUNT_BIND, "", NULL); /* the user's own */
	for (uint32_t i = 1; i < mounts.count; i++)
		assert_true(strcmp(mounts.list[i - 1].destination, mounts.list[i].destination) < 0);
	container_mounts_done(&mounts);
}

/* In a hook the container's root is a directory like any other. */
static void test_hook(void **state)
{
	char text[] =
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"2 1 0:40 / /r/merged rw - overlay overlay rw\n"
		"3 2 0:41 / /r/merged/proc rw - proc proc rw\n"
		"4 2 8:1 /v/pods/u/volumes/kubernetes.io~secret/token /r/merged/s rw - ext4 /dev/sda1 rw\n"
		"5 1 8:1 /x /r/mergedx rw - ext4 /dev/sda1 rw\n";
	struct container_mounts mounts;

	assert_int_equal(container_mounts_parse(text, "/r/merged/", "", NULL, -1, &mounts), 0);
	assert_int_equal(mounts.count, 2);
	expect_kind(&mounts, "/proc", TKIT_MOUNT_RUNTIME, "", "proc");
	expect_kind(&mounts, "/s", TKIT_MOUNT_VOLUME, "token", NULL);
	container_mounts_done(&mounts);
}

static void test_own(void **state)
{
	struct container_mounts mounts;

	assert_int_equal(container_mounts_read(getpid(), NULL, "", "", &mounts), 0);
	assert_true(mounts.count > 0);
	assert_non_null(at(&mounts, "/proc"));
	assert_int_equal(at(&mounts, "/proc")->flags & TKIT_MOUNT_FILE, 0);
	container_mounts_done(&mounts);
	assert_true(container_mounts_read(0x7fffffff, NULL, "", "", &mounts) < 0);
	assert_int_equal(mounts.count, 0);
}

/* ---- models ---- */

static void begin(struct feed *f, int id, const struct tkit_mount_info *mounts, uint32_t count)
{
	struct tkit_run_info info = feed_info(id);
	struct err err = ERR_INIT;

	info.mounts = mounts;
	info.mount_count = count;
	f->ts = info.armed_monotonic_ns;
	assert_int_equal(model_builder_begin_run(f->builder, &info, &f->run, &err), 0);
}

static void expect_on(const struct tkit_model *model, const char *path, const char *place)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(model, bytes_str(path));

	if (place) {
		assert_non_null(mount);
		assert_string_equal(mount->destination, place);
	} else {
		assert_null(mount);
	}
}

static void test_model(void **state)
{
	static const struct tkit_mount_info first[] =
		{
			{"/data", "/a", "ext4", "", TKIT_MOUNT_BIND, 0},
			{"/data/deep", "/b", "ext4", "", TKIT_MOUNT_BIND, 0},
			{"/once", "/c", "ext4", "", TKIT_MOUNT_BIND, 0},
			{"/", "hostile", "ext4", "", TKIT_MOUNT_BIND, 0},
			{"", "hostile", "ext4", "", 99, 0},
		},
					    second[] = {
						    {"/data/deep", "/b", "ext4", "",
						     TKIT_MOUNT_BIND, 0},
						    {"/data", "/x/volumes/v/_data", "ext4", "v",
						     TKIT_MOUNT_VOLUME, 0},
					    };
	struct tkit_model *model;
	struct feed f;
	char text[64];

	feed_init(&f);
	begin(&f, 1, first, 5);
	feed_end(&f);
	begin(&f, 2, second, 2);
	feed_end(&f);
	model = feed_finish(&f);
	expect_on(model, "/data", "/data");
	expect_on(model, "/data/x", "/data");
	expect_on(model, "/data/deep/x", "/data/deep");
	expect_on(model, "/dat", NULL);
	expect_on(model, "/datax", NULL);
	expect_on(model, "/once", NULL); /* in one of two runs */
	expect_on(model, "/", NULL);
	assert_string_equal(tkit_model_mount(model, 0)->name, "v");
	assert_string_equal(tkit_mount_text(tkit_model_mount(model, 0), text, sizeof(text)),
			    "volume v at /data");
	assert_null(tkit_model_mount(model, 2));
	model_free(model);
	model_builder_free(f.builder);
}

/* ---- images ---- */

static void test_image(void **state)
{
	static const struct tkit_mount_info mounts[] = {
		{"/etc/app", "/home/app", "ext4", "", TKIT_MOUNT_BIND, 0},
		{"/etc/hosts", "/d/hosts", "ext4", "", TKIT_MOUNT_RUNTIME, TKIT_MOUNT_FILE},
		{"/etc/resolv.conf", "/d/r", "ext4", "", TKIT_MOUNT_RUNTIME, TKIT_MOUNT_FILE},
		{"/new/place", "/d/n", "ext4", "", TKIT_MOUNT_BIND, 0},
		{"/proc", "proc", "proc", "", TKIT_MOUNT_RUNTIME, 0},
		{"/run", "tmpfs", "tmpfs", "", TKIT_MOUNT_TMPFS, 0},
		{"/sbin/docker-init", "/i", "ext4", "", TKIT_MOUNT_RUNTIME, TKIT_MOUNT_FILE},
		{"/srv", "/v/volumes/v/_data", "ext4", "v", TKIT_MOUNT_VOLUME, 0},
	};
	static const char *const keep[] = {"/etc/app/kept"};
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/etc/app/conf", "hidden");
	tree_file(&s->tree, "/etc/app/kept", "asked for");
	tree_file(&s->tree, "/etc/hosts", "of the image");
	tree_file(&s->tree, "/etc/passwd", "p");
	tree_file(&s->tree, "/run/old", "hidden");
	tree_file(&s->tree, "/srv/index", "of the image");
	tree_link(&s->tree, "/run", "/var/run");
	s->mounts = mounts;
	s->mount_count = sizeof(mounts) / sizeof(mounts[0]);
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/etc/app/conf", .resolved = "/etc/app/conf");
	EV(f, TKIT_OP_OPEN, "/etc/app/only-there", .resolved = "/etc/app/only-there");
	EV(f, TKIT_OP_OPEN, "/etc/hosts", .resolved = "/etc/hosts");
	EV(f, TKIT_OP_OPEN, "/etc/resolv.conf", .resolved = "/etc/resolv.conf");
	EV(f, TKIT_OP_OPEN, "/etc/passwd", .resolved = "/etc/passwd");
	EV(f, TKIT_OP_OPEN, "/var/run/old", .resolved = "/run/old");
	EV(f, TKIT_OP_OPEN, "/var/run/none", .resolved = "/run/none");
	EV(f, TKIT_OP_OPEN, "/new/place/x", .resolved = "/new/place/x");
	EV(f, TKIT_OP_EXEC, "/sbin/docker-init", .resolved = "/sbin/docker-init",
	   .exe = "/sbin/docker-init");
	EV(f, TKIT_OP_OPEN, "/srv/index", .resolved = "/srv/index");
	EV(f, TKIT_OP_OPEN, "/srv/made-before", .resolved = "/srv/made-before");
	s->options.include = (struct tkit_option_list){.items = keep, .count = 1};
	assert_int_equal(scene_close(s), 0);
	hasnt(s, "/etc/app/conf");
	has(s, "/etc/app", TKIT_REASON_RUNTIME);
	has(s, "/etc/app/kept", TKIT_REASON_INCLUDED);
	has(s, "/etc/hosts", TKIT_REASON_RUNTIME);
	assert_int_equal(scene_find(s, "/etc/hosts")->st.st_size, 0);
	hasnt(s, "/etc/resolv.conf"); /* not there, and the runtime makes it */
	has(s, "/etc/passwd", TKIT_REASON_ACCESS);
	has(s, "/var/run", TKIT_REASON_SYMLINK);
	hasnt(s, "/run/old");
	has(s, "/new/place", TKIT_REASON_RUNTIME);
	assert_true(S_ISDIR(scene_find(s, "/new/place")->st.st_mode));
	hasnt(s, "/sbin/docker-init");
	has(s, "/srv/index", TKIT_REASON_ACCESS); /* a new volume gets it */
	assert_int_equal(tkit_closure_absent_count(s->closure), 0);
}

/* Before there is a process: from config.json, places resolved in the container's file system. */
static void test_planned(void **state)
{
	struct container_mounts m;
	struct tree tree;
	char text[2048], path[256];

	assert_int_equal(tree_new(&tree), 0);
	tree_dir(&tree, "/b/rootfs/run");
	tree_dir(&tree, "/b/rootfs/var");
	tree_link(&tree, "/run", "/b/rootfs/var/run");
	tree_file(&tree, "/host/volumes/v/_data/x", "");
	tree_file(&tree, "/host/conf", "");
	snprintf(
		text, sizeof(text),
		"{\"root\":{\"path\":\"rootfs\"},\"mounts\":[7,{},{\"destination\":\"etc\"},"
		"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/\",\"type\":\"tmpfs\"},"
		"{\"destination\":\"/data\",\"type\":\"none\",\"source\":\"%s/host/volumes/v/_data\","
		"\"options\":[3,\"rbind\"]},"
		"{\"destination\":\"/var/run/conf\",\"type\":\"bind\",\"source\":\"%s/host/conf\","
		"\"options\":[\"ro\",\"bind\"]},"
		"{\"destination\":\"/var/run\",\"type\":\"bind\",\"source\":\"%s/host\"},"
		"{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}]}",
		tree.dir, tree.dir, tree.dir);
	tree_file(&tree, "/b/config.json", text);
	snprintf(path, sizeof(path), "%s/b", tree.dir);
	assert_int_equal(container_mounts_planned(ID, path, &m), 0);
	expect_kind(&m, "/proc", TKIT_MOUNT_RUNTIME, "", "proc");
	snprintf(text, sizeof(text), "%s/host/volumes/v/_data", tree.dir);
	expect_kind(&m, "/data", TKIT_MOUNT_VOLUME, "v", text);
	assert_int_equal(at(&m, "/data")->flags, 0);
	assert_string_not_equal(at(&m, "/data")->type, "none");
	assert_string_not_equal(at(&m, "/data")->type, "");
	snprintf(text, sizeof(text), "%s/host", tree.dir);
	expect_kind(&m, "/run", TKIT_MOUNT_BIND, "", text);
	snprintf(text, sizeof(text), "%s/host/conf", tree.dir);
	expect_kind(&m, "/run/conf", TKIT_MOUNT_BIND, "", text);
	assert_int_equal(at(&m, "/run/conf")->flags, TKIT_MOUNT_FILE | TKIT_MOUNT_READ_ONLY);
	expect_kind(&m, "/tmp", TKIT_MOUNT_TMPFS, "", "tmpfs");
	assert_int_equal(m.count, 5);
	container_mounts_done(&m);
	tree_file(&tree, "/b/config.json", "{\"mounts\":{\"destination\":\"/\"},\"root\":[]}");
	assert_int_equal(container_mounts_planned(ID, path, &m), 0);
	assert_int_equal(m.count, 0);
	container_mounts_done(&m);
	tree_file(&tree, "/b/config.json", "{");
	assert_int_equal(container_mounts_planned(ID, path, &m), -EBADMSG);
	tree_done(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_hook),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_planned),
		cmocka_unit_test(test_model),
		cmocka_unit_test_setup_teardown(test_image, scene_setup, scene_teardown),
	};

	return cmocka_run_group_tests_name("mounts of containers", tests, NULL, NULL);
}
