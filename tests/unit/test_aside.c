// SPDX-License-Identifier: MIT
/* What is made beside its place: put there whole, or nothing stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "cli/aside.h"
#include "tree.h"
#include "util/cleanup.h"

static struct tree tree;

static int setup(void **state)
{
	return tree_new(&tree);
}

static int teardown(void **state)
{
	tree_done(&tree);
	return 0;
}

/* Names in the directory; hidden ones only with `hidden`. */
static int names(bool hidden)
{
	_cleanup_closedir_ DIR *dir = opendir(tree.dir);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			 hidden == (entry->d_name[0] == '.');
	return count;
}

static struct aside *make(const char *name, bool folder)
{
	struct aside *aside = NULL;

	assert_int_equal(aside_new(tree_path(&tree, name), folder, &aside), 0);
	return aside;
}

static void put_file(const struct aside *folder, const char *name)
{
	int fd = openat(aside_fd(folder), name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* A process that has a folder with a file, and a file with a name; then that signal. */
static int killed_by(int sig)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		put_file(make("/out", true), "part");
		make("/file", false);
		raise(sig);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_file(void **state)
{
	struct aside *aside = make("/file", false);

	assert_int_equal(write(aside_fd(aside), "new", 3), 3);
	assert_int_equal(names(false), 0);
	assert_int_equal(aside_place_file(aside), 0);
	aside_free(aside);
	assert_int_equal(names(false), 1);
	assert_int_equal(names(true), 0);
	aside = make("/file", false);
	assert_int_equal(aside_place_file(aside), 0); /* over what is there */
	aside_free(aside);
	aside_free(make("/file", false)); /* thrown away */
	assert_int_equal(names(false), 1);
	assert_int_equal(names(true), 0);
}

static void test_folder(void **state)
{
	struct aside *aside = make("/out/", true);

	put_file(aside, "a");
	assert_int_equal(names(false), 0);
	assert_int_equal(aside_place_folder(aside, false), 0);
	aside_free(aside);
	aside = make("/out", true);
	put_file(aside, "b");
	assert_int_equal(aside_place_folder(aside, false), -ENOTEMPTY);
	assert_int_equal(aside_place_folder(aside, true), 0);
	aside_free(aside);
	assert_int_equal(access(tree_path(&tree, "/out/b"), F_OK), 0);
	assert_int_equal(access(tree_path(&tree, "/out/a"), F_OK), -1);
	assert_int_equal(names(true), 0);
	assert_int_equal(aside_new(tree_path(&tree, "/none/x"), true, &aside), -ENOENT);
	assert_int_equal(aside_new(tree_path(&tree, "/none/x"), false, &aside), -ENOENT);
}

/* A name longer than file systems have room for the temporary one. */
static void test_long_name(void **state)
{
	char name[300] = "/";

	memset(name + 1, 'n', 255);
	for (int folder = 0; folder < 2; folder++) {
		struct aside *aside = make(name, folder);

		assert_int_equal(
			folder ? aside_place_folder(aside, false) : aside_place_file(aside), 0);
		aside_free(aside);
		assert_int_equal(remove(tree_path(&tree, name)), 0);
	}
}

static void test_killed(void **state)
{
	assert_int_equal(killed_by(SIGKILL), SIGKILL);
	assert_int_equal(names(true), 1); /* the folder; the file had no name */
	aside_free(make("/other", true));
	assert_int_equal(names(true), 1);
	aside_free(make("/out", true));
	assert_int_equal(names(true), 0);
	assert_int_equal(killed_by(SIGTERM), SIGTERM);
	assert_int_equal(names(true), 0);
	assert_int_equal(killed_by(SIGINT), SIGINT);
	assert_int_equal(names(true), 0);
}

/* Signals are as they were when nothing is open any more. */
static void test_signals(void **state)
{
	struct sigaction action;

	signal(SIGHUP, SIG_IGN);
	aside_free(make("/out", true));
	assert_int_equal(sigaction(SIGTERM, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(sigaction(SIGHUP, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_IGN);
	signal(SIGHUP, SIG_DFL);
}

/* Two at the same time: neither takes the other for a leftover. */
static void test_alive(void **state)
{
	struct aside *one = make("/out", true), *two;

	put_file(one, "1");
	two = make("/out", true);
	assert_int_equal(names(true), 2);
	put_file(two, "2");
	assert_int_equal(aside_place_folder(one, false), 0);
	aside_free(one);
	assert_int_equal(aside_place_folder(two, true), 0);
	aside_free(two);
	assert_int_equal(access(tree_path(&tree, "/out/2"), F_OK), 0);
	assert_int_equal(names(true), 0);
}

/* Looks like one, but no tkit made it so. */
static void test_not_ours(void **state)
{
	tree_dir(&tree, "/.out.tkit-abc123/sub");
	tree_file(&tree, "/.out.tkit-abc123/file", "");
	tree_dir(&tree, "/.out.backup");
	tree_dir(&tree, "/.out.tkit-abc1234");
	tree_dir(&tree, "/.out.tkit-ABC123");
	aside_free(make("/out", true));
	assert_int_equal(names(true), 4);
	assert_int_equal(access(tree_path(&tree, "/.out.tkit-abc123/file"), F_OK), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file),    TEST(test_folder), TEST(test_long_name), TEST(test_killed),
		TEST(test_signals), TEST(test_alive),  TEST(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
