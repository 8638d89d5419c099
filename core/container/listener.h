/* SPDX-License-Identifier: MIT */
/*
 * Containers under a backend that listens (option `listen`): the OCI runtime is told in the
 * bundle's config.json to install a filter that asks, and to hand its listener to the tracer
 * (linux.seccomp.listenerPath).
 */
#ifndef CONTAINER_LISTENER_H
#define CONTAINER_LISTENER_H

#include <jansson.h>

#include "container/tracer.h"
#include "util/err.h"

/* `backend` (a name) is the one among the options of `tkit run`. */
bool listener_wanted(char *const *options, const char *backend);

/*
 * Before the runtime creates container `id` from `bundle`: starts the tracer, and rewrites
 * config.json when it listens. On failure nothing is left running and the bundle is as it was.
 */
int listener_start(const struct tracer_config *config, const char *id, const char *bundle,
		   struct err *err);

/* ---- for tests ---- */

/* Adds the filter to the content of a config.json. -EEXIST if it has a listener already, but for
 * one of tkit's that is gone. */
int listener_edit(json_t *config, const char *path, struct err *err);

#endif
