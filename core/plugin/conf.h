/* SPDX-License-Identifier: MIT */
/* One file of plugins.d. */
#ifndef PLUGIN_CONF_H
#define PLUGIN_CONF_H

#include "plugin/loader.h"

#define CONF_SIZE_MAX (64u << 10) /* bytes of one conf file */

/*
 * Reads the conf file `file` (absolute path). Relative modules are looked for in the parent
 * of its directory, then in the `libdirs` (NULL-terminated). On failure the cause has
 * "file:line: ", and *ret_kind and *ret_name (caller frees) tell what the file is about as far
 * as that was read (0, NULL).
 */
int conf_read(const char *file, const char *const *libdirs, struct plugin_conf **ret_conf,
	      enum tkit_kind *ret_kind, char **ret_name, struct err *err);

void conf_free(struct plugin_conf *conf);                      /* NULL-safe */
struct plugin_conf *conf_copy(const struct plugin_conf *conf); /* NULL: no memory */
bool conf_equal(const struct plugin_conf *a, const struct plugin_conf *b);

#endif
