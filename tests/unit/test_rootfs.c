// SPDX-License-Identifier: MIT
/* Root file systems: nothing leads out, symlinks as the kernel follows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "plugin/ctx.h"
#include "rootfs/rootfs.h"
#include "tree.h"
#include "util/buf.h"
#include "util/bytes.h"

struct fixture {
	struct tree tree;
	struct tkit_rootfs *fs;
	struct tkit_ctx ctx;
	char links[1024];
};

static void note_link(void *arg, struct tkit_bytes link)
{
	struct fixture *f = arg;
	size_t n = strlen(f->links);

	snprintf(f->links + n, sizeof(f->links) - n, "%.*s ", (int)link.len, link.ptr);
}

/* Resolves and returns the canonical path, or the errno's name. */
static const char *resolve_as(struct fixture *f, const char *path, int nofollow)
{
	static char buf[8192];
	long n;

	f->links[0] = '\0';
	n = tkit_rootfs_resolve(f->fs, bytes_str(path), nofollow, buf, sizeof(buf) - 1, note_link,
				f);
	if (n < 0)
		return tkit_errno_name((int)-n);
	buf[n] = '\0';
	return buf;
}

static const char *resolve(struct fixture *f, const char *path)
{
	return resolve_as(f, path, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->ctx.name = "test";
	if (tree_new(&f->tree) < 0)
		return -1;
	tree_file(&f->tree, "/usr/lib/libz.so.1.2.13", "z");
	tree_link(&f->tree, "usr/lib", "/lib");
	tree_link(&f->tree, "libz.so.1.2.13", "/usr/lib/libz.so.1");
	tree_link(&f->tree, "libz.so.1", "/usr/lib/libz.so");
	tree_link(&f->tree, "/usr/lib/libz.so", "/etc/abs");
	tree_file(&f->tree, "/etc/passwd", "inside");
	tree_link(&f->tree, "../../../../../../../../etc/passwd", "/etc/escape");
	tree_link(&f->tree, "loop-b", "/etc/loop-a");
	tree_link(&f->tree, "loop-a", "/etc/loop-b");
	tree_link(&f->tree, "/nowhere/at/all", "/etc/dangling");
	tree_link(&f->tree, "/etc/", "/etc-slash");
	return tkit_rootfs_open_dir(&f->ctx, f->tree.dir, &f->fs);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tkit_rootfs_free(f->fs);
	tree_done(&f->tree);
	ctx_done(&f->ctx);
	free(f);
	return 0;
}

static void test_plain(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(resolve(f, "/"), "/");
	assert_string_equal(resolve(f, "/etc/passwd"), "/etc/passwd");
	assert_string_equal(resolve(f, "//etc/./../etc//passwd"), "/etc/passwd");
	assert_string_equal(resolve(f, "/../../etc/passwd"), "/etc/passwd");
	assert_string_equal(resolve(f, "/etc/nothing"), "ENOENT");
	assert_string_equal(resolve(f, "/etc/passwd/x"), "ENOTDIR");
	assert_string_equal(resolve(f, "/etc/passwd/"), "ENOTDIR");
	assert_string_equal(resolve(f, "/etc/passwd/."), "ENOTDIR");
	assert_string_equal(resolve(f, "/etc/passwd/.."), "ENOTDIR");
	assert_string_equal(resolve(f, ""), "ENOENT");
	assert_string_equal(resolve(f, "etc"), "EINVAL");
}

static void test_symlinks(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(resolve(f, "/lib/libz.so"), "/usr/lib/libz.so.1.2.13");
	assert_string_equal(f->links, "/lib /usr/lib/libz.so /usr/lib/libz.so.1 ");
	assert_string_equal(resolve(f, "/etc/abs"), "/usr/lib/libz.so.1.2.13");
	assert_string_equal(f->links, "/etc/abs /usr/lib/libz.so /usr/lib/libz.so.1 ");
	assert_string_equal(resolve_as(f, "/lib/libz.so", 1), "/usr/lib/libz.so");
	assert_string_equal(f->links, "/lib ");
	/* a slash behind it follows, whatever was asked for */
	assert_string_equal(resolve_as(f, "/lib/", 1), "/usr/lib");
	assert_string_equal(resolve(f, "/etc-slash"), "/etc");
	assert_string_equal(resolve(f, "/etc-slash/passwd"), "/etc/passwd");
	/* ".." behind a symlink leaves where the link led to */
	assert_string_equal(resolve(f, "/lib/../lib/libz.so.1.2.13"), "/usr/lib/libz.so.1.2.13");
}

static void test_hostile_links(void **state)
{
	struct fixture *f = *state;
	char chain[64], target[64];

	assert_string_equal(resolve(f, "/etc/escape"), "/etc/passwd");
	assert_string_equal(resolve(f, "/etc/loop-a"), "ELOOP");
	assert_string_equal(resolve(f, "/etc/dangling"), "ENOENT");
	assert_string_equal(f->links, "/etc/dangling ");
	assert_string_equal(resolve_as(f, "/etc/dangling", 1), "/etc/dangling");
	/* the kernel's budget: 40 links, not 41 */
	tree_file(&f->tree, "/chain0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(chain, sizeof(chain), "/chain%d", i);
		snprintf(target, sizeof(target), "chain%d", i - 1);
		tree_link(&f->tree, target, chain);
	}
	assert_string_equal(resolve(f, "/chain40"), "/chain0");
	assert_string_equal(resolve(f, "/chain41"), "ELOOP");
}

static void test_steps(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char buf[64];

	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/etc/abs"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	/* parents must be real directories */
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/lib/libz.so.1"), &st), -ENOTDIR);
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/etc/passwd/x"), &st), -ENOTDIR);
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/etc/../etc"), &st), -EINVAL);
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/../etc"), &st), -EINVAL);
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/etc/"), &st), -EINVAL);
	assert_int_equal(tkit_rootfs_lstat(f->fs, BYTES("/e\0tc", 5), &st), -EINVAL);
	assert_int_equal(tkit_rootfs_readlink(f->fs, bytes_str("/lib"), buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "usr/lib", 7);
	assert_int_equal(tkit_rootfs_readlink(f->fs, bytes_str("/lib"), buf, 6), -ENAMETOOLONG);
	assert_int_equal(tkit_rootfs_readlink(f->fs, bytes_str("/etc"), buf, 6), -EINVAL);
}

static void test_openfile(void **state)
{
	struct fixture *f = *state;
	char buf[16];
	int fd = tkit_rootfs_openfile(f->fs, bytes_str("/etc/passwd"));

	assert_true(fd >= 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "inside", 6);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	/* a FIFO would block for ever, a device may do anything */
	assert_int_equal(mkfifo(tree_path(&f->tree, "/fifo"), 0600), 0);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/fifo")), -EINVAL);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/etc/escape")), -ELOOP);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/lib/libz.so.1.2.13")), -ENOTDIR);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/etc")), -EISDIR);
	assert_int_equal(tkit_rootfs_openfile(f->fs, bytes_str("/none")), -ENOENT);
}

/* 40 directories of 200 bytes: longer than any path the kernel takes at once. */
static void test_long_paths(void **state)
{
	struct fixture *f = *state;
	char name[201], *path = calloc(1, 16384);
	int fd = open(f->tree.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	memset(name, 'x', 200);
	name[200] = '\0';
	for (int i = 0; i < 40; i++) {
		int next;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
		strcat(strcat(path, "/"), name);
		assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str(path), &st), 0);
	}
	close(fd);
	assert_string_equal(resolve(f, path), path);
	strcat(path, "/none");
	assert_string_equal(resolve(f, path), "ENOENT");
	free(path);
	/* one component too long */
	path = calloc(1, 5001);
	memset(path, 'y', 5000);
	path[0] = '/';
	assert_string_equal(resolve(f, path), "ENAMETOOLONG");
	free(path);
}

static void test_without_openat2(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	rootfs_dir_no_openat2(f->fs);
	test_plain(state);
	test_symlinks(state);
	test_openfile(state);
	test_long_paths(state);
	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str("/lib/libz.so.1"), &st), -ENOTDIR);
}

/* What a chrooted process sees: its own root, which absolute links do not leave. */
static void test_inner_root(void **state)
{
	struct fixture *f = *state;
	struct rootfs_walk walk = {.root = bytes_str("/jail")};
	struct buf out = BUF_INIT;

	tree_file(&f->tree, "/jail/etc/passwd", "jailed");
	tree_link(&f->tree, "/etc/passwd", "/jail/link");
	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/link"), &out), 0);
	assert_int_equal(out.size, strlen("/jail/etc/passwd"));
	assert_memory_equal(out.data, "/jail/etc/passwd", out.size);
	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/../../lib"), &out), -ENOENT);
	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/.."), &out), 0);
	assert_int_equal(out.size, strlen("/jail"));
	buf_done(&out);
}

/* On failure, what there was on the way. */
static void test_deepest(void **state)
{
	struct fixture *f = *state;
	struct rootfs_walk walk = {0};
	struct buf out = BUF_INIT;

	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/lib/no/more"), &out), -ENOENT);
	assert_int_equal(out.size, 8);
	assert_memory_equal(out.data, "/usr/lib", 8);
	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/etc/passwd/x"), &out), -ENOTDIR);
	assert_int_equal(out.size, 11);
	assert_memory_equal(out.data, "/etc/passwd", 11);
	assert_int_equal(rootfs_resolve(f->fs, &walk, bytes_str("/none"), &out), -ENOENT);
	assert_int_equal(out.size, 1);
	buf_done(&out);
}

static int add_name(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct buf *names = arg;

	assert_true(type != 0 || name.len);
	buf_add(names, name.ptr, name.len);
	buf_char(names, ' ');
	return 0;
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct buf names = BUF_INIT;

	assert_int_equal(rootfs_list(f->fs, bytes_str("/usr"), add_name, &names), 0);
	assert_int_equal(names.size, 4);
	assert_memory_equal(names.data, "lib ", 4);
	assert_int_equal(rootfs_list(f->fs, bytes_str("/lib"), add_name, &names), -ENOTDIR);
	assert_int_equal(rootfs_list(f->fs, bytes_str("/none"), add_name, &names), -ENOENT);
	buf_done(&names);
}

/* What the kernel makes up (N/exe leads to a program) is not part of a root, wherever it lies. */
static void test_list_made_up(void **state)
{
	struct fixture *f = *state;
	struct tkit_rootfs *fs = NULL;
	struct buf names = BUF_INIT;

	assert_int_equal(tkit_rootfs_open_dir(&f->ctx, "/", &fs), 0);
	assert_int_equal(rootfs_list(fs, bytes_str("/proc"), add_name, &names), 0);
	assert_int_equal(rootfs_list(fs, bytes_str("/proc/sys"), add_name, &names), 0);
	assert_int_equal(names.size, 0);
	tkit_rootfs_free(fs);
	buf_done(&names);
}

static void test_xattrs(void **state)
{
	struct fixture *f = *state;
	char buf[256];
	struct tkit_bytes path = bytes_str("/etc/passwd");

	if (setxattr(tree_path(&f->tree, "/etc/passwd"), "user.note", "v\0w", 3, 0) < 0) {
		print_message("skipped: no user xattrs in the temporary directory\n");
		skip();
	}
	assert_true(f->fs->ops->listxattr(f->fs, path, buf, sizeof(buf)) >= 10);
	assert_int_equal(f->fs->ops->getxattr(f->fs, path, "user.note", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "v\0w", 3);
	/* of the link itself, not of its target */
	assert_int_equal(
		f->fs->ops->getxattr(f->fs, bytes_str("/etc/escape"), "user.note", buf, 16),
		-ENODATA);
}

static void test_bad_root(void **state)
{
	struct fixture *f = *state;
	struct tkit_rootfs *fs = NULL;

	assert_int_equal(tkit_rootfs_open_dir(&f->ctx, tree_path(&f->tree, "/etc/passwd"), &fs),
			 -ENOTDIR);
	assert_null(fs);
	assert_non_null(strstr(err_text(&f->ctx.err), "opening root"));
	tkit_rootfs_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),      TEST(test_symlinks),     TEST(test_hostile_links),
		TEST(test_steps),      TEST(test_openfile),     TEST(test_long_paths),
		TEST(test_list),       TEST(test_list_made_up), TEST(test_without_openat2),
		TEST(test_inner_root), TEST(test_deepest),      TEST(test_xattrs),
		TEST(test_bad_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
