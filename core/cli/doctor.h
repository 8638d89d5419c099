/* SPDX-License-Identifier: MIT */
/* Facts about the host, for `tkit doctor`. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>

#include "util/buf.h"

/* Writes what matters to tracing about kernel, rights and tools: two columns, or JSON keys. */
void doctor_host(struct buf *out, bool json);

#endif
