// SPDX-License-Identifier: MIT
/* Finds the subcommand and runs it. */
#include "cli/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/plugin.h>

#include "util/log.h"
#include "util/suggest.h"

TKIT_API int tkit_cli_main(int argc, char **argv);

static const struct cli_command *const commands[] = {
	&cmd_run,     &cmd_report,      &cmd_dump,     &cmd_merge,     &cmd_plugin,
	&cmd_doctor,  &cmd_oci_runtime, &cmd_oci_hook, &cmd_container, &cmd_why,
	&cmd_why_not, &cmd_slim,        &cmd_verify,   &cmd_bench};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fputs("Usage: tkit COMMAND [OPTION]... [ARG]...\n"
	      "Finds out which files a program or container really needs.\n\n"
	      "Commands:\n",
	      to);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-11s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions, before COMMAND:\n"
	      "  -h, --help     this text; `tkit COMMAND --help` for a command's own\n"
	      "  -V, --version  version\n"
	      "  -v, --verbose  more messages (twice: debug)\n"
	      "  -q, --quiet    errors only\n\n"
	      "Environment:\n"
	      "  TKIT_PLUGINS_D     more directories with conf files of plugins (`tkit plugin --help`)\n"
	      "  SOURCE_DATE_EPOCH  when an image was made: seconds since 1970\n"
	      "  NO_COLOR           no colours\n\n"
	      "Exit status: that of the traced command; 125 when tkit itself fails, 126 when the\n"
	      "command cannot be run, 127 when it is not found, 124 with --strict when the trace\n"
	      "is incomplete.\n",
	      to);
}

static int unknown_command(const char *name)
{
	const char *names[COMMAND_COUNT];
	const char *near;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i]->name;
	near = suggest(name, names, COMMAND_COUNT);
	if (near)
		return cli_usage(NULL, "unknown command '%s'; did you mean '%s'?", name, near);
	return cli_usage(NULL, "unknown command '%s'", name);
}

int tkit_cli_main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			print_help(stdout);
			return fflush(stdout) ? CLI_FAILED : 0;
		}
		if (!strcmp(argv[i], "-V") || !strcmp(argv[i], "--version")) {
			printf("tkit %s\n", tkit_version());
			return fflush(stdout) ? CLI_FAILED : 0;
		}
		if (!strcmp(argv[i], "-v") || !strcmp(argv[i], "--verbose"))
			log_set_level(log_level() < TKIT_LOG_INFO ? TKIT_LOG_INFO : TKIT_LOG_DEBUG);
		else if (!strcmp(argv[i], "-q") || !strcmp(argv[i], "--quiet"))
			log_set_level(TKIT_LOG_ERROR);
		else
			return cli_usage(NULL, "unknown option '%s'", argv[i]);
	}
	if (i >= argc) {
		print_help(stderr);
		return CLI_FAILED;
	}
	for (size_t k = 0; k < COMMAND_COUNT; k++) {
		if (strcmp(argv[i], commands[k]->name))
			continue;
		for (int a = i + 1; a < argc && strcmp(argv[a], "--"); a++)
			if (!strcmp(argv[a], "--help") || (!strcmp(argv[a], "-h") && a == i + 1)) {
				fputs(commands[k]->help, stdout);
				return fflush(stdout) ? CLI_FAILED : 0;
			}
		return commands[k]->run(argc - i, argv + i);
	}
	return unknown_command(argv[i]);
}
