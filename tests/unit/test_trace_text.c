// SPDX-License-Identifier: MIT
/* The text forms of events: JSON that a parser reads back, lines as strace has them. */
#include "trace_util.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <tkit/syscalls.h>

#include "trace/flags.h"
#include "trace/run_json.h"

static struct tkit_event base_event(void)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_PATH | TKIT_V_ERR | TKIT_V_RET |
		      TKIT_V_FLAGS | TKIT_V_SYSNO;
	event.ts_ns = 1500;
	event.pid = event.tid = 12;
	event.flags = O_RDONLY | O_CLOEXEC;
	event.sysno = 257;
	event.arch = TKIT_ARCH_X86_64;
	event.ret = 3;
	event.path = BYTES_LIT("/etc/passwd");
	return event;
}

static json_t *parsed(const struct tkit_event *event, const char *backend)
{
	char line[65536];
	size_t n = tkit_event_json(event, 1000, backend, line, sizeof(line));
	json_error_t error;
	json_t *json;

	assert_true(n <= sizeof(line));
	json = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s in %.*s", error.text, (int)n, line);
	return json;
}

static void assert_string(json_t *json, const char *name, const char *value)
{
	json_t *got = json_object_get(json, name);

	if (!value) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(json_string_value(got), value);
}

static void assert_number(json_t *json, const char *name, long long value)
{
	assert_non_null(json_object_get(json, name));
	assert_int_equal(json_integer_value(json_object_get(json, name)), value);
}

static void test_json_fields(void **state)
{
	struct tkit_event event = base_event();
	json_t *json;

	event.valid |= TKIT_V_PPID | TKIT_V_BASE | TKIT_V_RESOLVED | TKIT_V_COMM | TKIT_V_EXE |
		       TKIT_V_CGROUP;
	event.path = BYTES_LIT("lib/x.so");
	event.base = BYTES_LIT("/usr");
	event.resolved = BYTES_LIT("/usr/lib/x.so.1");
	event.comm = BYTES_LIT("ls");
	event.exe = BYTES_LIT("/usr/bin/ls");
	event.ppid = 1;
	event.cgroup = 77;
	event.count = 5;
	event.via = TKIT_VIA_COMPAT32;
	event.pflags = TKIT_P_NOFOLLOW;
	json = parsed(&event, "ebpf");
	assert_number(json, "ts", 500);
	assert_string(json, "type", "access");
	assert_string(json, "op", "open");
	assert_string(json, "path", "lib/x.so");
	assert_string(json, "base", "/usr");
	assert_string(json, "abs", "/usr/lib/x.so");
	assert_string(json, "resolved", "/usr/lib/x.so.1");
	assert_number(json, "errno", 0);
	assert_number(json, "ret", 3);
	assert_number(json, "flags", O_CLOEXEC);
	assert_number(json, "pid", 12);
	assert_number(json, "tid", 12);
	assert_number(json, "ppid", 1);
	assert_string(json, "comm", "ls");
	assert_string(json, "exe", "/usr/bin/ls");
	assert_number(json, "cgroup", 77);
	assert_number(json, "count", 5);
	assert_string(json, "via", "compat32");
	assert_string(json, "syscall", "openat");
	assert_string(json, "backend", "ebpf");
	assert_true(json_is_true(json_object_get(json, "nofollow")));
	assert_null(json_object_get(json, "created"));
	json_decref(json);
}

/* What is not known is not there, not even as null. */
static void test_json_unknown(void **state)
{
	struct tkit_event event;
	json_t *json;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_STAT;
	json = parsed(&event, NULL);
	assert_int_equal(json_object_size(json), 4); /* type, op, count, via */
	json_decref(json);

	/* a relative path without a base has no absolute one */
	event.valid = TKIT_V_PATH;
	event.path = BYTES_LIT("x");
	json = parsed(&event, NULL);
	assert_string(json, "abs", NULL);
	json_decref(json);

	/* numbers of a later tkit */
	event.type = 99;
	event.op = 999;
	event.via = 77;
	json = parsed(&event, NULL);
	assert_number(json, "type", 99);
	assert_number(json, "op", 999);
	json_decref(json);
}

static void test_json_loss_fork_exit(void **state)
{
	struct tkit_event event;
	json_t *json;

	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.valid = TKIT_V_PATH;
	event.path = BYTES_LIT("cpu 3");
	event.reason = TKIT_LOSS_RING_FULL;
	event.count = 12;
	json = parsed(&event, "ebpf");
	assert_string(json, "type", "loss");
	assert_string(json, "reason", "ring-full");
	assert_string(json, "detail", "cpu 3");
	assert_string(json, "path", NULL);
	assert_number(json, "count", 12);
	json_decref(json);

	tkit_event_init(&event, TKIT_EVENT_FORK);
	event.valid = TKIT_V_PID | TKIT_V_PPID;
	event.pid = 3;
	event.ppid = 2;
	json = parsed(&event, NULL);
	assert_int_equal(json_object_size(json), 3);
	json_decref(json);

	tkit_event_init(&event, TKIT_EVENT_EXIT);
	event.valid = TKIT_V_PID | TKIT_V_RET;
	event.ret = 256;
	json = parsed(&event, NULL);
	assert_number(json, "ret", 256);
	json_decref(json);
}

static const char *const nasty[] = {
	"/tmp/new\nline",    "/tmp/tab\there",          "/tmp/quote\"back\\slash",
	"/tmp/\x01\x1f\x7f", "/tmp/gr\xc3\xbc\xc3\x9f", "/tmp/\xf0\x9f\x90\xa7",
	"/tmp/\xe2\x80\xa8", "/tmp/'$(x)`;|&",          "/tmp/ lead",
	"/tmp/\xef\xbf\xbd", "/tmp/\xc2\x9b[2J",        "</script>",
};
static const char *const not_utf8[] = {
	"/tmp/\xff", "\xc0\x80", "/tmp/\xed\xa0\x80/x", "caf\xe9", "\xf4\x90\x80\x80", "/\xe2\x82",
};

static size_t unbase64(const char *text, unsigned char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0, count = 0;
	size_t n = 0;

	for (; *text && *text != '='; text++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			to[n++] = (unsigned char)(bits >> count);
		}
	}
	return n;
}

static void test_json_nasty_paths(void **state)
{
	struct tkit_event event = base_event();

	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		json_t *json;

		event.path = bytes_str(nasty[i]);
		json = parsed(&event, NULL);
		assert_string(json, "path", nasty[i]);
		assert_string(json, "path_raw", NULL);
		json_decref(json);
	}
	for (size_t i = 0; i < sizeof(not_utf8) / sizeof(not_utf8[0]); i++) {
		unsigned char raw[64];
		json_t *json;
		size_t n;

		event.path = bytes_str(not_utf8[i]);
		json = parsed(&event, NULL);
		assert_non_null(
			strstr(json_string_value(json_object_get(json, "path")), "\xef\xbf\xbd"));
		n = unbase64(json_string_value(json_object_get(json, "path_raw")), raw);
		assert_int_equal(n, strlen(not_utf8[i]));
		assert_memory_equal(raw, not_utf8[i], n);
		json_decref(json);
	}
}

/* Names that are longer than any buffer on the way. */
static void test_json_long_paths(void **state)
{
	struct tkit_event event = base_event();
	char *path = malloc(20000);
	json_t *json;

	memset(path, 'a', 20000);
	path[0] = '/';
	event.path = BYTES(path, 20000);
	json = parsed(&event, NULL);
	assert_int_equal(json_string_length(json_object_get(json, "path")), 20000);
	assert_int_equal(json_string_length(json_object_get(json, "abs")), 20000);
	json_decref(json);
	free(path);
}

/* As snprintf: the length needed, and never a byte too many. */
static void test_sizes(void **state)
{
	struct tkit_event event = base_event();
	char whole[2048], part[2048];
	size_t n;

	event.path = bytes_str(not_utf8[0]);
	for (int text = 0; text < 2; text++) {
		n = text ? tkit_event_text(&event, 1, whole, sizeof(whole))
			 : tkit_event_json(&event, 1, "b", whole, sizeof(whole));
		assert_true(n < sizeof(whole));
		for (size_t size = 0; size <= n; size++) {
			memset(part, '#', sizeof(part));
			assert_int_equal(text ? tkit_event_text(&event, 1, part, size)
					      : tkit_event_json(&event, 1, "b", part, size),
					 n);
			assert_memory_equal(part, whole, size);
			assert_int_equal(part[size], '#');
		}
	}
}

static void assert_text(const struct tkit_event *event, uint64_t zero, const char *want)
{
	char line[4096];
	size_t n = tkit_event_text(event, zero, line, sizeof(line) - 1);

	assert_true(n < sizeof(line));
	line[n] = '\0';
	assert_string_equal(line, want);
}

static void test_text(void **state)
{
	struct tkit_event event = base_event();

	assert_text(&event, 0, "12 openat(\"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
	event.tid = 13;
	event.ts_ns = 2000001500u;
	assert_text(&event, 1000, "12/13 2.000000 openat(\"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
	event.ts_ns = 500;
	event.tid = 12;
	assert_text(&event, 1500000,
		    "12 -0.001499 openat(\"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
	event.err = ENOENT;
	event.ret = -ENOENT;
	event.path = BYTES_LIT("a\n\"\x1b[2J\xff");
	event.base = BYTES_LIT("/x>y");
	event.valid |= TKIT_V_BASE;
	assert_text(&event, 0,
		    "12 openat(</x\\x3ey>, \"a\\n\\\"\\x1b[2J\\xff\", O_RDONLY|O_CLOEXEC) = "
		    "-1 ENOENT (No such file or directory)");
	event = base_event();
	event.valid = TKIT_V_PATH | TKIT_V_ERR | TKIT_V_RESOLVED;
	event.op = TKIT_OP_EXEC;
	event.type = TKIT_EVENT_EXEC;
	event.resolved = BYTES_LIT("/bin/true");
	event.count = 3;
	assert_text(&event, 0, "exec(\"/etc/passwd\") = 0</bin/true> x3");
	event = base_event();
	event.op = TKIT_OP_RENAME_TO;
	event.sysno = 82;
	event.valid &= ~TKIT_V_FLAGS;
	assert_text(&event, 0, "12 rename.rename_to(\"/etc/passwd\") = 3");
	event.via = TKIT_VIA_IO_URING;
	assert_text(&event, 0, "12 io_uring:rename_to(\"/etc/passwd\") = 3");
	event = base_event();
	event.valid &= ~TKIT_V_PATH;
	event.pflags = TKIT_P_UNREADABLE;
	assert_text(&event, 0, "12 openat(?, O_RDONLY|O_CLOEXEC) = 3");
}

static void test_text_processes(void **state)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_FORK);
	event.valid = TKIT_V_PID | TKIT_V_PPID;
	event.pid = 5;
	event.ppid = 4;
	assert_text(&event, 0, "5 +++ created by 4 +++");
	tkit_event_init(&event, TKIT_EVENT_EXIT);
	event.valid = TKIT_V_PID | TKIT_V_RET;
	event.pid = 5;
	event.ret = 3 << 8;
	assert_text(&event, 0, "5 +++ exited with 3 +++");
	event.ret = 9;
	assert_text(&event, 0, "5 +++ killed by SIGKILL +++");
	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.reason = TKIT_LOSS_MAP_FULL;
	event.count = 7;
	assert_text(&event, 0, "!!! lost 7 (map-full)");
}

static void assert_flags(int kind, int arch, uint64_t flags, const char *want)
{
	char text[512];
	struct out out = {.data = text, .size = sizeof(text) - 1};

	flags_put(&out, kind, arch, flags);
	assert_true(out.len < sizeof(text));
	text[out.len] = '\0';
	assert_string_equal(text, want);
}

static void test_flags(void **state)
{
	assert_flags(TKIT_SYS_FLAGS_OPEN, TKIT_ARCH_X86_64, O_WRONLY | O_CREAT | O_TRUNC,
		     "O_WRONLY|O_CREAT|O_TRUNC");
	assert_flags(TKIT_SYS_FLAGS_OPEN, TKIT_ARCH_X86_64, 0200000, "O_RDONLY|O_DIRECTORY");
	assert_flags(TKIT_SYS_FLAGS_OPEN, TKIT_ARCH_AARCH64, 040000, "O_RDONLY|O_DIRECTORY");
	assert_flags(TKIT_SYS_FLAGS_OPEN, TKIT_ARCH_X86_64, 020200002, "O_RDWR|O_TMPFILE");
	assert_flags(TKIT_SYS_FLAGS_HOW, TKIT_ARCH_X86_64, 04010000, "O_RDONLY|O_SYNC");
	assert_flags(TKIT_SYS_FLAGS_OPEN, TKIT_ARCH_X86_64, 1ull << 40, "O_RDONLY|0x10000000000");
	assert_flags(TKIT_SYS_FLAGS_MODE, 0, 0, "F_OK");
	assert_flags(TKIT_SYS_FLAGS_MODE, 0, 5, "R_OK|X_OK");
	assert_flags(TKIT_SYS_FLAGS_AT, 0, 0x100, "AT_SYMLINK_NOFOLLOW");
	assert_flags(TKIT_SYS_FLAGS_AT, 0, 0, "0");
	assert_flags(FLAGS_UNLINK, 0, 0x200, "AT_REMOVEDIR");
	assert_flags(TKIT_SYS_FLAGS_CMODE, 0, 0755, "0755");
	assert_flags(TKIT_SYS_FLAGS_MS, 0, 4096 | 16384, "MS_BIND|MS_REC");
	assert_flags(TKIT_SYS_FLAGS_NONE, 0, 0x12, "0x12");
}

/* The constants of the tables against those of this machine's headers. */
static void test_flags_native(void **state)
{
	static const struct {
		uint64_t value;
		const char *name;
	} native[] = {{O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"},
		      {O_DIRECT, "O_DIRECT"},       {O_TMPFILE, "O_TMPFILE"},
		      {O_APPEND, "O_APPEND"},       {O_NONBLOCK, "O_NONBLOCK"},
		      {O_NOATIME, "O_NOATIME"},     {O_PATH, "O_PATH"},
		      {O_EXCL, "O_EXCL"},           {O_NOCTTY, "O_NOCTTY"},
		      {O_DSYNC, "O_DSYNC"},         {O_SYNC, "O_SYNC"},
		      {O_ASYNC, "O_ASYNC"},         {O_CLOEXEC, "O_CLOEXEC"}};

	for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++) {
		char want[64];

		snprintf(want, sizeof(want), "O_RDONLY|%s", native[i].name);
		assert_flags(TKIT_SYS_FLAGS_OPEN, tkit_native_arch(), native[i].value, want);
	}
}

static void test_run_json(void **state)
{
	struct tkit_run_info run = test_run(9);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct buf out = BUF_INIT;
	json_t *json;

	run_json_head(&out, 0, &run);
	json = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string(json, "type", "run");
	assert_string(json, "id", "09090909090909090909090909090909");
	assert_string(json, "target_kind", "command");
	assert_int_equal(json_array_size(json_object_get(json, "argv")), 3);
	assert_int_equal(json_array_size(json_object_get(json, "backends")), 2);
	json_decref(json);
	buf_clear(&out);
	losses[TKIT_LOSS_SINK] = 4;
	run_json_end(&out, 0, &end);
	json = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_number(json, "wait_status", 256);
	assert_number(json_object_get(json, "losses"), "sink", 4);
	json_decref(json);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_fields),
		cmocka_unit_test(test_json_unknown),
		cmocka_unit_test(test_json_loss_fork_exit),
		cmocka_unit_test(test_json_nasty_paths),
		cmocka_unit_test(test_json_long_paths),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_processes),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_flags_native),
		cmocka_unit_test(test_run_json),
	};

	return cmocka_run_group_tests_name("trace text", tests, NULL, NULL);
}
