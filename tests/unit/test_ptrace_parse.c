// SPDX-License-Identifier: MIT
/* The ptrace backend's helpers that need no tracee. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <elf.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../backends/ptrace/parse.c"

static void auxv64(void **state)
{
	const uint64_t dynamic[] = {AT_SYSINFO_EHDR, 0x7fff00001000, AT_PAGESZ, 4096,
				    AT_BASE,         0x7f0000000000, AT_NULL,   0};
	const uint64_t fixed[] = {AT_PAGESZ, 4096, AT_BASE, 0, AT_NULL, 0};
	const uint64_t none[] = {AT_PAGESZ, 4096, AT_NULL, 0};

	assert_int_equal(pt_auxv_base(dynamic, sizeof(dynamic)), 0x7f0000000000);
	assert_int_equal(pt_auxv_base(fixed, sizeof(fixed)), 0);
	assert_int_equal(pt_auxv_base(none, sizeof(none)), 0);
}

static void auxv32(void **state)
{
	const uint32_t vector[] = {AT_SYSINFO, 0xf7fc4560, AT_PAGESZ, 4096,
				   AT_BASE,    0xf7fc6000, AT_NULL,   0};

	assert_int_equal(pt_auxv_base(vector, sizeof(vector)), 0xf7fc6000);
}

static void auxv_cut(void **state)
{
	const uint64_t vector[] = {AT_PAGESZ, 4096, AT_BASE, 0x7f0000000000, AT_NULL, 0};
	const char noise[] = "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377";

	/* without its end it is not to be trusted */
	for (size_t size = 0; size <= 40; size++)
		assert_int_equal(pt_auxv_base(vector, size), 0);
	assert_int_equal(pt_auxv_base(noise, sizeof(noise) - 1), 0);
}

static void maps(void **state)
{
	static const char text[] =
		"55d0c0000000-55d0c0002000 r--p 00000000 fe:00 12 /usr/bin/a b\n"
		"7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n"
		"7f1000002000-7f1000004000 r-xp 00002000 fe:00 13 /tmp/new\\012line\n"
		"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]\n";
	static const struct {
		uint64_t addr;
		const char *path;
	} cases[] = {
		{0x55d0c0000000, "/usr/bin/a b"},
		{0x55d0c0001fff, "/usr/bin/a b"},
		{0x55d0c0002000, NULL},
		{0x7f1000000800, NULL},
		{0x7f1000002000, "/tmp/new\nline"},
		{0x7ffc00000000, NULL},
		{0, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char copy[sizeof(text)];
		const char *path = NULL;

		memcpy(copy, text, sizeof(text));
		assert_int_equal(pt_maps_find(copy, cases[i].addr, &path), cases[i].path != NULL);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
	}
}

static void maps_cut(void **state)
{
	static const char text[] = "55d0c0000000-55d0c0002000 r--p 00000000 fe:00 12 /usr/bin/ls\n";

	for (size_t len = 0; len < sizeof(text); len++) {
		char copy[sizeof(text)];
		const char *path;

		memcpy(copy, text, len);
		copy[len] = 0;
		pt_maps_find(copy, 0x55d0c0000001, &path);
	}
}

static void sockaddr(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	bool abstract = true;
	const char *name;

	assert_int_equal(pt_sockaddr_name(&un, sizeof(un), &name, &abstract), 6);
	assert_memory_equal(name, "/run/x", 6);
	assert_false(abstract);
	assert_int_equal(pt_sockaddr_name(&un, head + 4, &name, &abstract), 4); /* no NUL */
	assert_int_equal(pt_sockaddr_name(&un, head, &name, &abstract), 0);     /* unnamed */
	assert_int_equal(pt_sockaddr_name(&un, 1, &name, &abstract), 0);
	assert_int_equal(pt_sockaddr_name(&un, sizeof(un) + 1, &name, &abstract), 0);
	memcpy(un.sun_path, "\0a\0b", 4);
	assert_int_equal(pt_sockaddr_name(&un, head + 4, &name, &abstract), 3);
	assert_memory_equal(name, "a\0b", 3);
	assert_true(abstract);
	un.sun_family = AF_INET;
	assert_int_equal(pt_sockaddr_name(&un, sizeof(un), &name, &abstract), 0);
	memset(&un, 'x', sizeof(un));
	un.sun_family = AF_UNIX;
	assert_int_equal(pt_sockaddr_name(&un, sizeof(un), &name, &abstract), sizeof(un.sun_path));
}

static bool magic(const char *base, const char *path, bool nofollow)
{
	return pt_maybe_magic(base, strlen(base), path, nofollow);
}

static void magic_yes(void **state)
{
	assert_true(magic("", "/proc/self/cwd/x", true));
	assert_true(magic("/", "/proc/self/cwd", false));
	assert_true(magic("", "//proc/./thread-self//root/x", true));
	assert_true(magic("", "/proc/1/task/2/fd/3/x", true));
	assert_true(magic("", "/mnt/other-proc/77/root", false));
	assert_true(magic("", "/proc/self/exe", false));
	assert_true(magic("", "/proc/self/map_files/1-2", false));
	assert_true(magic("", "/dev/fd/3", false));
	assert_true(magic("", "/dev/stdin", false));
	assert_true(magic("/proc", "self/cwd/x", true));
	assert_true(magic("/proc/9", "cwd/x", true));
	assert_true(magic("/proc/9/fd", "4/x", true));
	assert_true(magic("/dev", "fd/4/x", true));
	/* a slash behind it: followed all the same */
	assert_true(magic("", "/proc/self/cwd/", true));
}

static void magic_no(void **state)
{
	assert_false(magic("", "", false));
	assert_false(magic("", "/", false));
	assert_false(magic("", "/etc/passwd", false));
	assert_false(magic("", "/proc/self/status", false));
	assert_false(magic("", "/proc/self/fd", false));
	assert_false(magic("", "/proc/self/cwd", true));
	assert_false(magic("", "/proc/self/fd/3", true));
	assert_false(magic("", "/dev/stdin", true));
	assert_false(magic("", "/proc/selfish/cwd/x", false));
	assert_false(magic("", "/srv/cwd/x", false));
	assert_false(magic("/proc/9", "/cwd/x", false)); /* absolute: the base does not count */
	assert_false(magic("/dev", "null", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auxv64),    cmocka_unit_test(auxv32),   cmocka_unit_test(auxv_cut),
		cmocka_unit_test(maps),      cmocka_unit_test(maps_cut), cmocka_unit_test(sockaddr),
		cmocka_unit_test(magic_yes), cmocka_unit_test(magic_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
