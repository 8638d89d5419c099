// SPDX-License-Identifier: MIT
#include "plugin/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/check.h"
#include "plugin/trust.h"
#include "util/cleanup.h"

static struct module *modules; /* main thread only, see loader.h */

static bool read_header(int fd, ElfW(Ehdr) * ret)
{
	return pread(fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret);
}

/* All that dlopen maps is in the file. It does not look itself: the process would get SIGBUS. */
static bool is_whole(int fd, const ElfW(Ehdr) * header, uint64_t size)
{
	for (size_t i = 0; i < header->e_phnum; i++) {
		uint64_t at = header->e_phoff + i * sizeof(ElfW(Phdr));
		ElfW(Phdr) segment;

		if (header->e_phentsize != sizeof(segment) || at > size ||
		    pread(fd, &segment, sizeof(segment), (off_t)at) != (ssize_t)sizeof(segment))
			return false;
		if (segment.p_type == PT_LOAD &&
		    (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
			return false;
	}
	return true;
}

/* Says what dlopen would say less well. The same machine as the running program's is needed. */
static int check_elf(int fd, const char *file, uint64_t size, struct err *err)
{
	_cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) header, own;

	if (!read_header(fd, &header) || memcmp(header.e_ident, ELFMAG, SELFMAG))
		return err_set(err, -ENOEXEC, "%s: not a shared object (no ELF file)", file);
	if (self < 0 || !read_header(self, &own))
		own = header; /* no /proc: dlopen finds out */
	if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
	    header.e_ident[EI_DATA] != own.e_ident[EI_DATA] || header.e_machine != own.e_machine)
		return err_set(
			err, -ENOEXEC,
			"%s: made for another machine (ELF machine %u, %d bit; tkit: %u, %d bit)",
			file, header.e_machine, header.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32,
			own.e_machine, own.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32);
	if (header.e_type != ET_DYN)
		return err_set(err, -ENOEXEC, "%s: an ELF file, but not a shared object", file);
	if (!is_whole(fd, &header, size))
		return err_set(err, -ENOEXEC, "%s: cut off: its segments are longer than the file",
			       file);
	return 0;
}

/* Opens the file for checks only; fills the canonical path and its state. */
static int inspect(const char *file, struct module *module, const char **id, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int rc;

	*id = CHECK_FILE;
	module->file = realpath(file, NULL);
	if (!module->file)
		return err_sys(err, -errno, "%s", file);
	fd = open(module->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -ENOEXEC, "%s: not a regular file", file);
	*id = CHECK_TRUST;
	rc = trust_check(module->file, &st, err);
	if (rc)
		return rc;
	module->dev = st.st_dev;
	module->ino = st.st_ino;
	*id = CHECK_ELF;
	return check_elf(fd, file, (uint64_t)st.st_size, err);
}

/*
 * The descriptor and its size as the symbol table has it. dlsym() would also find the
 * symbol in libraries that the module needs.
 */
static const void *find_descriptor(void *handle, size_t *ret_size)
{
	const void *raw = dlsym(handle, "tkit_plugin");
	struct link_map *own, *found;
	const ElfW(Sym) * symbol;
	Dl_info info;

	if (!raw || dlinfo(handle, RTLD_DI_LINKMAP, &own) ||
	    !dladdr1(raw, &info, (void **)&found, RTLD_DL_LINKMAP) || found != own ||
	    !dladdr1(raw, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
	    ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
		return NULL;
	*ret_size = symbol->st_size;
	return raw;
}

/* dlerror() without the file's name in front of it. */
static const char *dl_text(const char *file)
{
	const char *text = dlerror();
	size_t len = strlen(file);

	if (!text)
		return "the dynamic linker gives no reason";
	return !strncmp(text, file, len) && !strncmp(text + len, ": ", 2) ? text + len + 2 : text;
}

static int load(struct module *module, const char *file, const char **id, struct err *err)
{
	const void *raw;
	size_t size = 0;
	int rc;

	*id = CHECK_DLOPEN;
	module->handle = dlopen(module->file, RTLD_NOW | RTLD_LOCAL);
	if (!module->handle)
		return err_set(err, -ENOEXEC, "%s: cannot be loaded: %s", file,
			       dl_text(module->file));
	raw = find_descriptor(module->handle, &size);
	if (raw) {
		rc = abi_negotiate(raw, size, file, &module->abi, id, err);
	} else {
		*id = CHECK_SYMBOL;
		rc = err_set(err, -ENOEXEC,
			     "%s: exports no data symbol 'tkit_plugin', so it is no tkit plugin",
			     file);
	}
	if (rc && !TKIT_SANITIZED)
		dlclose(module->handle);
	return rc;
}

int module_open(const char *file, const struct module **ret_module, const char **ret_id,
		struct err *err)
{
	struct module *module = calloc(1, sizeof(*module));
	const char *id = CHECK_FILE;
	int rc = module ? inspect(file, module, &id, err) : err_sys(err, -ENOMEM, "%s", file);

	for (struct module *m = modules; rc == 0 && m; m = m->next) {
		if (m->dev != module->dev || m->ino != module->ino)
			continue;
		free(module->file);
		free(module);
		*ret_module = m;
		return 0;
	}
	if (rc == 0)
		rc = load(module, file, &id, err);
	if (rc) {
		if (module)
			free(module->file);
		free(module);
		if (ret_id)
			*ret_id = id;
		return rc;
	}
	module->next = modules;
	modules = module;
	*ret_module = module;
	return 0;
}
