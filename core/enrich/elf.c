// SPDX-License-Identifier: MIT
/*
 * Program headers only: section headers may be stripped and neither the kernel nor ld.so
 * looks at them. libelf brings both sizes and both byte orders into one form; where a
 * string lies is worked out here, with each number checked.
 */
#include "enrich/elf.h"

#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define STRING_MAX_  PATH_MAX  /* longest string taken */
#define LIST_MAX_    (1 << 20) /* longest list of directories */
#define DYNAMIC_MAX_ (1 << 20) /* largest dynamic section looked at, bytes */
#define NEEDED_MAX_  4096      /* most DT_NEEDED entries */

struct elf_file {
	int fd;
	Elf *elf;
	size_t phdrs;
	uint64_t strings_at;   /* file offset of the dynamic string table */
	uint64_t strings_size; /* 0 = none */
};

static void elf_cleanup(Elf **elf)
{
	elf_end(*elf);
}

void elf_facts_done(struct elf_facts *facts)
{
	free(facts->interp);
	free(facts->soname);
	free(facts->rpath);
	free(facts->runpath);
	for (size_t i = 0; i < facts->needed_count; i++)
		free(facts->needed[i]);
	free(facts->needed);
	*facts = (struct elf_facts){0};
}

/* A NUL-terminated string of less than `room` and `most` bytes at a file offset. */
static int read_string(int fd, uint64_t at, uint64_t room, size_t most, char **ret_string)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (room > most)
		room = most;
	if (at > INT64_MAX - most)
		return -ENOEXEC;
	text = malloc(room + 1);
	if (!text)
		return -ENOMEM;
	n = pread(fd, text, room, (off_t)at);
	if (n < 0)
		return -errno;
	if (!memchr(text, '\0', (size_t)n))
		return -ENOEXEC;
	free(*ret_string);
	*ret_string = strdup(text);
	return *ret_string ? 0 : -ENOMEM;
}

/* Where an address of the loaded image lies in the file. */
static bool file_offset(const struct elf_file *file, uint64_t address, uint64_t *ret_at)
{
	for (size_t i = 0; i < file->phdrs; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(file->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (address < ph.p_vaddr || address - ph.p_vaddr >= ph.p_filesz)
			continue;
		return !__builtin_add_overflow(address - ph.p_vaddr, ph.p_offset, ret_at);
	}
	return false;
}

static int dynamic_string(const struct elf_file *file, uint64_t offset, size_t most,
			  char **ret_string)
{
	uint64_t at;

	if (offset >= file->strings_size || __builtin_add_overflow(file->strings_at, offset, &at))
		return -ENOEXEC;
	return read_string(file->fd, at, file->strings_size - offset, most, ret_string);
}

static int add_needed(struct elf_facts *facts, const struct elf_file *file, uint64_t offset)
{
	char **needed;
	int rc;

	if (facts->needed_count >= NEEDED_MAX_)
		return -ENOEXEC;
	needed = reallocarray(facts->needed, facts->needed_count + 1, sizeof(*needed));
	if (!needed)
		return -ENOMEM;
	facts->needed = needed;
	needed[facts->needed_count] = NULL;
	rc = dynamic_string(file, offset, STRING_MAX_, &needed[facts->needed_count]);
	if (rc == 0)
		facts->needed_count++;
	return rc;
}

/* The dynamic string table, known before any string of it is asked for. */
static void find_strings(struct elf_file *file, Elf_Data *data, size_t count)
{
	uint64_t address = 0, size = 0;
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		GElf_Dyn dyn;

		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB) {
			address = dyn.d_un.d_ptr;
			found = true;
		} else if (dyn.d_tag == DT_STRSZ) {
			size = dyn.d_un.d_val;
		}
	}
	if (found && file_offset(file, address, &file->strings_at))
		file->strings_size = size;
}

/* The strings that there is one of: of several entries ld.so takes the last. */
struct single {
	int64_t tag;
	size_t most;
	char **ret;
	uint64_t offset;
	bool found;
};

static int read_singles(struct elf_file *file, struct single *singles, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		if (singles[i].found)
			rc = dynamic_string(file, singles[i].offset, singles[i].most,
					    singles[i].ret);
	return rc;
}

static int read_dynamic(struct elf_file *file, const GElf_Phdr *ph, struct elf_facts *facts)
{
	size_t size = ph->p_filesz > DYNAMIC_MAX_ ? DYNAMIC_MAX_ : ph->p_filesz;
	size_t one = gelf_fsize(file->elf, ELF_T_DYN, 1, EV_CURRENT);
	struct single singles[] = {{DT_SONAME, STRING_MAX_, &facts->soname, 0, false},
				   {DT_RPATH, LIST_MAX_, &facts->rpath, 0, false},
				   {DT_RUNPATH, LIST_MAX_, &facts->runpath, 0, false}};
	Elf_Data *data;
	int rc = 0;

	if (!one || ph->p_offset > INT64_MAX)
		return -ENOEXEC;
	size -= size % one;
	if (!size)
		return 0;
	data = elf_getdata_rawchunk(file->elf, (int64_t)ph->p_offset, size, ELF_T_DYN);
	if (!data)
		return -ENOEXEC;
	find_strings(file, data, size / one);
	for (size_t i = 0; rc == 0 && i < size / one; i++) {
		GElf_Dyn dyn;

		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_NEEDED)
			rc = add_needed(facts, file, dyn.d_un.d_val);
		for (size_t k = 0; k < 3; k++)
			if (dyn.d_tag == singles[k].tag) {
				singles[k].offset = dyn.d_un.d_val;
				singles[k].found = true;
			}
	}
	return rc < 0 ? rc : read_singles(file, singles, 3);
}

static int read_headers(struct elf_file *file, struct elf_facts *facts)
{
	bool dynamic = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < file->phdrs; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(file->elf, (int)i, &ph))
			return -ENOEXEC;
		/* The kernel takes the first PT_INTERP. */
		if (ph.p_type == PT_INTERP && !facts->interp) {
			rc = read_string(file->fd, ph.p_offset, ph.p_filesz, STRING_MAX_,
					 &facts->interp);
		} else if (ph.p_type == PT_DYNAMIC && !dynamic) {
			dynamic = true;
			rc = read_dynamic(file, &ph, facts);
		}
	}
	return rc;
}

int elf_facts_read(int fd, struct elf_facts *ret_facts)
{
	_cleanup_(elf_cleanup) Elf *elf = NULL;
	struct elf_facts facts = {0};
	struct elf_file file = {.fd = fd};
	char magic[SELFMAG];
	GElf_Ehdr eh;
	ssize_t n;
	int rc;

	/* Before libelf: it takes ar archives, too, and maps what it does not know. */
	n = pread(fd, magic, sizeof(magic), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) ||
	    elf_getphdrnum(elf, &file.phdrs) < 0)
		return -ENOEXEC;
	file.elf = elf;
	facts.bits = gelf_getclass(elf) == ELFCLASS32 ? 32 : 64;
	facts.machine = eh.e_machine;
	facts.type = eh.e_type;
	if (file.phdrs > UINT16_MAX) /* no program has: a lie */
		return -ENOEXEC;
	rc = read_headers(&file, &facts);
	if (rc < 0) {
		elf_facts_done(&facts);
		return rc;
	}
	*ret_facts = facts;
	return 0;
}
