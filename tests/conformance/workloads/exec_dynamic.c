// SPDX-License-Identifier: MIT
/* A dynamic program: the kernel opens its ELF interpreter. And ld.so as a command. */
#include "workload.h"

#include <elf.h>
#include <link.h>

#include "programs.h"

static void setup(void)
{
	copy_program("dynamic", "program");
}

/* This program's own ELF interpreter is the other's, too. */
static int find_interpreter(struct dl_phdr_info *info, size_t size, void *ret_path)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)ret_path =
				(const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return 1;
}

static void run(void)
{
	const char *written = NULL;
	char *real;

	dl_iterate_phdr(find_interpreter, &written);
	if (!written)
		wl_skip("this program has no ELF interpreter");
	real = realpath(written, NULL);
	spawn(at("program"), NULL);
	also(.op = "exec", .abs = at("program"), .resolved = at("program"));
	also(.op = "interp", .abs = real, .resolved = real);
	spawn(written, "./program");
	also(.op = "exec", .abs = written, .resolved = real);
	also(.op = "open", .abs = at("program"), .maybe = true);
}
