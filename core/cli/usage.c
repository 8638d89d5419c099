// SPDX-License-Identifier: MIT
/* What subcommands tell the user when they fail. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"
#include "util/log.h"

int cli_error(const struct err *err)
{
	log_error("%s", err_text(err));
	return CLI_FAILED;
}

int cli_usage(const struct cli_command *cmd, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s (see `tkit %s%s--help`)", text, cmd ? cmd->name : "", cmd ? " " : "");
	return CLI_FAILED;
}
