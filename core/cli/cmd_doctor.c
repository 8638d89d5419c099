// SPDX-License-Identifier: MIT
#include "cli/cli.h"

static int run_command(int argc, char **argv)
{
	return cli_usage(&cmd_doctor, "not written yet");
}

const struct cli_command cmd_doctor = {
	.name = "doctor", .summary = "", .help = "", .run = run_command};
