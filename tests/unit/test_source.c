// SPDX-License-Identifier: MIT
/* Archives and images as roots: layers, and what hostile ones try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "source_fixture.h"

static void test_whiteouts(void **state)
{
	struct fixture *f = *state;

	ADD(0, '5', "a/");
	ADD(0, '0', "a/kept", "1");
	ADD(0, '0', "a/gone", "1");
	ADD(0, '5', "o/");
	ADD(0, '0', "o/old", "1");
	ADD(0, '5', "o/sub/");
	ADD(0, '0', "o/sub/old", "1");
	ADD(0, '5', "again/");
	ADD(0, '0', "again/old", "1");
	ADD(0, '0', "file", "1");
	ADD(1, '0', "a/.wh.gone", "");
	ADD(1, '0', "o/new", "2"); /* before the marker: it is of this layer all the same */
	ADD(1, '0', "o/sub/new", "2");
	ADD(1, '0', "o/.wh..wh..opq", "");
	ADD(1, '5', "again/");
	ADD(1, '0', ".wh.again", "");
	ADD(1, '0', "again/new", "2");
	ADD(1, '0', ".wh.never-was", "");
	ADD(1, '0', ".wh..wh.plnk", "");
	ADD(2, '0', "a/gone", "3");
	ADD(2, '0', ".wh.file", "");
	open_layers(f, 3, CONFIG);
	assert_string_equal(text_of(f, "/a/kept"), "1");
	assert_string_equal(text_of(f, "/a/gone"), "3");
	assert_int_equal(type_of(f, "/o/old"), '-');
	assert_int_equal(type_of(f, "/o/sub/old"), '-');
	assert_string_equal(text_of(f, "/o/new"), "2");
	assert_string_equal(text_of(f, "/o/sub/new"), "2");
	assert_int_equal(type_of(f, "/again/old"), '-');
	assert_string_equal(text_of(f, "/again/new"), "2");
	assert_int_equal(type_of(f, "/file"), '-');
	assert_int_equal(type_of(f, "/.wh.file"), '-');
	assert_int_equal(type_of(f, "/.wh..wh.plnk"), '-');
}

static void test_replacing(void **state)
{
	struct fixture *f = *state;

	ADD(0, '5', "dir/", .mode = 0700);
	ADD(0, '0', "dir/in", "1");
	ADD(0, '0', "file", "1");
	ADD(0, '5', "same/", .mode = 0700);
	ADD(0, '0', "same/in", "1");
	ADD(0, '5', "usr/lib/");
	ADD(0, '2', "lib", "usr/lib");
	ADD(0, '2', "abs", "/usr/lib");
	ADD(0, '2', "out", "../../../usr");
	ADD(0, '2', "link", "dir");
	ADD(1, '2', "dir", "file");
	ADD(1, '5', "file/");
	ADD(1, '0', "file/in", "2");
	ADD(1, '5', "same/", .mode = 0711);
	ADD(1, '0', "lib/a", "2");
	ADD(1, '0', "abs/b", "2");
	ADD(1, '0', "out/c", "2");
	ADD(1, '5', "link/");
	ADD(2, '0', "dir", "3");
	ADD(2, '0', "dir", "again");
	open_layers(f, 3, CONFIG);
	assert_string_equal(text_of(f, "/dir"), "again");
	assert_string_equal(text_of(f, "/file/in"), "2");
	assert_string_equal(text_of(f, "/same/in"), "1");
	assert_int_equal(stat_of(f, "/same").st_mode, S_IFDIR | 0711);
	assert_int_equal(type_of(f, "/lib"), 'l');
	assert_string_equal(text_of(f, "/usr/lib/a"), "2");
	assert_string_equal(text_of(f, "/usr/lib/b"), "2");
	assert_string_equal(text_of(f, "/usr/c"), "2");
	assert_int_equal(type_of(f, "/link"), 'd');
	assert_int_equal(type_of(f, "/link/in"), '-');
}

static void test_hard_links(void **state)
{
	struct fixture *f = *state;

	ADD(0, '0', "a", "data", .mode = 04755);
	ADD(0, '1', "b", "./a");
	ADD(0, '2', "l", "a");
	ADD(1, '1', "d/c", "/b");
	ADD(1, '1', "l2", "l");
	ADD(1, '0', ".wh.a", "");
	ADD(2, '0', "b", "other");
	open_layers(f, 3, CONFIG);
	assert_int_equal(type_of(f, "/a"), '-');
	assert_string_equal(text_of(f, "/d/c"), "data");
	assert_int_equal(stat_of(f, "/d/c").st_nlink, 1);
	assert_int_equal(stat_of(f, "/d/c").st_mode, S_IFREG | 04755);
	assert_string_equal(text_of(f, "/b"), "other");
	assert_int_equal(type_of(f, "/l2"), 'l');
	assert_int_equal(stat_of(f, "/l2").st_ino, stat_of(f, "/l").st_ino);
	assert_int_equal(stat_of(f, "/l2").st_nlink, 2);
}

static void test_names(void **state)
{
	static const char nfd[] = "/cafe\xcc\x81", nfc[] = "/caf\xc3\xa9";
	struct fixture *f = *state;
	char buf[64];
	long n;

	/* In a UTF-8 locale libarchive makes one name of these two. */
	tar_pax(&f->tar, "path", bytes_str(nfd + 1));
	MEMBER('0', "x", "nfd");
	tar_pax(&f->tar, "path", bytes_str(nfc + 1));
	MEMBER('0', "x", "nfc");
	tar_pax(&f->tar, "path", bytes_str("p\xff\n"));
	MEMBER('0', "x", "pax");
	MEMBER('0', "u\xff\xfe", "ustar");
	tar_pax(&f->tar, "linkpath", bytes_str("\xff/x"));
	MEMBER('2', "link", "x");
	MEMBER('1', "hard", "u\xff\xfe");
	MEMBER('0', ".wh.plain", "a name like others");
	MEMBER('0', "//abs//./name", "abs");
	open_tar(f);
	assert_string_equal(text_of(f, nfd), "nfd");
	assert_string_equal(text_of(f, nfc), "nfc");
	assert_string_equal(text_of(f, "/p\xff\n"), "pax");
	assert_string_equal(text_of(f, "/u\xff\xfe"), "ustar");
	assert_string_equal(text_of(f, "/hard"), "ustar");
	assert_string_equal(text_of(f, "/.wh.plain"), "a name like others");
	assert_string_equal(text_of(f, "/abs/name"), "abs");
	n = tkit_rootfs_readlink(f->fs, bytes_str("/link"), buf, sizeof(buf));
	assert_int_equal(n, 3);
	assert_memory_equal(buf, "\xff/x", 3);
}

static void test_metadata(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	tar_pax(&f->tar, "mtime", bytes_str("1234.000000789"));
	MEMBER('0', "file", "x", .mode = 06711);
	MEMBER('3', "dev", .mode = 0620);
	MEMBER('6', "fifo", .mode = 0600);
	MEMBER('5', "./", .mode = 0711);
	open_tar(f);
	st = stat_of(f, "/file");
	assert_int_equal(st.st_mode, S_IFREG | 06711);
	assert_int_equal(st.st_mtim.tv_sec, 1234);
	assert_int_equal(st.st_mtim.tv_nsec, 789);
	assert_true(S_ISCHR(stat_of(f, "/dev").st_mode));
	assert_int_equal(stat_of(f, "/dev").st_rdev, makedev(1, 3));
	assert_true(S_ISFIFO(stat_of(f, "/fifo").st_mode));
	assert_int_equal(stat_of(f, "/").st_mode, S_IFDIR | 0711);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/dev")), -EINVAL);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/file/x")), -ENOTDIR);
}

static void test_xattrs(void **state)
{
	struct fixture *f = *state;
	char buf[64];

	tar_pax(&f->tar, "SCHILY.xattr.user.raw", BYTES("a\0\n\xff", 4));
	MEMBER('0', "file", "x");
	tar_pax(&f->tar, "LIBARCHIVE.xattr.user.other", bytes_str("aGk"));
	MEMBER('0', "other", "x");
	open_tar(f);
	assert_int_equal(f->fs->ops->getxattr(f->fs, bytes_str("/other"), "user.other", buf, 64),
			 2);
	assert_memory_equal(buf, "hi", 2);
	assert_int_equal(f->fs->ops->listxattr(f->fs, bytes_str("/file"), buf, sizeof(buf)), 9);
	assert_string_equal(buf, "user.raw");
	assert_int_equal(f->fs->ops->listxattr(f->fs, bytes_str("/file"), buf, 8), -ERANGE);
	assert_int_equal(f->fs->ops->listxattr(f->fs, bytes_str("/file"), NULL, 0), 9);
	assert_int_equal(f->fs->ops->getxattr(f->fs, bytes_str("/file"), "user.raw", buf, 64), 4);
	assert_memory_equal(buf, "a\0\n\xff", 4);
	assert_int_equal(f->fs->ops->getxattr(f->fs, bytes_str("/file"), "user.no", buf, 64),
			 -ENODATA);
}

static void test_hostile_names(void **state)
{
	struct fixture *f = *state;
	char name[5000];

	MEMBER('0', "../../etc/passwd", "x");
	refused_tar(f, "\"..\" in its name");
	MEMBER('0', "a/../../b", "x");
	refused_tar(f, "\"..\" in its name");
	MEMBER('2', "l", "/etc");
	MEMBER('1', "h", "../outside");
	refused_tar(f, "\"..\" in its name");
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	tar_pax(&f->tar, "path", bytes_str(name));
	MEMBER('0', "x", "x");
	refused_tar(f, "255");
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'a';
	tar_pax(&f->tar, "path", BYTES(name, 4200));
	MEMBER('0', "x", "x");
	refused_tar(f, "4095");
	tar_pax(&f->tar, "linkpath", BYTES(name, 4200));
	MEMBER('2', "x", "x");
	refused_tar(f, "4095");
	MEMBER('0', "line\nbreak/../x", "x");
	refused_tar(f, "line\\nbreak");
}

static void test_hostile_links(void **state)
{
	struct fixture *f = *state;

	MEMBER('2', "a", "b");
	MEMBER('2', "b", "a");
	MEMBER('0', "a/x", "x");
	refused_tar(f, "circle");
	MEMBER('1', "a", "a");
	refused_tar(f, "not there before");
	MEMBER('5', "d/");
	MEMBER('1', "e", "d");
	refused_tar(f, "hard link to a directory");
	MEMBER('0', "f", "x");
	MEMBER('0', "f/x", "x");
	refused_tar(f, "what should be its directory is none");
	MEMBER('0', ".", "x");
	refused_tar(f, "root is no directory");
	/* Links that point out of the root end inside of it. */
	MEMBER('2', "etc", "/../../../../etc");
	MEMBER('2', "up", "../../..");
	MEMBER('0', "up/in", "x");
	open_tar(f);
	assert_string_equal(text_of(f, "/in"), "x");
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	char name[32];

	f->options.max_entries = 50;
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		MEMBER('0', name, "");
	}
	refused_tar(f, "limit");
	f->options.max_entries = 0;
	f->options.max_bytes = 4096;
	MEMBER('0', "large", name, 0);
	f->tar.data[124] = '7'; /* says that it has 8 GiB */
	refused_tar(f, "");
	/* Names that repeat one directory after the other cost one walk each, not all. */
	f->options.max_bytes = 0;
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;

	buf_str(&f->tar, "certainly no archive");
	refused(f, "", "no tar archive");
	buf_clear(&f->tar);
	refused(f, "", "no tar archive");
	MEMBER('0', "a", "content");
	f->tar.size = 515;
	refused(f, "", "cut short");
	f->tar.size = 100;
	refused(f, "", "tar");
	buf_clear(&f->tar);
	MEMBER('0', "manifest.json", "[{\"Config\":\"../x\",\"Layers\":[\"/etc/shadow\"]}]");
	tar_end(&f->tar);
	refused(f, "", "not there");
	refused(f, "oci-archive:", "index.json");
	buf_clear(&f->tar);
	MEMBER('0', "manifest.json", "[{");
	tar_end(&f->tar);
	refused(f, "docker-archive:", "no valid JSON");
	assert_int_equal(open_as(f, ""), 0); /* a root with a file of that name */
	assert_int_equal(type_of(f, "/manifest.json"), 'f');
	assert_true(tkit_rootfs_open(&f->ctx, "/nowhere", NULL, &f->fs) < 0);
}

static void test_choosing(void **state)
{
	struct fixture *f = *state;

	ADD(0, '0', "one", "1");
	ADD(1, '0', "two", "2");
	for (int i = 0; i < 2; i++) {
		tar_end(&f->layers[i]);
		tar_add(&f->tar,
			(struct tm_){'0', i ? "b" : "a", f->layers[i].data, f->layers[i].size, 0});
	}
	MEMBER('0', "1.json", CONFIG);
	MEMBER('0', "2.json", "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{}}");
	MEMBER('0', "manifest.json",
	       "[{\"Config\":\"1.json\",\"RepoTags\":[\"x:1\"],\"Layers\":[\"a\"]},"
	       "{\"Config\":\"2.json\",\"RepoTags\":[\"docker.io/library/y:latest\"],"
	       "\"Layers\":[\"b\"]}]");
	tar_end(&f->tar);
	refused(f, "", "x:1 (linux/amd64), docker.io/library/y:latest (linux/amd64)");
	f->options.tag = "y";
	assert_int_equal(open_as(f, ""), 0);
	assert_string_equal(text_of(f, "/two"), "2");
	assert_string_equal(tkit_rootfs_config(f->fs)->name, "docker.io/library/y:latest");
	f->options.tag = "z";
	refused(f, "", "it has: x:1");
	f->options.tag = NULL;
	f->options.platform = "linux/arm64";
	refused(f, "", "it has: x:1");
}

static void test_config(void **state)
{
	struct fixture *f = *state;
	const struct tkit_image_config *c;

	ADD(0, '0', "one", "1");
	open_layers(
		f, 1,
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Env\":[\"A=b\",\"C=\"],"
		"\"Entrypoint\":[\"/e\"],\"Cmd\":null,\"User\":\"\",\"WorkingDir\":\"/w\","
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/v\":{}},\"Labels\":{\"k\":\"v\",\"a=b\\\\c\":\"d=e\"},"
		"\"StopSignal\":\"SIGQUIT\",\"Healthcheck\":{\"Test\":[\"CMD\",\"/h\"],"
		"\"Interval\":5000000000,\"Retries\":3}},"
		"\"history\":[{\"created_by\":\"first\"},{\"empty_layer\":true}]}");
	c = tkit_rootfs_config(f->fs);
	assert_string_equal(c->name, "x:1");
	assert_string_equal(c->architecture, "amd64");
	assert_int_equal(c->env.count, 2);
	assert_string_equal(c->env.items[1], "C=");
	assert_string_equal(c->entrypoint.items[0], "/e");
	assert_int_equal(c->cmd.count, 0);
	assert_null(c->user);
	assert_string_equal(c->workdir, "/w");
	assert_string_equal(c->expose.items[0], "80/tcp");
	assert_string_equal(c->volumes.items[0], "/v");
	assert_string_equal(c->labels.items[0], "k=v");
	assert_string_equal(c->labels.items[1], "a\\=b\\\\c=d=e");
	assert_string_equal(c->stopsignal, "SIGQUIT");
	assert_string_equal(c->health_test.items[1], "/h");
	assert_int_equal(c->health_interval_ns, 5000000000);
	assert_int_equal(c->health_retries, 3);
	assert_int_equal(c->history_count, 2);
	assert_string_equal(c->history[0].created_by, "first");
	assert_int_equal(c->history[0].empty_layer, 0);
	assert_int_equal(c->history[1].empty_layer, 1);
}

/* An image that says nothing of itself, and holds nothing. */
static void test_no_config(void **state)
{
	struct fixture *f = *state;

	MEMBER('0', "c.json", "{}");
	MEMBER('0', "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[]}]");
	tar_end(&f->tar);
	if (open_as(f, "docker-archive:") < 0)
		fail_msg("%s", err_text(&f->ctx.err));
	assert_non_null(tkit_rootfs_config(f->fs));
	assert_int_equal(type_of(f, "/"), 'd');
}

static void test_bad_config(void **state)
{
	struct fixture *f = *state;

	ADD(0, '0', "one", "1");
	tar_end(&f->layers[0]);
	tar_docker(&f->tar, f->layers, 1, "{\"config\":{\"Env\":[1]}}");
	refused(f, "", "Env");
}

/* The archive changes while it is open. */
static void test_changed(void **state)
{
	struct fixture *f = *state;

	MEMBER('0', "a", "content");
	open_tar(f);
	assert_string_equal(text_of(f, "/a"), "content");
	assert_int_equal(truncate(tree_path(&f->tree, "/x.tar"), 512), 0);
	assert_true(tkit_rootfs_openfile(f->fs, bytes_str("/a")) < 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whiteouts),     TEST(test_replacing),     TEST(test_hard_links),
		TEST(test_names),         TEST(test_metadata),      TEST(test_xattrs),
		TEST(test_hostile_names), TEST(test_hostile_links), TEST(test_limits),
		TEST(test_damaged),       TEST(test_choosing),      TEST(test_config),
		TEST(test_bad_config),    TEST(test_no_config),     TEST(test_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
