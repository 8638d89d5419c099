/* SPDX-License-Identifier: MIT */
/* The state that an OCI runtime hands to a hook (runtime-spec, "State"). */
#ifndef CONTAINER_HOOK_H
#define CONTAINER_HOOK_H

#include "container/container.h"

#define HOOK_STATE_MAX (1u << 20)

struct hook_state {
	struct container container;
	char *rootfs;    /* the container's root directory, as a host path */
	char *trace_dir; /* annotation io.tkit.trace, if it is an absolute path; else NULL */
};

/*
 * Reads it, and the bundle's config.json for the root directory. 0 or -errno with the cause;
 * hook_state_done() in both cases.
 */
int hook_state_parse(const char *text, size_t size, struct hook_state *ret, struct err *err);
void hook_state_done(struct hook_state *state);

#endif
