/* SPDX-License-Identifier: MIT */
/* The command line of `tkit run`, and how `--backend auto` chooses. */
#ifndef CLI_RUN_ARGS_H
#define CLI_RUN_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/loader.h"
#include "session/session.h"

#define RUN_PLUGINS_MAX 16

struct run_args {
	const char *backends[RUN_PLUGINS_MAX];
	size_t backend_count;
	const char *sinks[RUN_PLUGINS_MAX];
	size_t sink_count;
	const char *output;
	const char *root;
	const char *cgroup;
	const char *container; /* --container, a running one; else NULL */
	const char *container_id;
	const char *image_digest;
	const char *bundle; /* of the OCI runtime; NULL = unknown */
	int init_pid;       /* --init-pid; 0 = none */
	int ready_fd;       /* 0 = none */
	int await_fd;       /* where the target will be told; 0 = none */
	int pid;
	uint64_t duration_ns;
	bool until_exit;
	bool strict;
	bool no_snapshot;
	enum tkit_target_kind target;
	bool target_given; /* else it depends on the backends */
	char **command;
};

/* Fills *args. Returns 0 or an exit status, after an error line. */
int run_args_parse(struct run_args *args, int argc, char **argv);

extern const char run_help[]; /* the text of --help */

/* "auto" as name of a backend. */
bool run_is_auto(const char *spec);

/*
 * The backend with the highest rank for the target among all that are installed. Says why
 * not the others at level info; if none can, the reason of each is in the error.
 */
int run_auto(struct plugin_registry *registry, enum tkit_target_kind target, const char *spec,
	     const struct plugin **ret_plugin, struct plugin_options **ret_options,
	     struct err *err);

/* Each backend can watch the target; else an error that names those that could. */
int run_check_targets(struct plugin_registry *registry, enum tkit_target_kind target,
		      const struct session_plugin *backends, size_t count, struct err *err);

#endif
