/* SPDX-License-Identifier: MIT */
/* Names of the capability bits of backends and of the needs of reporters. */
#ifndef PLUGIN_CAPS_H
#define PLUGIN_CAPS_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/plugin.h>

#include "util/buf.h"

struct cap_name {
	uint64_t bit;
	const char *name; /* "failed" */
	const char *text; /* "accesses that fail" */
};

/* The bits that plugins of this kind can have. Sinks have none (*ret_count is 0). */
const struct cap_name *caps_table(enum tkit_kind kind, size_t *ret_count);

/* Name of one bit, NULL if this version does not know it. */
const char *caps_name(enum tkit_kind kind, uint64_t bit);

/* Bits of `caps` that have no meaning for this kind. */
uint64_t caps_unknown(enum tkit_kind kind, uint64_t caps);

/* The names of all set bits, "open, exec"; an unknown bit as "bit-17". */
void caps_text(struct buf *buf, enum tkit_kind kind, uint64_t caps, const char *separator);

#endif
