/* SPDX-License-Identifier: MIT */
/* What `tkit oci-runtime` and `tkit oci-hook` have in common: their options. */
#ifndef CLI_OCI_H
#define CLI_OCI_H

#include <stdbool.h>

#include "cli/cli.h"
#include "container/tracer.h"

#define OCI_OPTIONS_MAX 32

struct oci_args {
	struct tracer_config tracer;
	const char *real;               /* path or name of the runtime; NULL = found */
	char *options[OCI_OPTIONS_MAX]; /* for `tkit run` */
	size_t option_count;
	bool block; /* a container that cannot be traced must not start */
	int timeout_ms;
};

/*
 * Defaults, then the environment (TKIT_TRACE_DIR, TKIT_TRACE_NAME, TKIT_BACKEND,
 * TKIT_ON_FAILURE, TKIT_TIMEOUT), then options up to "--" or the
 * first word that is none of them.
 * Returns 0 with the index of the rest in *ret_rest, or an exit status after an error line.
 */
int oci_args_parse(struct oci_args *args, const struct cli_command *command, int argc, char **argv,
		   int *ret_rest);

#define OCI_OPTIONS_HELP                                                                          \
	"  -d, --dir DIR        where traces go (TKIT_TRACE_DIR); default /var/lib/tkit/traces\n" \
	"      --name TEMPLATE  file name (TKIT_TRACE_NAME), with {id} {fullid} {name} {image}\n" \
	"                       {time}; default {name}-{id}-{time}.tkit\n"                        \
	"  -b, --backend B[,KEY=VALUE]...\n"                                                      \
	"                       as for `tkit run` (TKIT_BACKEND); default auto\n"                 \
	"      --on-failure W   continue: a container that cannot be traced runs untraced\n"      \
	"                       (default); block: it does not start (TKIT_ON_FAILURE)\n"          \
	"      --timeout T      how long the tracer may take to arm (TKIT_TIMEOUT); default 10s\n"

#endif
