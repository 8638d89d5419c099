/* SPDX-License-Identifier: MIT */
/* Facts about the host, for `tkit doctor`. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>

#include "util/buf.h"

/* Writes what matters to tracing about kernel, rights and tools: two columns, or JSON keys. */
void doctor_host(struct buf *out, bool json);

/* What containers without root need of this user. */
void doctor_rootless(struct buf *out, bool json);

/* Where the command line would find a program; NULL if nowhere. Caller frees. */
char *doctor_program(const char *name);

#endif
