// SPDX-License-Identifier: MIT
/* tkit bench: counting in what other tracers print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/bench.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define TOKEN "tkb1_open_"

static struct tally of_lines(tally_line count, const char *const *lines)
{
	struct tally tally = {0};

	for (; *lines; lines++)
		count(&tally, bytes_str(*lines), TOKEN);
	return tally;
}

static void assert_tally(struct tally got, uint64_t all, uint64_t opens, uint64_t opened)
{
	assert_int_equal(got.all, all);
	assert_int_equal(got.opens, opens);
	assert_int_equal(got.opened, opened);
	assert_int_equal(tally_of(&got, BENCH_ALL), all);
	assert_int_equal(tally_of(&got, BENCH_OPENS), opens);
	assert_int_equal(tally_of(&got, BENCH_OPENED), opened);
}

static void test_strace(void **state)
{
	static const char *const lines[] = {
		"12  openat(AT_FDCWD, \"" TOKEN "file\", O_RDONLY) = 3\n",
		"12  openat(AT_FDCWD, \"/lib/libc.so.6\", O_RDONLY|O_CLOEXEC) = 3\n",
		"12  openat(AT_FDCWD, \"" TOKEN "none\", O_RDONLY) = -1 ENOENT (No such file)\n",
		"newfstatat(3, \"a, \\\"(b/" TOKEN "x\", {st_mode=S_IFREG, ...}, 0) = 0\n",
		/* the other half of a call that was told already */
		"12  openat(AT_FDCWD, \"" TOKEN "u\", O_RDONLY <unfinished ...>\n",
		"12  <... openat resumed>) = 4\n",
		/* arguments and contents are no paths */
		"12  execve(\"/bin/cat\", [\"cat\", \"" TOKEN "file\"], 0x7ffd /* 9 vars */) = 0\n",
		"12  execve(\"" TOKEN "nothing\", [\"nothing\"], 0x7ffd) = 0\n",
		"12  symlink(\"" TOKEN "target\", \"name\") = 0\n",
		"12  readlink(\"name\", \"" TOKEN "target\", 4096) = 17\n",
		"12  rename(\"" TOKEN "a\", \"" TOKEN "b\") = 0\n",
		"12  rename(\"a\", \"" TOKEN "b\") = 0\n",
		"12  write(1, \"" TOKEN "file\", 4) = 4\n",
		"12  +++ exited with 0 +++ (" TOKEN ")\n", NULL};

	assert_tally(of_lines(tally_strace, lines), 8, 3, 2);
}

/* However it is cut, nothing is read beyond its end. */
static void test_strace_cut(void **state)
{
	static const char whole[] =
		"12  rename(\"x\\\"" TOKEN "a\", {[(\"" TOKEN "b\\\\\") = -1 ENOENT (No)\n";

	for (size_t len = 0; len < sizeof(whole); len++) {
		_cleanup_free_ char *copy = malloc(len + 1);
		struct tally tally = {0};

		assert_non_null(copy);
		memcpy(copy, whole, len);
		tally_strace(&tally, BYTES(copy, len), TOKEN);
		tally_perf(&tally, BYTES(copy, len), TOKEN);
		tally_opensnoop(&tally, BYTES(copy, len), TOKEN);
		tally_fatrace(&tally, BYTES(copy, len), TOKEN);
		tally_bpftrace(&tally, BYTES(copy, len), TOKEN);
	}
}

static void test_opensnoop(void **state)
{
	static const char *const lines[] = {"PID    COMM              FD ERR PATH\n",
					    "1902   tkit-bench-work   4   0 " TOKEN "file\n",
					    "1902   tkit-bench-work  -1   2 " TOKEN "none\n",
					    "1902   " TOKEN "noth   3   0 /lib/libc.so.6\n",
					    "Lost 61 events on CPU #1!\n",
					    NULL};
	struct tally tally = of_lines(tally_opensnoop, lines);

	assert_tally(tally, 2, 2, 1);
	assert_int_equal(tally.lost, 61);
}

static void test_fatrace(void **state)
{
	static const char *const lines[] = {"tkit-bench-work(18708): RCO  /tmp/x/" TOKEN "file\n",
					    "a b): c(18708): O   /tmp/x/" TOKEN "file\n",
					    "tkit-bench-work(18708): RC   /tmp/x/" TOKEN "file\n",
					    TOKEN "noth(18708): O   /lib/libc.so.6\n",
					    "O " TOKEN "file\n",
					    NULL};

	assert_tally(of_lines(tally_fatrace, lines), 1, 1, 1);
}

static void test_bpftrace(void **state)
{
	static const char *const lines[] = {"Attaching 10 probes...\n", "o " TOKEN "file\n",
					    "m " TOKEN "file\n",        "o /etc/passwd\n",
					    "Lost 12 events\n",         NULL};
	struct tally tally = of_lines(tally_bpftrace, lines);

	assert_tally(tally, 2, 1, 1);
	assert_int_equal(tally.lost, 12);
}

static void test_perf(void **state)
{
	static const char *const lines[] = {
		"   540.864 ( 0.024 ms): python3/17599 openat(dfd: CWD, filename: \"" TOKEN
		"file\", flags: RDONLY) = 4\n",
		"   540.864 ( 0.024 ms): " TOKEN "noth/17599 openat(filename: 0x472bda30) = 4\n",
		"     1.000 ( 0.001 ms): x/1 newstat(filename: \"" TOKEN "none\") = -1 ENOENT\n",
		"LOST 7 events!\n", NULL};
	struct tally tally = of_lines(tally_perf, lines);

	assert_tally(tally, 2, 1, 1);
	assert_int_equal(tally.lost, 7);
}

static void test_words(void **state)
{
	static const char *const lines[] = {
		"tkit: info: 120 events, 117 accesses, 0 waits for a slow sink\n",
		"tkit: warning: the trace is incomplete: 9 lost (ring-full: 9): grow it\n", NULL};
	struct tally tally = of_lines(tally_words, lines);

	assert_int_equal(tally.total, 117);
	assert_int_equal(tally.lost, 9);
}

static void test_logs(void **state)
{
	struct tally tally = {0};
	struct err err = ERR_INIT;

	assert_int_equal(tally_log(&tally, "/nonexistent/log", tally_strace, TOKEN, &err), 0);
	assert_int_equal(tally.all, 0);
	assert_true(tally_log(&tally, "/proc/self/exe/x", tally_strace, TOKEN, &err) < 0);
	err_done(&err);
	assert_true(tally_trace(&tally, "/nonexistent/trace", TOKEN, &err) < 0);
	assert_non_null(strstr(err_text(&err), "/nonexistent/trace"));
	err_done(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strace),    cmocka_unit_test(test_strace_cut),
		cmocka_unit_test(test_opensnoop), cmocka_unit_test(test_fatrace),
		cmocka_unit_test(test_bpftrace),  cmocka_unit_test(test_perf),
		cmocka_unit_test(test_words),     cmocka_unit_test(test_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
