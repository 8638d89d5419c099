// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include <tkit/tkit.h>

#include "util/bytes.h"

static struct tkit_event event_of(const char *root, const char *base, const char *path)
{
	struct tkit_event ev;

	tkit_event_init(&ev, TKIT_EVENT_ACCESS);
	if (root) {
		ev.valid |= TKIT_V_ROOT;
		ev.root = bytes_str(root);
	}
	if (base) {
		ev.valid |= TKIT_V_BASE;
		ev.base = bytes_str(base);
	}
	if (path) {
		ev.valid |= TKIT_V_PATH;
		ev.path = bytes_str(path);
	}
	return ev;
}

static void check_abs(const char *root, const char *base, const char *path, const char *want)
{
	struct tkit_event ev = event_of(root, base, path);
	char buf[256];
	long n = tkit_event_abs(&ev, buf, sizeof(buf));

	assert_int_equal(n, want ? (long)strlen(want) : 0);
	if (want)
		assert_memory_equal(buf, want, strlen(want));
}

static void test_abs(void **state)
{
	check_abs(NULL, NULL, "/etc/passwd", "/etc/passwd");
	check_abs(NULL, "/home/u", "a/b", "/home/u/a/b");
	check_abs(NULL, "/", "a", "/a");
	check_abs(NULL, "/w", "./a//b/.", "/w/a/b");
	/* ".." is kept: /w/link/.. need not be /w */
	check_abs(NULL, "/w", "link/../x", "/w/link/../x");
	check_abs(NULL, NULL, "/", "/");
	check_abs(NULL, NULL, "//", "/");
	check_abs("/jail", NULL, "/etc/x", "/jail/etc/x");
	check_abs("/jail", "/jail/w", "x", "/jail/w/x");
	/* not known */
	check_abs(NULL, NULL, "a", NULL);
	check_abs(NULL, "/w", "", NULL);
	check_abs(NULL, "/w", NULL, NULL);
	check_abs(NULL, "pipe:[12]", "a", NULL);
}

static void test_abs_of_fd(void **state)
{
	struct tkit_event ev = event_of(NULL, "/usr/lib", "");
	char buf[64];

	ev.pflags = TKIT_P_FD;
	assert_int_equal(tkit_event_abs(&ev, buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "/usr/lib", 8);
	ev.pflags = TKIT_P_ABSTRACT;
	assert_int_equal(tkit_event_abs(&ev, buf, sizeof(buf)), 0);
}

static void test_abs_does_not_overrun(void **state)
{
	struct tkit_event ev = event_of(NULL, "/abc", "def");
	char buf[9];

	memset(buf, '!', sizeof(buf));
	assert_int_equal(tkit_event_abs(&ev, buf, 8), 8);
	assert_int_equal(tkit_event_abs(&ev, buf, 7), -ENAMETOOLONG);
	assert_int_equal(tkit_event_abs(&ev, buf, 0), -ENAMETOOLONG);
	assert_int_equal(buf[8], '!');
}

static void test_every_number_has_a_name(void **state)
{
	for (int op = 0; op < TKIT_OP_COUNT_; op++) {
		assert_non_null(tkit_op_name(op));
		assert_int_equal(tkit_op_by_name(tkit_op_name(op)), op);
		if (op)
			assert_int_not_equal(tkit_op_class(op), TKIT_CLASS_NONE);
	}
	for (int i = 0; i < TKIT_LOSS_COUNT_; i++) {
		assert_non_null(tkit_loss_name(i));
		assert_non_null(tkit_loss_help(i));
	}
	for (int i = 0; i < TKIT_CLASS_COUNT_; i++)
		assert_non_null(tkit_class_name(i));
	assert_null(tkit_op_name(TKIT_OP_COUNT_));
	assert_null(tkit_op_name(-1));
	assert_int_equal(tkit_op_by_name("nonsense"), -1);
	assert_string_equal(tkit_errno_name(ENOENT), "ENOENT");
	assert_null(tkit_errno_name(0));
}

static void test_table_is_sound(void **state)
{
	for (int arch = TKIT_ARCH_X86_64; arch <= TKIT_ARCH_AARCH64; arch++) {
		size_t count;
		const struct tkit_syscall *rows = tkit_syscalls(arch, &count);

		assert_true(count > 50);
		for (size_t i = 0; i < count; i++) {
			const struct tkit_syscall *s = &rows[i];

			assert_ptr_equal(tkit_syscall_by_nr(arch, s->nr), s);
			assert_ptr_equal(tkit_syscall_by_name(arch, s->name), s);
			if (i)
				assert_true(rows[i - 1].nr < s->nr);
			assert_int_not_equal(s->op, TKIT_OP_NONE);
			assert_true(s->path >= 0 || (s->bits & (TKIT_SYS_FD | TKIT_SYS_NOPATH)));
			assert_true(!(s->bits & TKIT_SYS_FD) || s->dirfd >= 0);
			assert_int_equal(s->op2 == TKIT_OP_NONE, s->path2 < 0);
		}
	}
	assert_null(tkit_syscall_by_nr(TKIT_ARCH_X86_64, -1));
	assert_null(tkit_syscall_by_nr(TKIT_ARCH_X86_64, 100000));
	assert_null(tkit_syscall_by_nr(99, 2));
}

static void test_native_numbers_are_those_of_libc(void **state)
{
	static const struct {
		const char *name;
		int nr;
	} samples[] = {{"openat", SYS_openat},       {"execve", SYS_execve},
		       {"statx", SYS_statx},         {"faccessat2", SYS_faccessat2},
		       {"openat2", SYS_openat2},     {"getdents64", SYS_getdents64},
		       {"renameat2", SYS_renameat2}, {"utimensat", SYS_utimensat},
		       {"connect", SYS_connect},     {"inotify_add_watch", SYS_inotify_add_watch}};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct tkit_syscall *s =
			tkit_syscall_by_name(tkit_native_arch(), samples[i].name);

		assert_non_null(s);
		assert_int_equal(s->nr, samples[i].nr);
	}
}

static void test_follow_rules(void **state)
{
	int arch = tkit_native_arch();
	const struct tkit_syscall *openat_row = tkit_syscall_by_name(arch, "openat");
	const struct tkit_syscall *statx_row = tkit_syscall_by_name(arch, "statx");
	const struct tkit_syscall *linkat_row = tkit_syscall_by_name(arch, "linkat");

	assert_false(tkit_syscall_nofollow(openat_row, O_RDONLY));
	assert_true(tkit_syscall_nofollow(openat_row, O_NOFOLLOW));
	assert_true(tkit_syscall_nofollow(openat_row, O_CREAT | O_EXCL));
	assert_false(tkit_syscall_nofollow(openat_row, O_EXCL));
	assert_false(tkit_syscall_nofollow(statx_row, 0));
	assert_true(tkit_syscall_nofollow(statx_row, AT_SYMLINK_NOFOLLOW));
	assert_true(tkit_syscall_nofollow(linkat_row, 0));
	assert_false(tkit_syscall_nofollow(linkat_row, AT_SYMLINK_FOLLOW));

	assert_true(tkit_syscall_names_fd(statx_row, AT_EMPTY_PATH, 0));
	assert_false(tkit_syscall_names_fd(statx_row, 0, 0));
	assert_true(tkit_syscall_names_fd(statx_row, AT_EMPTY_PATH, 1));
	assert_false(tkit_syscall_names_fd(openat_row, AT_EMPTY_PATH, 0));
	assert_true(tkit_syscall_names_fd(tkit_syscall_by_name(arch, "utimensat"), 0, 1));
	assert_true(tkit_syscall_names_fd(tkit_syscall_by_name(arch, "fchdir"), 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abs),
		cmocka_unit_test(test_abs_of_fd),
		cmocka_unit_test(test_abs_does_not_overrun),
		cmocka_unit_test(test_every_number_has_a_name),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_native_numbers_are_those_of_libc),
		cmocka_unit_test(test_follow_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
