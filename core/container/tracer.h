/* SPDX-License-Identifier: MIT */
/*
 * A tracer of its own for a container: `tkit run` in the background, detached from whoever
 * started it, with its messages in DIR/tkit.log.
 */
#ifndef CONTAINER_TRACER_H
#define CONTAINER_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "container/container.h"

struct tracer_config {
	const char *dir;      /* where traces go; made if it is missing */
	const char *name;     /* template of the file's name, see trace_name() */
	const char *root;     /* root directory, if the init process is not there yet; or NULL */
	char *const *options; /* for `tkit run`: backend and so on; NULL-terminated, or NULL */
	uint64_t timeout_ns;  /* for arming */
	bool alone;           /* the backend finds its target by itself: there is no process yet */
	/* tracer_start(): hand over to the one of tracer_prepare(), if it is there. */
	bool prepared;
	const char *state_root; /* the runtime's --root, or NULL; names the container with its id */
};

/*
 * Starts one for a container that is just being created, and does not wait: it gets ready as far as
 * it can without knowing whom to trace. If tracer_start() is not called, or with other
 * options, it ends by itself (see container/early.h). On failure there is none.
 */
int tracer_prepare(const struct tracer_config *config, const char *id, struct err *err);

/* Starts it and waits until it is armed. On failure nothing is left running. */
int tracer_start(const struct tracer_config *config, const struct container *container,
		 struct err *err);

/* Adds a line to DIR/tkit.log, as far as possible. */
void tracer_log(const char *dir, const char *id, const char *text);

#endif
