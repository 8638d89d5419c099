// SPDX-License-Identifier: MIT
#include "plugin/check.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/caps.h"
#include "plugin/module.h"
#include "util/cleanup.h"

#define SHOWN_MAX 5 /* surplus symbols that are named */

struct checking {
	const char *file; /* as given */
	check_fn fn;
	void *arg;
	int found;
};

static void __attribute__((format(printf, 3, 4)))
finding(struct checking *check, const char *id, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(check->file);
	const char *shown;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	check->found++;
	/* The loader's texts begin with the file, which the caller prints anyway. */
	shown = text ? text : "(no memory for the text)";
	if (!strncmp(shown, check->file, len) && !strncmp(shown + len, ": ", 2))
		shown += len + 2;
	check->fn(check->arg, id, shown);
}

static void relay(void *arg, const char *id, const char *text)
{
	finding((struct checking *)arg, id, "%s", text);
}

/* Symbols that a module exports without its author's doing. */
static bool is_tool_symbol(const char *name)
{
	static const char *const names[] = {"_init", "_fini", "_edata", "_end", "__bss_start"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "__asan", 6) || !strncmp(name, "__odr_asan", 10) ||
	       !strncmp(name, "__start_", 8) || !strncmp(name, "__stop_", 7);
}

static void cleanup_elf(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

/* Adds the names of surplus exports of one symbol table to `names`. */
static size_t surplus_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			      struct buf *names)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0, surplus = 0;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < count && i < INT_MAX; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		if (symbol.st_shndx == SHN_UNDEF || GELF_ST_BIND(symbol.st_info) == STB_LOCAL ||
		    GELF_ST_VISIBILITY(symbol.st_other) == STV_HIDDEN ||
		    GELF_ST_VISIBILITY(symbol.st_other) == STV_INTERNAL)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name || !strcmp(name, "tkit_plugin") || is_tool_symbol(name))
			continue;
		if (surplus++ < SHOWN_MAX)
			buf_printf(names, "%s%s", names->size ? ", " : "", name);
	}
	return surplus;
}

/* Code that is written with -z execstack, or assembled without a .note.GNU-stack. */
static void check_stack(struct checking *check, Elf *elf)
{
	size_t count = 0;
	GElf_Phdr header;
	bool safe = false;

	if (elf_getphdrnum(elf, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_GNU_STACK)
			safe = !(header.p_flags & PF_X);
	if (!safe)
		finding(check, CHECK_STACK,
			"makes the stacks of the process executable; link it with -z noexecstack");
}

static void check_exports(struct checking *check)
{
	_cleanup_close_ int fd = open(check->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_(cleanup_elf) Elf *elf = NULL;
	_cleanup_(buf_done) struct buf names = BUF_INIT;
	Elf_Scn *section = NULL;
	size_t surplus = 0;
	GElf_Shdr header;

	if (fd >= 0 && elf_version(EV_CURRENT) != EV_NONE)
		elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		finding(check, CHECK_EXPORTS, "its symbol table cannot be read");
		return;
	}
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
			surplus += surplus_symbols(elf, section, &header, &names);
	if (surplus)
		finding(check, CHECK_EXPORTS,
			"exports more than 'tkit_plugin': %.*s%s; make it static or link with a "
			"version script",
			(int)names.size, names.data ? names.data : "",
			surplus > SHOWN_MAX ? ", ..." : "");
	check_stack(check, elf);
}

static bool one_line(const char *text)
{
	return text[0] && text_printable(text);
}

static void check_texts(struct checking *check, const struct tkit_plugin *desc)
{
	if (!one_line(desc->summary))
		finding(check, CHECK_TEXT, "it has no summary of one line of UTF-8");
	if (!one_line(desc->version))
		finding(check, CHECK_TEXT, "it has no version");
	if (!one_line(desc->licence))
		finding(check, CHECK_TEXT, "it has no licence (an SPDX expression)");
}

static void check_caps(struct checking *check, const struct tkit_plugin *desc)
{
	const uint64_t targets = TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID |
				 TKIT_CAN_TARGET_CGROUP | TKIT_CAN_TARGET_ALL |
				 TKIT_CAN_TARGET_NONE;
	uint64_t unknown = caps_unknown((enum tkit_kind)desc->kind, desc->caps);

	if (unknown)
		finding(check, CHECK_CAPS, "capability bits 0x%llx mean nothing for a %s",
			(unsigned long long)unknown, kind_name((enum tkit_kind)desc->kind));
	if (desc->kind == TKIT_KIND_BACKEND && !(desc->caps & targets))
		finding(check, CHECK_CAPS,
			"it names no target that it can watch (TKIT_CAN_TARGET_*)");
}

static void check_filename(struct checking *check, const struct tkit_plugin *desc)
{
	const char *slash = strrchr(check->file, '/'), *name = slash ? slash + 1 : check->file;
	const char *kind = kind_name((enum tkit_kind)desc->kind);
	_cleanup_free_ char *wanted = NULL;

	if (asprintf(&wanted, "%s-%s.so", kind, desc->name) < 0)
		wanted = NULL;
	if (wanted && strcmp(name, wanted))
		finding(check, CHECK_FILENAME, "the %s '%s' should be in a file named %s", kind,
			desc->name, wanted);
}

/* The conf's defaults against the option table. */
static void check_defaults(struct checking *check, const struct plugin_conf *conf)
{
	struct plugin_options *options = NULL;
	const struct plugin *plugin;
	struct err err = ERR_INIT;

	if (plugin_load(conf, &plugin, &err) || plugin_options_new(plugin, NULL, &options, &err))
		finding(check, CHECK_DEFAULTS, "%s", err_text(&err));
	plugin_options_free(options);
	err_done(&err);
}

static void check_conf(struct checking *check, const struct module *module,
		       struct plugin_registry *registry, bool loadable)
{
	const struct tkit_plugin *desc = &module->abi.desc;
	_cleanup_free_ char *real = NULL;
	const struct plugin_conf *conf;
	struct err err = ERR_INIT;

	if (registry_find(registry, (enum tkit_kind)desc->kind, desc->name, &conf, &err)) {
		if (err.rc == -ENOENT)
			finding(check, CHECK_CONF, "no file in plugins.d names the %s '%s'",
				kind_name((enum tkit_kind)desc->kind), desc->name);
		else
			finding(check, CHECK_CONF, "%s", err_text(&err));
		err_done(&err);
		return;
	}
	real = realpath(conf->module, NULL);
	if (!real || strcmp(real, module->file))
		finding(check, CHECK_CONF, "%s names another module, %s", conf->file, conf->module);
	else if (loadable)
		check_defaults(check, conf);
}

int check_file(const char *file, struct plugin_registry *registry, check_fn fn, void *arg,
	       struct err *err)
{
	struct checking check = {file, fn, arg, 0};
	struct err cause = ERR_INIT;
	const struct module *module;
	const char *id = CHECK_FILE;
	int table;
	int rc = module_open(file, &module, &id, &cause);

	if (rc == -ENOMEM) {
		err_set(err, rc, "%s", err_text(&cause));
		err_done(&cause);
		return rc;
	}
	if (rc)
		finding(&check, id, "%s", err_text(&cause));
	err_done(&cause);
	/* What the ELF file tells can be checked as soon as it is one. */
	if (!rc || strcmp(id, CHECK_ELF) > 0)
		check_exports(&check);
	if (rc)
		return check.found;
	check_texts(&check, &module->abi.desc);
	check_caps(&check, &module->abi.desc);
	check_filename(&check, &module->abi.desc);
	table = check_options(&module->abi.desc, relay, &check);
	if (registry)
		check_conf(&check, module, registry, table == 0);
	return check.found;
}
