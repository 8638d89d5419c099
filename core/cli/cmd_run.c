// SPDX-License-Identifier: MIT
#include "cli/cli.h"

static int run_command(int argc, char **argv)
{
	return cli_usage(&cmd_run, "not written yet");
}

const struct cli_command cmd_run = {.name = "run", .summary = "", .help = "", .run = run_command};
