// SPDX-License-Identifier: MIT
/* The reader of archives: what it cannot do, and what its parent does not believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/imgconfig.h"
#include "rootfs/sandbox.h"
#include "rootfs/wire.h"

/* ---- the sandbox ---- */

static int refuse_open(void *arg)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd == -1 && errno == EACCES ? 0 : 1;
}

static int refuse_other_fds(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1) == -1 && errno == EBADF ? 0 : 1;
}

static int use_socket(void *arg)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 1 : 2;
}

static int use_exec(void *arg)
{
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int use_kill(void *arg)
{
	return kill(getppid(), 0) == 0 ? 1 : 2;
}

static int use_fork(void *arg)
{
	return fork() < 0 ? 1 : 2;
}

static int use_new_code(void *arg)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 1 : 2;
}

static int crash(void *arg)
{
	raise(SIGSEGV);
	return 0;
}

static int fail_plainly(void *arg)
{
	return 7;
}

/* Runs it; the cause, or "" for status 0. */
static const char *outcome(int (*run)(void *arg), void *arg)
{
	static char text[256];
	int keep[1] = {open("/dev/null", O_RDWR | O_CLOEXEC)};
	struct sandbox box = {
		.keep = keep, .keep_count = 1, .memory = 1 << 30, .file_size = 1 << 20};
	struct err err = ERR_INIT;
	pid_t pid = sandbox_start(&box, run, arg, &err);

	assert_true(pid > 0);
	text[0] = '\0';
	if (sandbox_wait(pid, &err) < 0)
		snprintf(text, sizeof(text), "%s", err_text(&err));
	err_done(&err);
	close(keep[0]);
	return text;
}

static void test_forbidden(void **state)
{
	int other = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	assert_string_equal(outcome(refuse_open, NULL), "");
	assert_string_equal(outcome(refuse_other_fds, &other), "");
	assert_non_null(strstr(outcome(use_socket, NULL), "forbids"));
	assert_non_null(strstr(outcome(use_exec, NULL), "forbids"));
	assert_non_null(strstr(outcome(use_new_code, NULL), "forbids"));
	if (!TKIT_SANITIZED) {
		assert_non_null(strstr(outcome(use_kill, NULL), "forbids"));
		assert_non_null(strstr(outcome(use_fork, NULL), "forbids"));
	}
	close(other);
}

static void test_failures(void **state)
{
	if (!TKIT_SANITIZED)
		assert_non_null(strstr(outcome(crash, NULL), "signal"));
	assert_non_null(strstr(outcome(fail_plainly, NULL), "status 7"));
}

/* ---- the tree on the wire ---- */

struct record {
	uint32_t parent, inode, name_len;
};

static const struct imgtree_inode dir = {.mode = S_IFDIR | 0755};
static const struct imgtree_inode file = {.mode = S_IFREG | 0644, .size = 10, .offset = 90};

static void put_root(struct buf *b)
{
	static const struct record root;

	buf_add(b, &root, sizeof(root));
	buf_add(b, &dir, sizeof(dir));
}

static void put(struct buf *b, uint32_t parent, uint32_t id, const char *name,
		const struct imgtree_inode *inode)
{
	struct record r = {parent, id, (uint32_t)strlen(name)};

	buf_add(b, &r, sizeof(r));
	buf_str(b, name);
	if (inode)
		buf_add(b, inode, sizeof(*inode));
}

static int take(struct buf *b, uint32_t count)
{
	static const uint64_t sizes[] = {100};
	static struct wire_in in;
	struct record end = {UINT32_MAX, count, 0};
	struct imgtree tree;
	int rc;

	buf_add(b, &end, sizeof(end));
	in = (struct wire_in){.fd = -1, .data = b->data, .size = b->size};
	assert_int_equal(imgtree_init(&tree, 100, 10000), 0);
	rc = wire_get_tree(&in, &tree, sizes, 1);
	imgtree_done(&tree);
	buf_clear(b);
	put_root(b);
	return rc;
}

static void test_wire(void **state)
{
	struct imgtree_inode bad = file;
	struct buf b = BUF_INIT;

	put_root(&b);
	put(&b, 0, 1, "d", &dir);
	put(&b, 1, 2, "f", &file);
	put(&b, 0, 2, "again", NULL);
	assert_int_equal(take(&b, 3), 0);
	put(&b, 0, 1, "d", &dir);
	assert_int_equal(take(&b, 7), -EBADMSG); /* wrong count */
	put(&b, 5, 1, "f", &file);
	assert_int_equal(take(&b, 2), -EBADMSG); /* no such parent */
	put(&b, 0, 9, "f", &file);
	assert_int_equal(take(&b, 2), -EBADMSG); /* no such inode */
	put(&b, 0, 0, "loop", NULL);
	assert_int_equal(take(&b, 1), -EBADMSG); /* a directory twice */
	put(&b, 0, 1, "f", &file);
	put(&b, 1, 2, "g", &file);
	assert_int_equal(take(&b, 3), -EBADMSG); /* below a file */
	put(&b, 0, 1, "f", &file);
	put(&b, 0, 2, "f", &file);
	assert_int_equal(take(&b, 3), -EBADMSG); /* twice the same name */
	for (const char *const *name = (const char *const[]){"..", ".", "a/b", "", NULL}; *name;
	     name++) {
		put(&b, 0, 1, *name, &file);
		assert_int_equal(take(&b, 2), -EBADMSG);
	}
	bad.offset = 91; /* past the file's end */
	put(&b, 0, 1, "f", &bad);
	assert_int_equal(take(&b, 2), -EBADMSG);
	bad.offset = UINT64_MAX - 4;
	put(&b, 0, 1, "f", &bad);
	assert_int_equal(take(&b, 2), -EBADMSG);
	bad = file;
	bad.file = 1;
	put(&b, 0, 1, "f", &bad);
	assert_int_equal(take(&b, 2), -EBADMSG);
	bad = file;
	bad.mode = S_IFSOCK;
	put(&b, 0, 1, "f", &bad);
	assert_int_equal(take(&b, 2), -EBADMSG);
	bad = file;
	bad.xattrs_len = 3;
	put(&b, 0, 1, "f", &bad);
	buf_add(&b, "\1\0", 3);
	assert_int_equal(take(&b, 2), -EBADMSG);
	buf_clear(&b);
	buf_add(&b, "cut", 3);
	assert_true(take(&b, 0) < 0);
	buf_done(&b);
}

static void test_records(void **state)
{
	struct imgconfig *config = NULL;
	struct buf b = BUF_INIT;

	imgconfig_add_name(&b, "name");
	b.data[0] = 99; /* no such key */
	assert_int_equal(imgconfig_new(&b, &config), -EBADMSG);
	imgconfig_add_name(&b, "name");
	b.size--; /* no NUL behind it */
	assert_int_equal(imgconfig_new(&b, &config), -EBADMSG);
	imgconfig_add_name(&b, "name");
	b.data[2] = 100; /* longer than what follows */
	assert_int_equal(imgconfig_new(&b, &config), -EBADMSG);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
