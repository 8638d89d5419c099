/* SPDX-License-Identifier: MIT */
/* Tiny ELF files for tests: program headers, an interpreter, a dynamic section. */
#ifndef TESTS_ELF_IMAGE_H
#define TESTS_ELF_IMAGE_H

#include <elf.h>
#include <string.h>

struct elf_image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3]; /* load, interp, dynamic */
	Elf64_Dyn dyn[8];
	char interp[64];
	char strings[256];
};

struct elf_spec {
	const char *interp; /* NULL = none */
	const char *soname;
	const char *runpath;
	const char *rpath;
	const char *needed[3];
};

static inline Elf64_Xword elf_image_string_(struct elf_image *elf, size_t *at, const char *text)
{
	size_t here = *at;

	strcpy(elf->strings + here, text);
	*at += strlen(text) + 1;
	return here;
}

static inline void elf_image_make(struct elf_image *elf, const struct elf_spec *spec)
{
	const Elf64_Addr base = 0x400000;
	size_t at = 1, d = 0;

	memset(elf, 0, sizeof(*elf));
	memcpy(elf->eh.e_ident, ELFMAG, SELFMAG);
	elf->eh.e_ident[EI_CLASS] = ELFCLASS64;
	elf->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	elf->eh.e_ident[EI_VERSION] = EV_CURRENT;
	elf->eh.e_type = ET_DYN;
	elf->eh.e_machine = EM_X86_64;
	elf->eh.e_version = EV_CURRENT;
	elf->eh.e_ehsize = sizeof(elf->eh);
	elf->eh.e_phoff = offsetof(struct elf_image, ph);
	elf->eh.e_phentsize = sizeof(Elf64_Phdr);
	elf->eh.e_phnum = 3;
	elf->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_vaddr = base, .p_filesz = sizeof(*elf)};
	elf->ph[1] = (Elf64_Phdr){.p_type = spec->interp ? PT_INTERP : PT_NULL,
				  .p_offset = offsetof(struct elf_image, interp)};
	if (spec->interp) {
		strcpy(elf->interp, spec->interp);
		elf->ph[1].p_filesz = strlen(spec->interp) + 1;
	}
	elf->ph[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
				  .p_offset = offsetof(struct elf_image, dyn),
				  .p_filesz = sizeof(elf->dyn)};
	for (size_t i = 0; i < 3 && spec->needed[i]; i++)
		elf->dyn[d++] =
			(Elf64_Dyn){DT_NEEDED, {elf_image_string_(elf, &at, spec->needed[i])}};
	if (spec->soname)
		elf->dyn[d++] = (Elf64_Dyn){DT_SONAME, {elf_image_string_(elf, &at, spec->soname)}};
	if (spec->rpath)
		elf->dyn[d++] = (Elf64_Dyn){DT_RPATH, {elf_image_string_(elf, &at, spec->rpath)}};
	if (spec->runpath)
		elf->dyn[d++] =
			(Elf64_Dyn){DT_RUNPATH, {elf_image_string_(elf, &at, spec->runpath)}};
	elf->dyn[d++] = (Elf64_Dyn){DT_STRTAB, {base + offsetof(struct elf_image, strings)}};
	elf->dyn[d++] = (Elf64_Dyn){DT_STRSZ, {at}};
}

#endif
