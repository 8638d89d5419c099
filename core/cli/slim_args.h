/* SPDX-License-Identifier: MIT */
/* Arguments of tkit slim and tkit verify. */
#ifndef CLI_SLIM_ARGS_H
#define CLI_SLIM_ARGS_H

#include <stdbool.h>

#include "cli/cli.h"
#include "slim/slim.h"

struct slim_args {
	struct slim_options options;
	struct drive drive;
	char *source;
	char *runtime;
	const char **rules; /* of all kinds, one after the other */
	const char *engine; /* NULL: not given */
	const char *output; /* -o */
	const char *real;   /* --runtime */
	bool json;
};

/* 0, or an exit status after a complaint. slim_args_done() in both cases. */
int slim_args_parse(struct slim_args *args, const struct cli_command *cmd, int argc, char **argv);
void slim_args_done(struct slim_args *args);

/* Prints the report; the exit status. `rc` and `err`: what slim_run() or slim_verify() gave. */
int slim_finish(const struct slim_args *args, const struct slim_report *report, int rc,
		struct err *err);

#define SLIM_DRIVE_HELP                                                                               \
	"What is done with the running image (repeatable, in the order given):\n"                     \
	"      --exec 'CMD ARG...'  run a command in it; quotes group words, there is no shell\n"     \
	"      --http URL           GET http://..., from inside its network; tried until it\n"        \
	"                           answers\n"                                                        \
	"      --script FILE        run a program on this machine, with TKIT_PID, TKIT_NETNS and\n"   \
	"                           TKIT_ROOT in its environment\n"                                   \
	"Last of all the image's own HEALTHCHECK. Without any of these the image is a program that\n" \
	"ends by itself.\n"                                                                           \
	"\n"

#define SLIM_COMMON_HELP                                                                     \
	"      --timeout T          of one run (60s)\n"                                      \
	"      --stop-timeout T     from the stop signal to SIGKILL (10s)\n"                 \
	"      --engine NAME        where IMAGE comes from: docker or podman\n"              \
	"      --runtime NAME       OCI runtime: runc, crun (the first that is installed)\n" \
	"      --backend B          what watches (auto)\n"                                   \
	"      --read-only          run the minimal image with a read-only root\n"           \
	"      --no-health-check    do not run the image's HEALTHCHECK\n"                    \
	"      --allow-incomplete   go on when the trace lost events\n"                      \
	"      --json               the report as JSON\n"                                    \
	"  -h, --help               this text\n"

#endif
