// SPDX-License-Identifier: MIT
/*
 * tkit oci-runtime: stands where an engine expects runc, hands everything through to the
 * real runtime, and attaches a tracer at `start`: the container is there then, but its first
 * process still waits for the word to execute the container's program. The tracer has got ready
 * since `create`, beside the runtime.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci.h"
#include "container/early.h"
#include "container/enter.h"
#include "container/listener.h"
#include "container/runtime.h"
#include "util/cleanup.h"
#include "util/log.h"

/* The one that a container's runtime hands its notifications to. */
#define LISTENING_BACKEND "seccomp_notify"

static const char oci_runtime_help[] =
	"Usage: tkit oci-runtime [OPTION]... [--] RUNTIME-ARG...\n"
	"\n"
	"An OCI runtime for docker, podman and containerd: passes RUNTIME-ARGs on to runc or\n"
	"crun, and traces each container from its first instruction to its end, processes of\n"
	"`exec` included. Also runs as `tkit-runc RUNTIME-ARG...`, with options from the\n"
	"environment.\n"
	"\n"
	"Options:\n" OCI_OPTIONS_HELP
	"      --real RUNTIME   the runtime that does the work (TKIT_REAL_RUNTIME); default: runc\n"
	"                       or crun in PATH\n"
	"  -h, --help           this text\n"
	"\n"
	"Messages go to DIR/tkit.log.\n"
	"\n"
	"Exit status: that of the runtime; 125 when tkit failed.\n"
	"\n"
	"Examples:\n"
	"  {\"runtimes\": {\"tkit\": {\"path\": \"/usr/bin/tkit\", \"runtimeArgs\": [\"oci-runtime\"]}}}\n"
	"                       in docker's daemon.json; then: docker run --runtime tkit IMAGE\n"
	"  podman --runtime /usr/bin/tkit-runc run IMAGE\n";

static int attach(const struct oci_args *args, const struct runtime_call *call, struct err *err)
{
	struct container container;
	int rc;

	if (!call->id)
		return 0; /* the runtime will say what it thinks of that */
	rc = container_from_state(call->root, call->id, &container, err);
	if (rc == 0 && !container.started) { /* else the runtime will refuse */
		rc = container_is_apart(&container, err);
		if (rc == 0)
			rc = tracer_start(&args->tracer, &container, err);
	}
	container_done(&container);
	return rc;
}

/* Begins with what takes long while the runtime makes the container; only to save time. */
static void begin(const struct oci_args *args, const struct runtime_call *call)
{
	struct err err = ERR_INIT;

	if (call->id && tracer_prepare(&args->tracer, call->id, &err) < 0)
		log_info("no tracer is prepared: %s", err_text(&err));
	err_done(&err);
}

/* Has to be there before the container is. */
static int prepare(const struct oci_args *args, const struct runtime_call *call, struct err *err)
{
	return call->id ? listener_start(&args->tracer, call->id, call->bundle ? call->bundle : ".",
					 err)
			: 0;
}

/* A process that comes into a container which is traced. */
static int enter(const struct oci_args *args, const struct runtime_call *call, struct err *err)
{
	struct container container;
	int rc;

	if (!call->id)
		return 0;
	rc = container_from_state(call->root, call->id, &container, err);
	if (rc == 0)
		rc = enter_be_traced(&container, args->tracer.timeout_ns, err);
	container_done(&container);
	return rc;
}

/* What waits for its start would wait for ever: engines do not end it. */
static void end_container(const struct runtime_call *call)
{
	struct container container;

	if (container_from_state(call->root, call->id, &container, NULL) == 0 && !container.started)
		kill(container.init, SIGKILL);
	container_done(&container);
}

/* A container that cannot be traced: 0 if it is to run all the same. */
static int attach_failed(const struct oci_args *args, const struct runtime_call *call,
			 struct err *err)
{
	const char *id = call->id;

	tracer_log(args->tracer.dir, id, err_text(err));
	if (!args->block) {
		if (strcmp(call->command, "run") != 0) /* whose output is the container's */
			log_warn("container %s runs untraced: %s", id, err_text(err));
		err_done(err);
		return 0;
	}
	/* Whatever has that id when another one is to be created is none of ours. */
	if (strcmp(call->command, "start") == 0)
		end_container(call);
	err_wrap(err, "container %s is not started, as it cannot be traced", id);
	runtime_log(call, err_text(err));
	cli_error(err);
	err_done(err);
	return CLI_FAILED;
}

/* Before there is a container. */
static int before_create(const struct oci_args *args, const struct runtime_call *call, bool notify)
{
	struct err err = ERR_INIT;

	if (notify)
		return prepare(args, call, &err) < 0 ? attach_failed(args, call, &err) : 0;
	if (strcmp(call->command, "create") == 0) {
		begin(args, call);
		return 0;
	}
	if (!call->id)
		return 0;
	/* Created and started in one go. */
	err_set(&err, -ENOTSUP,
		"the runtime's `run` leaves no time to attach before the first instruction; "
		"use create and start, or --backend seccomp_notify");
	return attach_failed(args, call, &err);
}

/* What tkit does before the runtime. Returns 0 or an exit status. */
static int before(const struct oci_args *args, const struct runtime_call *call, bool notify)
{
	struct err err = ERR_INIT;

	if (strcmp(call->command, "create") == 0 || strcmp(call->command, "run") == 0) {
		return before_create(args, call, notify);
	} else if (notify) {
		return 0;
	} else if (strcmp(call->command, "start") == 0) {
		if (attach(args, call, &err) < 0)
			return attach_failed(args, call, &err);
	} else if (strcmp(call->command, "exec") == 0) {
		/* The tracer counts it as a loss when it sees it come in. */
		if (enter(args, call, &err) < 0)
			tracer_log(args->tracer.dir, call->id, err_text(&err));
		err_done(&err);
	} else if (strcmp(call->command, "delete") == 0 && call->id) {
		early_call_off(call->root, call->id);
	}
	return 0;
}

static int run_oci_runtime(int argc, char **argv)
{
	_cleanup_free_ char *real = NULL;
	struct err err = ERR_INIT;
	struct runtime_call call;
	struct oci_args args;
	bool notify;
	int rest, status = oci_args_parse(&args, &cmd_oci_runtime, argc, argv, &rest);

	if (status)
		return status;
	runtime_parse(argv + rest, &call);
	if (runtime_find(args.real, &real, &err) < 0) {
		runtime_log(&call, err_text(&err));
		status = cli_error(&err);
		err_done(&err);
		return status;
	}
	args.tracer.prepared = true;
	args.tracer.state_root = call.root;
	notify = listener_wanted(args.options, LISTENING_BACKEND);
	status = call.command ? before(&args, &call, notify) : 0;
	if (status)
		return status;
	argv[rest - 1] = real;
	execv(real, argv + rest - 1);
	err_sys(&err, -errno, "executing %s", real);
	runtime_log(&call, err_text(&err));
	status = cli_error(&err);
	err_done(&err);
	return status;
}

const struct cli_command cmd_oci_runtime = {
	.name = "oci-runtime",
	.summary = "stand in for runc or crun and trace each container",
	.help = oci_runtime_help,
	.run = run_oci_runtime,
};
