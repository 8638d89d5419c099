/* SPDX-License-Identifier: MIT */
/* What an ELF file says about the files it needs to run. */
#ifndef ENRICH_ELF_H
#define ENRICH_ELF_H

#include <stddef.h>
#include <stdint.h>

struct elf_facts {
	unsigned int bits; /* 32 or 64 */
	uint16_t machine;  /* EM_* */
	uint16_t type;     /* ET_* */
	char *interp;      /* PT_INTERP; NULL = none (static, or a library) */
	char *soname;      /* DT_SONAME or NULL */
	char *rpath;       /* DT_RPATH, colon-separated, or NULL */
	char *runpath;     /* DT_RUNPATH or NULL */
	char **needed;     /* DT_NEEDED names in file order */
	size_t needed_count;
};

/*
 * Reads the facts of the file behind fd (a regular file, at any offset, not closed).
 * Returns 0 with *ret_facts to be released by elf_facts_done(); -ENOEXEC if it is no ELF
 * file or one that contradicts itself; -errno of reading. Time and memory are bounded
 * whatever the file says of itself.
 */
int elf_facts_read(int fd, struct elf_facts *ret_facts);
void elf_facts_done(struct elf_facts *facts);

#endif
