/* SPDX-License-Identifier: MIT */
/*
 * The command line: a table of subcommands, one file each. Only code in core/cli prints to
 * the user or decides the exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "util/err.h"

/* Exit statuses of tkit itself, as env(1): the command's own status is passed through. */
#define CLI_FAILED     125 /* tkit itself failed */
#define CLI_NOEXEC     126 /* the command was found but could not be run */
#define CLI_NOTFOUND   127 /* the command was not found */
#define CLI_INCOMPLETE 124 /* --strict: the trace is incomplete */

struct cli_command {
	const char *name;
	const char *summary; /* one line */
	const char *help;    /* the whole text of --help; man/helptext.py tells its form */
	int (*run)(int argc,
		   char **argv); /* argv[0] is the subcommand's name; returns exit status */
};

extern const struct cli_command cmd_run, cmd_report, cmd_dump, cmd_merge, cmd_plugin, cmd_doctor,
	cmd_oci_runtime, cmd_oci_hook, cmd_container, cmd_why, cmd_why_not;
extern const struct cli_command cmd_slim, cmd_verify, cmd_bench;

/* Prints "tkit: error: text" for a recorded error and returns CLI_FAILED. */
int cli_error(const struct err *err);

/* The same from a format; "try `tkit NAME --help`" for usage errors. */
int cli_usage(const struct cli_command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
