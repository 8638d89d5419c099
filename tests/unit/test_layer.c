// SPDX-License-Identifier: MIT
/* The layer's tar, read back: nothing of a file's metadata is lost or made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "image/layer.h"
#include "scene.h"
#include "util/holes.h"

static void open_all(struct scene *s, const char *const *paths)
{
	struct feed *f = scene_run(s);

	for (; *paths; paths++)
		EV(f, TKIT_OP_STAT, *paths, .pflags = TKIT_P_NOFOLLOW);
	assert_int_equal(scene_close(s), 0);
}

static int write_tar(struct scene *s)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct archive *read_tar(int fd)
{
	struct archive *tar = archive_read_new();

	assert_int_equal(archive_read_support_format_tar(tar), ARCHIVE_OK);
	assert_int_equal(archive_read_open_fd(tar, fd, 10240), ARCHIVE_OK);
	return tar;
}

/* The member of that name; the archive stands behind its header. */
static struct archive *find(int fd, const char *name, struct archive_entry **ret_entry)
{
	struct archive *tar;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	tar = read_tar(fd);
	while (archive_read_next_header(tar, ret_entry) == ARCHIVE_OK)
		if (strcmp(archive_entry_pathname(*ret_entry), name) == 0)
			return tar;
	fail_msg("no member %s", name);
	return NULL;
}

/* As find(), of a member with so many xattrs. */
static struct archive *find_with_xattrs(int fd, const char *name, struct archive_entry **ret_entry,
					int count)
{
	struct archive *tar = find(fd, name, ret_entry);

	assert_int_equal(archive_entry_xattr_count(*ret_entry), count);
	return tar;
}

static void set_mtime(struct scene *s, const char *path, long sec, long nsec)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = sec, .tv_nsec = nsec}};

	assert_int_equal(utimensat(AT_FDCWD, tree_path(&s->tree, path), times, AT_SYMLINK_NOFOLLOW),
			 0);
}

static void test_metadata(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	char text[16];
	int fd;

	tree_file(&s->tree, "/bin/su", "program");
	assert_int_equal(chmod(tree_path(&s->tree, "/bin/su"), 06751), 0);
	set_mtime(s, "/bin/su", 1234567890, 123456789);
	tree_dir(&s->tree, "/tmp");
	assert_int_equal(chmod(tree_path(&s->tree, "/tmp"), 01777), 0);
	set_mtime(s, "/tmp", 1000000001, 7);
	tree_link(&s->tree, "/bin/su", "/link");
	set_mtime(s, "/link", 1000000002, 0);
	assert_int_equal(mkfifo(tree_path(&s->tree, "/fifo"), 0620), 0);
	assert_int_equal(chmod(tree_path(&s->tree, "/fifo"), 0620), 0);
	open_all(s, (const char *const[]){"/bin/su", "/tmp", "/link", "/fifo", NULL});
	fd = write_tar(s);
	tar = find(fd, "bin/su", &entry);
	assert_int_equal(archive_entry_mode(entry), S_IFREG | 06751);
	assert_int_equal(archive_entry_mtime(entry), 1234567890);
	assert_int_equal(archive_entry_mtime_nsec(entry), 123456789);
	assert_int_equal(archive_entry_uid(entry), getuid());
	assert_int_equal(archive_entry_gid(entry), getgid());
	assert_int_equal(archive_entry_size(entry), 7);
	assert_string_equal(archive_entry_uname(entry) ? archive_entry_uname(entry) : "", "");
	assert_false(archive_entry_atime_is_set(entry));
	assert_false(archive_entry_ctime_is_set(entry));
	assert_int_equal(archive_read_data(tar, text, sizeof(text)), 7);
	assert_memory_equal(text, "program", 7);
	archive_read_free(tar);
	tar = find(fd, "tmp/", &entry);
	assert_int_equal(archive_entry_mode(entry), S_IFDIR | 01777);
	assert_int_equal(archive_entry_mtime(entry), 1000000001);
	assert_int_equal(archive_entry_mtime_nsec(entry), 7);
	archive_read_free(tar);
	tar = find(fd, "link", &entry);
	assert_string_equal(archive_entry_symlink(entry), "/bin/su");
	assert_int_equal(archive_entry_mtime(entry), 1000000002);
	archive_read_free(tar);
	tar = find(fd, "fifo", &entry);
	assert_int_equal(archive_entry_mode(entry), S_IFIFO | 0620);
	archive_read_free(tar);
	tar = find(fd, "./", &entry);
	assert_int_equal(archive_entry_mode(entry), S_IFDIR | 0755);
	archive_read_free(tar);
	close(fd);
}

/* Numbers beyond what a plain header holds, too. */
static void test_owners(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	int fd;

	tree_file(&s->tree, "/data", "x");
	if (chown(tree_path(&s->tree, "/data"), 12345, 4000000000u) < 0) {
		print_message("skipped: not allowed to give a file away\n");
		skip();
	}
	open_all(s, (const char *const[]){"/data", NULL});
	fd = write_tar(s);
	tar = find(fd, "data", &entry);
	assert_int_equal(archive_entry_uid(entry), 12345);
	assert_int_equal(archive_entry_gid(entry), 4000000000u);
	archive_read_free(tar);
	close(fd);
}

static void test_hard_links(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	char other[4096];
	int fd;

	tree_file(&s->tree, "/bin/perl", "12345");
	tree_dir(&s->tree, "/alias");
	snprintf(other, sizeof(other), "%s", tree_path(&s->tree, "/alias/perl5"));
	assert_int_equal(link(tree_path(&s->tree, "/bin/perl"), other), 0);
	snprintf(other, sizeof(other), "%s", tree_path(&s->tree, "/not-in"));
	assert_int_equal(link(tree_path(&s->tree, "/bin/perl"), other), 0);
	open_all(s, (const char *const[]){"/bin/perl", "/alias/perl5", NULL});
	assert_int_equal(tkit_closure_bytes(s->closure), 5);
	fd = write_tar(s);
	tar = find(fd, "alias/perl5", &entry);
	assert_null(archive_entry_hardlink(entry));
	assert_int_equal(archive_entry_size(entry), 5);
	archive_read_free(tar);
	tar = find(fd, "bin/perl", &entry);
	assert_string_equal(archive_entry_hardlink(entry), "alias/perl5");
	archive_read_free(tar);
	close(fd);
}

static void test_xattrs(void **state)
{
	/* a version 2 capability set: cap_net_raw+ep */
	static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0x20};
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	const char *name;
	const void *value;
	size_t size;
	int fd, count = 0, privileged;

	tree_file(&s->tree, "/bin/ping", "x");
	if (setxattr(tree_path(&s->tree, "/bin/ping"), "user.b", "B\0B", 3, 0) < 0) {
		print_message("skipped: no user xattrs in the temporary directory\n");
		skip();
	}
	setxattr(tree_path(&s->tree, "/bin/ping"), "user.a", "A", 1, 0);
	setxattr(tree_path(&s->tree, "/bin/ping"), "user.overlay.origin", "no", 2, 0);
	privileged = setxattr(tree_path(&s->tree, "/bin/ping"), "security.capability", cap,
			      sizeof(cap), 0) == 0;
	if (!privileged)
		print_message("without file capabilities: not allowed to set them here\n");
	open_all(s, (const char *const[]){"/bin/ping", NULL});
	fd = write_tar(s);
	tar = find(fd, "bin/ping", &entry);
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		count++;
		if (strcmp(name, "user.b") == 0) {
			assert_int_equal(size, 3);
			assert_memory_equal(value, "B\0B", 3);
		} else if (strcmp(name, "security.capability") == 0) {
			assert_int_equal(size, sizeof(cap));
			assert_memory_equal(value, cap, size);
		} else {
			assert_string_equal(name, "user.a");
		}
	}
	assert_int_equal(count, 2 + privileged);
	archive_read_free(tar);
	close(fd);
}

/* They are the file's: told with its first name, and not again with the others. */
static void test_xattrs_of_links(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	char other[4096];
	int fd;

	tree_file(&s->tree, "/a", "x");
	if (setxattr(tree_path(&s->tree, "/a"), "user.a", "A", 1, 0) < 0) {
		print_message("skipped: no user xattrs in the temporary directory\n");
		skip();
	}
	snprintf(other, sizeof(other), "%s", tree_path(&s->tree, "/b"));
	assert_int_equal(link(tree_path(&s->tree, "/a"), other), 0);
	open_all(s, (const char *const[]){"/a", "/b", NULL});
	fd = write_tar(s);
	archive_read_free(find_with_xattrs(fd, "a", &entry, 1));
	archive_read_free(find_with_xattrs(fd, "b", &entry, 0));
	close(fd);
}

#define GIB (1ull << 30)

/* Gives the parent the layer's beginning: headers are what counts, not gigabytes of zeros. */
static void first_block(void *arg, const void *data, size_t size)
{
	(void)!write(*(int *)arg, data, size < PIPE_BUF ? size : PIPE_BUF);
	_exit(0);
}

/* The first file's size as a reader has it, and whether its plain header could hold it. */
static void test_large(void **state)
{
	static const uint64_t sizes[] = {8 * GIB - 1, 8 * GIB, 9 * GIB + 5};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct archive_entry *entry;
		struct archive *tar = archive_read_new();
		struct scene *s;
		void *scene = NULL;
		char head[PIPE_BUF];
		int status, fds[2];
		ssize_t size;
		pid_t pid;

		assert_int_equal(scene_setup(&scene), 0);
		s = scene;
		tree_file(&s->tree, "/large", "");
		assert_int_equal(truncate(tree_path(&s->tree, "/large"), (off_t)sizes[i]), 0);
		open_all(s, (const char *const[]){"/large", NULL});
		assert_int_equal(tkit_closure_bytes(s->closure), sizes[i]);
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			const struct layer_output out = {.fd = memfd_create("tar", MFD_CLOEXEC),
							 .format = LAYER_TAR,
							 .tap = first_block,
							 .arg = &fds[1]};

			layer_write(&s->ctx, s->closure, &out);
			_exit(1);
		}
		size = read(fds[0], head, sizeof(head));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_true(size > 0);
		assert_int_equal(archive_read_support_format_tar(tar), ARCHIVE_OK);
		assert_int_equal(archive_read_open_memory(tar, head, (size_t)size), ARCHIVE_OK);
		do
			assert_int_equal(archive_read_next_header(tar, &entry), ARCHIVE_OK);
		while (strcmp(archive_entry_pathname(entry), "large") != 0);
		assert_int_equal(archive_entry_size(entry), sizes[i]);
		assert_int_equal(memmem(head, (size_t)size, " size=", 6) != NULL,
				 sizes[i] >= 8 * GIB);
		archive_read_free(tar);
		close(fds[0]);
		close(fds[1]);
		scene_teardown(&scene);
	}
	(void)state;
}

#define LARGE (200u << 20)

/*
 * A file with holes: all of its bytes are in the layer, as such, for docker cannot save an image
 * whose layers say where holes are. What was written has holes in it, and says so of the file.
 */
static void test_holes(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	struct stat st;
	char *data = malloc(LARGE + 4);
	int fd, out;

	tree_file(&s->tree, "/holes", "head");
	fd = open(tree_path(&s->tree, "/holes"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "middle", 6, 77 << 20), 6);
	assert_int_equal(pwrite(fd, "tail", 4, LARGE), 4);
	close(fd);
	tree_file(&s->tree, "/empty", "");
	assert_int_equal(truncate(tree_path(&s->tree, "/empty"), LARGE), 0);
	open_all(s, (const char *const[]){"/holes", "/empty", NULL});
	out = write_tar(s);
	assert_int_equal(fstat(out, &st), 0);
	assert_true(st.st_size > 2 * (off_t)LARGE);
	assert_true(st.st_blocks < 20 << 11); /* MB */
	tar = find(out, "holes", &entry);
	assert_int_equal(archive_entry_sparse_count(entry), 0);
	assert_int_equal(archive_entry_size(entry), LARGE + 4);
	assert_int_equal(archive_read_data(tar, data, LARGE + 4), LARGE + 4);
	assert_memory_equal(data, "head\0", 5);
	assert_memory_equal(data + (77 << 20) - 1, "\0middle\0", 8);
	assert_memory_equal(data + LARGE - 1, "\0tail", 5);
	memset(data, 0, 4);
	memset(data + (77 << 20), 0, 6);
	assert_true(holes_zero(data, LARGE));
	archive_read_free(tar);
	tar = find(out, "empty", &entry);
	assert_int_equal(archive_read_data(tar, data, LARGE), LARGE);
	assert_true(holes_zero(data, LARGE));
	archive_read_free(tar);
	close(out);
	free(data);
}

/* Directories, then links, then files: each member's parents are there before it. */
static void test_order(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	char names[256] = "";
	struct feed *f;
	int fd;

	tree_file(&s->tree, "/usr/lib/x", "");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_file(&s->tree, "/a-file", "");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/lib/x");
	EV(f, TKIT_OP_OPEN, "/a-file");
	assert_int_equal(scene_close(s), 0);
	fd = write_tar(s);
	tar = read_tar(fd);
	while (archive_read_next_header(tar, &entry) == ARCHIVE_OK)
		strcat(strcat(names, archive_entry_pathname(entry)), " ");
	assert_string_equal(names, "./ usr/ usr/lib/ lib a-file usr/lib/x ");
	archive_read_free(tar);
	close(fd);
}

/* Names that are long, no UTF-8, or hostile to line-based tools. */
static void test_names(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	char name[256];
	int fd;

	memset(name, 'n', 240);
	name[0] = '/';
	name[240] = '\0';
	tree_file(&s->tree, name, "");
	tree_file(&s->tree, "/\xff\xfe", "");
	tree_file(&s->tree, "/gr\xc3\xbc\xc3\x9f", "");
	tree_file(&s->tree, "/new\nline", "");
	tree_link(&s->tree, "\xff/target", "/odd");
	open_all(s, (const char *const[]){name, "/\xff\xfe", "/gr\xc3\xbc\xc3\x9f", "/new\nline",
					  "/odd", NULL});
	fd = write_tar(s);
	archive_read_free(find(fd, name + 1, &entry));
	archive_read_free(find(fd, "\xff\xfe", &entry));
	archive_read_free(find(fd, "gr\xc3\xbc\xc3\x9f", &entry));
	archive_read_free(find(fd, "new\nline", &entry));
	archive_read_free(find(fd, "odd", &entry));
	close(fd);
}

/* The same tree and trace give the same bytes, also from a copy of the tree elsewhere. */
static void test_reproducible(void **state)
{
	static const char *const paths[] = {"/b/one", "/a/two", "/b/link", NULL};
	char *bytes[2];
	off_t sizes[2];

	for (int i = 0; i < 2; i++) {
		void *other = NULL;
		struct scene *s;
		int fd;

		assert_int_equal(scene_setup(&other), 0);
		s = other;
		/* made in another order: other inodes, another order in the directory */
		for (int k = 0; k < 2; k++)
			tree_file(&s->tree, paths[i ? 1 - k : k], k == i ? "one" : "two");
		tree_link(&s->tree, "one", "/b/link");
		set_mtime(s, "/b/one", 1, 0);
		set_mtime(s, "/a/two", 2, 0);
		set_mtime(s, "/b/link", 3, 0);
		set_mtime(s, "/a", 4, 0);
		set_mtime(s, "/b", 5, 0);
		set_mtime(s, "/", 6, 0);
		open_all(s, paths);
		fd = write_tar(s);
		sizes[i] = lseek(fd, 0, SEEK_END);
		bytes[i] = malloc((size_t)sizes[i]);
		assert_int_equal(pread(fd, bytes[i], (size_t)sizes[i], 0), sizes[i]);
		close(fd);
		scene_teardown(&other);
	}
	assert_int_equal(sizes[0], sizes[1]);
	assert_memory_equal(bytes[0], bytes[1], (size_t)sizes[0]);
	free(bytes[0]);
	free(bytes[1]);
	(void)state;
}

/* A root that changes between looking and reading is an error, never a wrong layer. */
static void test_changed(void **state)
{
	struct scene *s = *state;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	tree_file(&s->tree, "/log", "short");
	open_all(s, (const char *const[]){"/log", NULL});
	tree_file(&s->tree, "/log", "grown since then");
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), -ESTALE);
	assert_non_null(strstr(err_text(&s->ctx.err), "/log"));
	close(fd);
}

/* The same bytes, but another mode or owner than the image would get. */
static void test_metadata_changed(void **state)
{
	struct scene *s = *state;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	tree_file(&s->tree, "/bin/su", "program");
	open_all(s, (const char *const[]){"/bin/su", NULL});
	assert_int_equal(chmod(tree_path(&s->tree, "/bin/su"), 04755), 0);
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), -ESTALE);
	close(fd);
}

/* Devices outside /dev are made as they are; who may not make one here cannot tell. */
static void test_devices(void **state)
{
	struct scene *s = *state;
	struct archive_entry *entry;
	struct archive *tar;
	int fd;

	tree_dir(&s->tree, "/jail/dev");
	if (mknod(tree_path(&s->tree, "/jail/dev/null"), S_IFCHR | 0666, makedev(1, 3)) < 0) {
		print_message("skipped: not allowed to make a device\n");
		skip();
	}
	open_all(s, (const char *const[]){"/jail/dev/null", NULL});
	fd = write_tar(s);
	tar = find(fd, "jail/dev/null", &entry);
	assert_int_equal(archive_entry_filetype(entry), S_IFCHR);
	assert_int_equal(archive_entry_rdevmajor(entry), 1);
	assert_int_equal(archive_entry_rdevminor(entry), 3);
	archive_read_free(tar);
	close(fd);
}

/* But what the run itself writes to goes on, and is taken as it is. */
static void test_written(void **state)
{
	static const char *const later[] = {"grown since then, by a whole line", "cut"};
	struct scene *s = *state;
	struct feed *f;

	tree_file(&s->tree, "/log", "short");
	tree_file(&s->tree, "/held", "short");
	tree_file(&s->tree, "/read", "short");
	f = scene_run(s);
	EV(f, TKIT_OP_OPEN, "/log", .resolved = "/log", .flags = O_WRONLY | O_APPEND);
	EV(f, TKIT_OP_HELD, NULL, .resolved = "/held", .flags = O_RDWR);
	EV(f, TKIT_OP_OPEN, "/read", .resolved = "/read", .flags = O_RDONLY);
	assert_int_equal(scene_close(s), 0);
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		int fd = memfd_create("tar", MFD_CLOEXEC);
		char text[65536];
		ssize_t n;

		tree_file(&s->tree, "/log", later[i]);
		tree_file(&s->tree, "/held", later[i]);
		assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), 0);
		n = pread(fd, text, sizeof(text), 0);
		assert_true(n > 0);
		assert_non_null(memmem(text, (size_t)n, later[i], strlen(later[i]) + 1));
		assert_int_equal(scene_find(s, "/held")->st.st_size, strlen(later[i]));
		close(fd);
	}
	tree_file(&s->tree, "/read", later[0]);
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, -1), -ESTALE);
	assert_non_null(strstr(err_text(&s->ctx.err), "/read"));
}

static void test_gone(void **state)
{
	struct scene *s = *state;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	tree_file(&s->tree, "/log", "short");
	open_all(s, (const char *const[]){"/log", NULL});
	unlink(tree_path(&s->tree, "/log"));
	assert_true(tkit_closure_write_tar(&s->ctx, s->closure, fd) < 0);
	assert_non_null(strstr(err_text(&s->ctx.err), "/log"));
	close(fd);
}

static void test_full_disk(void **state)
{
	struct scene *s = *state;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	tree_file(&s->tree, "/file", "x");
	open_all(s, (const char *const[]){"/file", NULL});
	assert_int_equal(tkit_closure_write_tar(&s->ctx, s->closure, fd), -ENOSPC);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_metadata),
		TEST(test_owners),
		TEST(test_hard_links),
		TEST(test_xattrs),
		TEST(test_xattrs_of_links),
		cmocka_unit_test(test_large),
		TEST(test_order),
		TEST(test_names),
		cmocka_unit_test(test_reproducible),
		TEST(test_changed),
		TEST(test_gone),
		TEST(test_full_disk),
		TEST(test_holes),
		TEST(test_metadata_changed),
		TEST(test_devices),
		TEST(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
