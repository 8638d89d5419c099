/* SPDX-License-Identifier: MIT */
/*
 * One traced run: target, backends, bus, sinks, life cycle (DESIGN: docs/ARCHITECTURE.md).
 *
 * Threads: the main thread launches, watches the command and signals; each backend has a
 * thread of its own for all calls to it; one writer thread makes all calls to the sinks.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/sink.h>

#include "plugin/loader.h"

struct session_plugin {
	const struct plugin *plugin;
	struct plugin_options *options; /* borrowed */
	const char *output;             /* sinks: -o or NULL */
};

struct session_config {
	const struct session_plugin *backends;
	size_t backend_count;
	const struct session_plugin *sinks;
	size_t sink_count;

	enum tkit_target_kind target;
	char **argv;          /* COMMAND */
	const char *root;     /* run the command in this directory as root; NULL = "/" */
	int pid;              /* PID */
	const char *cgroup;   /* CGROUP */
	uint64_t duration_ns; /* 0 = until the target ends */
	size_t queue_batches; /* 0 = default */
};

struct session_result {
	int wait_status; /* of the command; -1 = none */
	int exec_errno;  /* the command could not be executed: errno, else 0 */
	bool complete;
	bool forced;
	uint64_t events; /* written */
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint64_t queue_waits; /* times a backend waited for the bus */
};

/*
 * Runs a session to its end. Returns 0 with *ret_result filled, or -errno with the cause
 * when tkit itself failed (then the sinks have been closed, and what they wrote is kept
 * as an incomplete trace if the run had begun).
 */
int session_run(const struct session_config *config, struct session_result *ret_result,
		struct err *err);

#endif
