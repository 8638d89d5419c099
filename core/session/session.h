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
	char **argv;        /* COMMAND */
	const char *root;   /* run the command in this directory as root; NULL = "/" */
	int pid;            /* PID */
	const char *cgroup; /* CGROUP */
	/*
	 * CGROUP: the first process of the container in it, whose root directory is the target's
	 * and with which the trace ends; 0 = none. `entering`: it has not executed the
	 * container's program yet, see session/entry.h.
	 */
	int init_pid;
	bool entering;
	const char *container_id;             /* for the trace; NULL = none */
	const char *image_digest;             /* likewise */
	const struct tkit_mount_info *mounts; /* likewise: of the container */
	uint32_t mount_count;
	int ready_fd;         /* gets one byte when armed and is closed; 0 = none */
	uint64_t duration_ns; /* 0 = until the target ends */
	size_t queue_batches; /* 0 = default */
	bool until_exit;      /* COMMAND, PID: end with the process itself, not with its tree */
	uint64_t drain_ns;    /* longest silence of a backend after stop(); 0 = default (10 s) */
	bool no_snapshot;     /* leave out what the target has open already */
	/*
	 * Not NULL: whom to watch (CGROUP) is not known yet. Called once by session_run(), while
	 * backends with TKIT_BACKEND_EARLY are being opened and before any sink is. Waits, and
	 * fills in what is missing in this very struct, outputs of sinks included. Returns 0;
	 * -ECANCELED when nobody is to be watched, or as soon as `stop_fd` is readable; or another
	 * -errno. On failure nothing has been made, and session_run() returns the same.
	 */
	int (*await)(void *arg, int stop_fd, struct err *err);
	void *await_arg;
};

struct session_result {
	int wait_status; /* of the command; -1 = none */
	int exec_errno;  /* the command could not be executed: errno, else 0 */
	bool complete;
	bool forced;
	uint64_t events; /* written */
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint64_t queue_waits; /* times a backend waited for the bus */
	uint64_t accesses;    /* facts: sum of `count` over accesses and execs */
	int signal;     /* forced, or interrupted before the release, by this signal; else 0 */
	bool reported;  /* the failure has been logged already, when it happened */
	bool abandoned; /* a plugin hangs in a thread: free nothing, leave by _exit(2) */
};

/*
 * Runs a session to its end. Returns 0 with *ret_result filled, or -errno with the cause
 * when tkit itself failed (then the sinks have been closed, and what they wrote is kept
 * as an incomplete trace if the run had begun); *ret_result is filled then, too.
 *
 * A command whose trace ended early (failure, duration_ns) goes on untraced, and
 * session_run() waits for it, unless it was told by a second signal to leave it alone.
 */
int session_run(const struct session_config *config, struct session_result *ret_result,
		struct err *err);

#endif
