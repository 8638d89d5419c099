/* SPDX-License-Identifier: MIT */
/* Opening a module: trust, ELF header, dlopen, descriptor. */
#ifndef PLUGIN_MODULE_H
#define PLUGIN_MODULE_H

#include <sys/types.h>

#include "plugin/abi.h"

struct module {
	struct module *next;
	char *file; /* canonical path */
	dev_t dev;
	ino_t ino;
	void *handle; /* never closed: under sanitizers reports need it, else it is small */
	struct abi_copy abi;
};

/*
 * Opens a module, or finds it among those open. It stays open for as long as the process
 * lives. On failure *ret_id (may be NULL) is the finding's ID, see check.h. The option
 * table is not checked yet: check_options().
 */
int module_open(const char *file, const struct module **ret_module, const char **ret_id,
		struct err *err);

#endif
