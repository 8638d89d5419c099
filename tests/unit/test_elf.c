// SPDX-License-Identifier: MIT
/* What an ELF file needs, from well-formed, cut, lying and foreign files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf_image.h"
#include "enrich/elf.h"

static int read_bytes(const void *data, size_t size, struct elf_facts *facts)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	int rc;

	assert_int_equal(write(fd, data, size), size);
	rc = elf_facts_read(fd, facts);
	close(fd);
	return rc;
}

static const struct elf_spec full = {
	.interp = "/lib64/ld-linux-x86-64.so.2",
	.soname = "libself.so.1",
	.runpath = "$ORIGIN/../lib:/opt/lib",
	.needed = {"libz.so.1", "libc.so.6"},
};

static void test_full(void **state)
{
	struct elf_facts facts = {0};
	struct elf_image elf;

	elf_image_make(&elf, &full);
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), 0);
	assert_int_equal(facts.bits, 64);
	assert_int_equal(facts.machine, EM_X86_64);
	assert_string_equal(facts.interp, "/lib64/ld-linux-x86-64.so.2");
	assert_string_equal(facts.soname, "libself.so.1");
	assert_string_equal(facts.runpath, "$ORIGIN/../lib:/opt/lib");
	assert_null(facts.rpath);
	assert_int_equal(facts.needed_count, 2);
	assert_string_equal(facts.needed[0], "libz.so.1");
	assert_string_equal(facts.needed[1], "libc.so.6");
	elf_facts_done(&facts);
	elf_facts_done(&facts);
}

/* A 32-bit big-endian file: the same facts through libelf's translation. */
static void test_foreign(void **state)
{
	unsigned char elf[256] = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2MSB, EV_CURRENT};
	struct elf_facts facts = {0};

	elf[17] = ET_EXEC;
	elf[19] = EM_PPC;
	elf[23] = EV_CURRENT;
	elf[31] = 52;            /* e_phoff */
	elf[41] = 52;            /* e_ehsize */
	elf[43] = 32;            /* e_phentsize */
	elf[45] = 1;             /* e_phnum */
	elf[52 + 3] = PT_INTERP; /* p_type */
	elf[52 + 7] = 100;       /* p_offset */
	elf[52 + 19] = 10;       /* p_filesz */
	memcpy(elf + 100, "/lib/ld.1", 10);
	assert_int_equal(read_bytes(elf, sizeof(elf), &facts), 0);
	assert_int_equal(facts.bits, 32);
	assert_int_equal(facts.machine, EM_PPC);
	assert_string_equal(facts.interp, "/lib/ld.1");
	assert_int_equal(facts.needed_count, 0);
	elf_facts_done(&facts);
}

static void test_not_elf(void **state)
{
	struct elf_facts facts = {0};

	assert_int_equal(read_bytes("", 0, &facts), -ENOEXEC);
	assert_int_equal(read_bytes("\x7f", 1, &facts), -ENOEXEC);
	assert_int_equal(read_bytes("\x7f"
				    "ELF",
				    4, &facts),
			 -ENOEXEC);
	assert_int_equal(read_bytes("#!/bin/sh\n", 10, &facts), -ENOEXEC);
	assert_int_equal(read_bytes("!<arch>\nxxxxxxxxxxxxxxxxx", 25, &facts), -ENOEXEC);
}

/* Each prefix of a good file is refused or read, and none of it is made up. */
static void test_cut(void **state)
{
	struct elf_image elf;

	elf_image_make(&elf, &full);
	for (size_t size = 0; size < sizeof(elf); size++) {
		struct elf_facts facts = {0};
		int rc = read_bytes(&elf, size, &facts);

		assert_true(rc == 0 || rc == -ENOEXEC);
		if (rc == 0 && facts.needed_count)
			assert_string_equal(facts.needed[0], "libz.so.1");
		elf_facts_done(&facts);
	}
}

static void test_lies(void **state)
{
	struct elf_facts facts = {0};
	struct elf_image good, elf;

	elf_image_make(&good, &full);
	elf = good;
	elf.ph[1].p_offset = UINT64_MAX - 3;
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	elf = good;
	elf.ph[1].p_filesz = 4; /* no NUL byte within it */
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	elf = good;
	elf.dyn[0].d_un.d_val = UINT64_MAX;
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	elf = good;
	elf.ph[0].p_offset = UINT64_MAX; /* the string table's place overflows */
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	elf = good;
	elf.ph[2].p_filesz = UINT64_MAX;
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	elf = good;
	elf.eh.e_phnum = PN_XNUM; /* the number stands in a section that is not there */
	assert_int_equal(read_bytes(&elf, sizeof(elf), &facts), -ENOEXEC);
	assert_null(facts.interp); /* untouched by failures */
}

/* Some builds name a folder for each package: nothing else may get lost for that. */
static void test_long_runpath(void **state)
{
	enum { FOLDERS = 400 };
	struct long_elf {
		struct elf_image head;
		char path[FOLDERS * 32];
	} *elf = calloc(1, sizeof(*elf));
	struct elf_facts facts = {0};
	size_t strings = offsetof(struct elf_image, strings), len = 0;

	assert_non_null(elf);
	elf_image_make(&elf->head, &full);
	for (int i = 0; i < FOLDERS; i++)
		len += (size_t)snprintf(elf->path + len, 32, "%s/opt/package-%05d/lib",
					i ? ":" : "", i);
	elf->head.ph[0].p_filesz = sizeof(*elf);
	for (size_t i = 0; i < 8; i++) {
		if (elf->head.dyn[i].d_tag == DT_RUNPATH)
			elf->head.dyn[i].d_un.d_val = sizeof(elf->head) - strings;
		if (elf->head.dyn[i].d_tag == DT_STRSZ)
			elf->head.dyn[i].d_un.d_val = sizeof(*elf) - strings;
	}
	assert_int_equal(read_bytes(elf, sizeof(*elf), &facts), 0);
	assert_string_equal(facts.interp, "/lib64/ld-linux-x86-64.so.2");
	assert_int_equal(facts.needed_count, 2);
	assert_string_equal(facts.runpath, elf->path);
	elf_facts_done(&facts);
	free(elf);
}

/* This very program, as the linker made it. */
static void test_self(void **state)
{
	struct elf_facts facts = {0};
	FILE *self = fopen("/proc/self/exe", "re");
	int libc = 0;

	assert_non_null(self);
	assert_int_equal(elf_facts_read(fileno(self), &facts), 0);
	fclose(self);
	assert_non_null(facts.interp);
	assert_int_equal(facts.bits, sizeof(void *) * 8);
	for (size_t i = 0; i < facts.needed_count; i++)
		libc |= strncmp(facts.needed[i], "libc.", 5) == 0;
	assert_true(libc);
	elf_facts_done(&facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),    cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_not_elf), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lies),    cmocka_unit_test(test_long_runpath),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
