// SPDX-License-Identifier: MIT
/* tkit verify: does an image hold what traces say is needed, and does it run. */
#include "cli/slim_args.h"

static const char help[] =
	"Usage: tkit verify [OPTION]... IMAGE|SOURCE TRACE... [-- ARG...]\n"
	"\n"
	"Looks whether an image holds all that the traced runs used, then runs it traced, does with\n"
	"it what the options say, and looks for look-ups that failed and did not in the TRACEs.\n"
	"Needs root and an OCI runtime.\n"
	"\n" SLIM_DRIVE_HELP "Options:\n"
	"      --reference SOURCE   the original image: run it, too, and compare outputs, statuses\n"
	"                           and answers. Without it each command must succeed, and each\n"
	"                           answer be none of a server's errors\n" SLIM_COMMON_HELP "\n"
	"Exit status: 0 verified; 1 not verified; 125 it could not be done; 128 + signal when\n"
	"interrupted.\n"
	"\n"
	"Example:\n"
	"  tkit verify --http http://127.0.0.1/ nginx-slim.tar nginx.tkit\n";

static int run_verify(int argc, char **argv)
{
	struct slim_report report = {.archive = -1};
	struct err err = ERR_INIT;
	struct slim_args args;
	int status = slim_args_parse(&args, &cmd_verify, argc, argv);

	if (!status) {
		int rc = slim_verify(&args.options, &report, &err);

		status = slim_finish(&args, &report, rc, &err);
	}
	err_done(&err);
	slim_report_done(&report);
	slim_args_done(&args);
	return status;
}

const struct cli_command cmd_verify = {
	.name = "verify",
	.summary = "prove that an image runs and holds what traces need",
	.help = help,
	.run = run_verify,
};
