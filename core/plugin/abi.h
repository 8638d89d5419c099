/* SPDX-License-Identifier: MIT */
/* From a module's descriptor to core's checked copy of it. */
#ifndef PLUGIN_ABI_H
#define PLUGIN_ABI_H

#include <stdbool.h>
#include <stddef.h>

#include <tkit/backend.h>
#include <tkit/plugin.h>
#include <tkit/reporter.h>
#include <tkit/sink.h>

#include "util/err.h"

union abi_ops {
	struct tkit_backend_ops backend;
	struct tkit_sink_ops sink;
	struct tkit_reporter_ops reporter;
};

/* Core's copy of a descriptor. */
struct abi_copy {
	struct tkit_plugin desc; /* `ops` and `options` point to the copies below */
	union abi_ops ops;
	struct tkit_option *options; /* malloc'd */
};

/*
 * Checks the descriptor `raw`, of which `size` bytes may be read, and copies it. `file` is for
 * messages. On failure *ret_id (may be NULL) is the finding's ID. The pointers inside
 * (names, option strings) go on pointing into the module.
 */
int abi_negotiate(const void *raw, size_t size, const char *file, struct abi_copy *copy,
		  const char **ret_id, struct err *err);

#endif
