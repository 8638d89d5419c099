/* SPDX-License-Identifier: MIT */
/* Asking a backend whether it can run here. */
#ifndef PLUGIN_PROBE_H
#define PLUGIN_PROBE_H

#include <tkit/backend.h>

#include "plugin/loader.h"

/* "command", "pid", "cgroup", "all", "none"; "?" for an unknown one. */
const char *target_name(enum tkit_target_kind kind);

/* The TKIT_CAN_TARGET_* bit of a kind of target; 0 for an unknown one. */
uint64_t target_cap(enum tkit_target_kind kind);

/*
 * Can this backend watch `target` here? Returns its rank 1..100, or -errno with the cause and
 * what would help. A backend without the capability bit for the target is not asked.
 */
int probe_backend(const struct plugin *plugin, const struct plugin_options *options,
		  const struct tkit_target *target, struct err *err);

/* What a backend has said about itself while it was asked, see tkit_facilities(). */
struct probe_told {
	char *facilities; /* the caller's; NULL: nothing */
	uint64_t without;
};

/* The same with a target of which only the kind is known, on the host's root directory. */
int probe_kind(const struct plugin *plugin, const struct plugin_options *options,
	       enum tkit_target_kind kind, struct err *err);

/* As probe_kind(). *ret_told is empty if the backend cannot run here. */
int probe_kind_told(const struct plugin *plugin, const struct plugin_options *options,
		    enum tkit_target_kind kind, struct probe_told *ret_told, struct err *err);

/* What a backend can do with these options (NULL: not known): TKIT_CAN_*. */
uint64_t backend_caps(const struct plugin *plugin, const struct plugin_options *options);

#endif
