// SPDX-License-Identifier: MIT
/* Paths in the target's root, script interpreters, opening inside a root, the process tree. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tkit/backend.h>

#include "session/inroot.h"
#include "session/tree.h"
#include "util/procfs.h"

static void test_target_path(void **state)
{
	struct tkit_target target = {.root = "/"};

	assert_string_equal(tkit_target_path(&target, "/etc/passwd"), "/etc/passwd");
	assert_string_equal(tkit_target_path(&target, "/"), "/");
	assert_null(tkit_target_path(&target, "pipe:[12]"));
	target.root = "/srv/root";
	assert_string_equal(tkit_target_path(&target, "/srv/root/etc"), "/etc");
	assert_string_equal(tkit_target_path(&target, "/srv/root"), "/");
	assert_string_equal(tkit_target_path(&target, "/srv/root/"), "/");
	assert_null(tkit_target_path(&target, "/srv/roots/etc"));
	assert_null(tkit_target_path(&target, "/srv"));
	assert_null(tkit_target_path(&target, "/etc"));
	target.root = "/srv/root/";
	assert_string_equal(tkit_target_path(&target, "/srv/root/etc"), "/etc");
}

/* ---- a root directory with traps ---- */

struct root {
	char dir[64];
	int fd;
};

static void put(const struct root *root, const char *name, const char *text)
{
	int fd = openat(root->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void put_link(const struct root *root, const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, root->fd, name), 0);
}

static int make_root(void **state)
{
	struct root *root = calloc(1, sizeof(*root));

	strcpy(root->dir, "/tmp/tkit-root-XXXXXX");
	if (!mkdtemp(root->dir))
		return -1;
	root->fd = open(root->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root->fd, "a", 0755);
	mkdirat(root->fd, "a/b", 0755);
	put(root, "file", "top");
	put(root, "a/b/file", "deep");
	put_link(root, "/a/b", "abs");
	put_link(root, "b/file", "a/rel");
	put_link(root, "../../../../../file", "a/b/up");
	put_link(root, "/etc/passwd", "escape");
	put_link(root, "loop2", "loop1");
	put_link(root, "loop1", "loop2");
	put_link(root, "missing", "dangling");
	mkfifoat(root->fd, "fifo", 0644);
	*state = root;
	return 0;
}

static int remove_root(void **state)
{
	struct root *root = *state;
	char command[128];

	close(root->fd);
	snprintf(command, sizeof(command), "rm -rf %s", root->dir);
	if (system(command) != 0)
		return -1;
	free(root);
	return 0;
}

typedef int (*opener)(int root_fd, const char *path, int flags);

static void check_content(const struct root *root, opener open_fn, const char *path,
			  const char *text)
{
	char buf[16] = "";
	int fd = open_fn(root->fd, path, O_RDONLY);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, text);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void check_opener(const struct root *root, opener open_fn)
{
	int fd;

	check_content(root, open_fn, "/file", "top");
	check_content(root, open_fn, "file", "top");
	check_content(root, open_fn, "//./a/../file", "top");
	check_content(root, open_fn, "/../../../file", "top");
	check_content(root, open_fn, "/abs/file", "deep");
	check_content(root, open_fn, "/abs/../b/file", "deep");
	check_content(root, open_fn, "/a/rel", "deep");
	check_content(root, open_fn, "/a/b/up", "top");
	assert_int_equal(open_fn(root->fd, "/escape", O_RDONLY), -ENOENT);
	assert_int_equal(open_fn(root->fd, "/loop1", O_RDONLY), -ELOOP);
	assert_int_equal(open_fn(root->fd, "/dangling", O_RDONLY), -ENOENT);
	assert_int_equal(open_fn(root->fd, "/file/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_fn(root->fd, "", O_RDONLY), -ENOENT);
	fd = open_fn(root->fd, "/dangling", O_PATH | O_NOFOLLOW);
	assert_true(fd >= 0);
	close(fd);
	fd = open_fn(root->fd, "/", O_PATH);
	assert_true(fd >= 0);
	close(fd);
}

static void test_inroot(void **state)
{
	check_opener(*state, inroot_open);
}

static void test_inroot_walk(void **state)
{
	check_opener(*state, inroot_walk);
}

static void test_open_file(void **state)
{
	const struct root *root = *state;
	int fd = inroot_open_file(root->fd, "/abs/file");

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(inroot_open_file(root->fd, "/fifo"), -EINVAL); /* does not hang */
	assert_int_equal(inroot_open_file(root->fd, "/a"), -EINVAL);
	assert_int_equal(inroot_open_file(root->fd, "/no"), -ENOENT);
}

struct names {
	char text[512];
};

static void add_name(void *arg, const char *interpreter, size_t len)
{
	struct names *names = arg;
	size_t have = strlen(names->text);

	snprintf(names->text + have, sizeof(names->text) - have, "%.*s|", (int)len, interpreter);
}

static int interpreters(const struct root *root, const char *path, struct names *names)
{
	names->text[0] = '\0';
	return tkit_script_interpreters(root->fd, path, add_name, names);
}

static void test_interpreters(void **state)
{
	const struct root *root = *state;
	struct names names;
	char name[16], text[32];

	put(root, "elf", "\177ELF");
	put(root, "s1", "#!/elf -x\nmore");
	put(root, "s2", "#! /s1\n");
	put(root, "rel", "#!bin/sh\n");
	put(root, "lost", "#!/nowhere\n");
	put(root, "empty", "");
	put_link(root, "/s2", "link");
	assert_int_equal(interpreters(root, "/elf", &names), 0);
	assert_int_equal(interpreters(root, "/empty", &names), 0);
	assert_int_equal(interpreters(root, "/s1", &names), 1);
	assert_string_equal(names.text, "/elf|");
	assert_int_equal(interpreters(root, "/s2", &names), 2);
	assert_string_equal(names.text, "/s1|/elf|");
	assert_int_equal(interpreters(root, "/link", &names), 2);
	assert_int_equal(interpreters(root, "/rel", &names), 1);
	assert_string_equal(names.text, "bin/sh|");
	assert_int_equal(interpreters(root, "/lost", &names), 1);
	assert_int_equal(interpreters(root, "/not-there", &names), -ENOENT);
	assert_int_equal(interpreters(root, "/fifo", &names), -EINVAL);
	for (int i = 0; i < 9; i++) { /* a chain that is too deep, and ends all the same */
		snprintf(name, sizeof(name), "c%d", i);
		snprintf(text, sizeof(text), "#!/c%d\n", i + 1);
		put(root, name, text);
	}
	assert_int_equal(interpreters(root, "/c0", &names), 5);
	put(root, "self", "#!/self\n");
	assert_int_equal(interpreters(root, "/self", &names), 5);
}

/* ---- the process tree ---- */

static void feed(struct tree *tree, int type, int pid)
{
	struct tkit_event event;
	struct tkit_batch batch = {.count = 1, .stride = sizeof(event), .events = &event};

	tkit_event_init(&event, type);
	event.valid = TKIT_V_PID;
	event.pid = pid;
	tree_observe(tree, &batch);
}

static void test_tree(void **state)
{
	struct tree tree;

	assert_int_equal(tree_init(&tree, 100), 0);
	assert_int_equal(tree_others(&tree), 0);
	feed(&tree, TKIT_EVENT_FORK, 101);
	feed(&tree, TKIT_EVENT_FORK, 101); /* a second backend tells the same */
	feed(&tree, TKIT_EVENT_FORK, 102);
	assert_int_equal(tree_others(&tree), 2);
	feed(&tree, TKIT_EVENT_EXIT, 100);
	assert_true(tree_root_gone(&tree));
	feed(&tree, TKIT_EVENT_EXIT, 101);
	feed(&tree, TKIT_EVENT_EXIT, 101);
	assert_int_equal(tree_others(&tree), 1);
	feed(&tree, TKIT_EVENT_FORK, -5);
	feed(&tree, TKIT_EVENT_FORK, 2000000000);
	feed(&tree, TKIT_EVENT_EXIT, 102);
	assert_int_equal(tree_others(&tree), 0);
	tree_done(&tree);
}

static void count_child(void *arg, pid_t pid, pid_t parent)
{
	assert_int_equal(parent, getpid());
	++*(int *)arg;
}

/* The exit event of a process was lost: /proc tells. */
static void test_tree_prune(void **state)
{
	struct tree tree;
	int fds[2], status, children = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char byte;

		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(tree_init(&tree, getpid()), 0);
	tree_add(&tree, pid);
	assert_int_equal(tree_prune(&tree), 1);
	assert_false(tree_root_gone(&tree));
	assert_int_equal(procfs_descendants(getpid(), count_child, &children), 1);
	assert_int_equal(children, 1);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(procfs_alive(pid));
	assert_int_equal(tree_prune(&tree), 0);
	tree_done(&tree);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target_path),
		cmocka_unit_test_setup_teardown(test_inroot, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_inroot_walk, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_open_file, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_interpreters, make_root, remove_root),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
