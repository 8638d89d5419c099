// SPDX-License-Identifier: MIT
#include "cli/cli.h"

static int run_command(int argc, char **argv)
{
	return cli_usage(&cmd_report, "not written yet");
}

const struct cli_command cmd_report = {
	.name = "report", .summary = "", .help = "", .run = run_command};
