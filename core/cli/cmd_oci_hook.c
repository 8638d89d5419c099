// SPDX-License-Identifier: MIT
/*
 * tkit oci-hook: an OCI createRuntime hook (runtime-spec, "POSIX-platform Hooks"). It gets the
 * container's state as JSON, attaches a tracer while the runtime waits, and returns. The
 * tracer ends with the container, so at poststop there is nothing left to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci.h"
#include "container/hook.h"
#include "util/cleanup.h"
#include "util/log.h"

static const char oci_hook_help[] =
	"Usage: tkit oci-hook [OPTION]... [STAGE]\n"
	"\n"
	"To be named as createRuntime (or prestart) hook of an OCI container: reads the state\n"
	"from standard input, attaches a tracer and returns when it is armed. At STAGE poststop\n"
	"it does nothing: the tracer ends with the container. The annotation io.tkit.trace, if\n"
	"it is an absolute path, names the directory for the trace.\n"
	"\n"
	"Options:\n" OCI_OPTIONS_HELP "  -h, --help           this text\n"
	"\n"
	"Example, /etc/containers/oci/hooks.d/tkit.json, for `podman run --annotation\n"
	"io.tkit.trace=/srv/traces IMAGE`:\n"
	"  {\"version\": \"1.0.0\",\n"
	"   \"hook\": {\"path\": \"/usr/bin/tkit\", \"args\": [\"tkit\", \"oci-hook\"], \"timeout\": 30},\n"
	"   \"when\": {\"annotations\": {\"^io\\\\.tkit\\\\.trace$\": \".+\"}},\n"
	"   \"stages\": [\"createRuntime\"]}\n";

/* Standard input to its end; states are small. */
static int read_state(char **ret, size_t *ret_size, struct err *err)
{
	size_t size = 0;
	char *text = malloc(HOOK_STATE_MAX);

	if (!text)
		return err_sys(err, -ENOMEM, "reading the state");
	while (size < HOOK_STATE_MAX) {
		ssize_t n = read(STDIN_FILENO, text + size, HOOK_STATE_MAX - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		size += (size_t)n;
	}
	*ret = text;
	*ret_size = size;
	return 0;
}

static int attach(struct oci_args *args, struct hook_state *state, struct err *err)
{
	int rc = container_is_apart(&state->container, err);

	if (rc < 0)
		return rc;
	if (state->trace_dir)
		args->tracer.dir = state->trace_dir;
	args->tracer.root = state->rootfs;
	return tracer_start(&args->tracer, &state->container, err);
}

static int run_oci_hook(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct hook_state state = {0};
	struct err err = ERR_INIT;
	struct oci_args args;
	size_t size = 0;
	int rest, rc, status = oci_args_parse(&args, &cmd_oci_hook, argc, argv, &rest);

	if (status)
		return status;
	if (argv[rest] && strcmp(argv[rest], "poststop") == 0)
		return 0;
	rc = read_state(&text, &size, &err);
	if (rc == 0)
		rc = hook_state_parse(text, size, &state, &err);
	if (rc == 0)
		rc = attach(&args, &state, &err);
	if (rc < 0) {
		tracer_log(args.tracer.dir, state.container.id ? state.container.id : "?",
			   err_text(&err));
		if (args.block)
			status = cli_error(&err);
		else
			log_warn("the container runs untraced: %s", err_text(&err));
	}
	err_done(&err);
	hook_state_done(&state);
	return status;
}

const struct cli_command cmd_oci_hook = {
	.name = "oci-hook",
	.summary = "OCI hook that traces a container",
	.help = oci_hook_help,
	.run = run_oci_hook,
};
