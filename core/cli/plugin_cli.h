/* SPDX-License-Identifier: MIT */
/* The parts of `tkit plugin`. Each returns the exit status. */
#ifndef CLI_PLUGIN_CLI_H
#define CLI_PLUGIN_CLI_H

#include <stdbool.h>

#include "plugin/loader.h"

int plugin_cli_new(char **args, int count); /* KIND NAME [DIR] */
int plugin_cli_show(struct plugin_registry *registry, const char *what, bool json);
/* `options` for the instances that are made; NULL: the defaults. */
int plugin_cli_check(struct plugin_registry *registry, char **files, const char *options,
		     bool json);

/* FILE.so [WORKLOAD]...; becomes another program. */
int plugin_cli_conformance(char **args, int count, const char *options, bool json);

#endif
