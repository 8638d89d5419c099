// SPDX-License-Identifier: MIT
#include "cli/cli.h"

static int run_command(int argc, char **argv)
{
	return cli_usage(&cmd_dump, "not written yet");
}

const struct cli_command cmd_dump = {.name = "dump", .summary = "", .help = "", .run = run_command};
