/* SPDX-License-Identifier: MIT */
/* A private directory for a bench. */
#ifndef BENCH_DIR_H
#define BENCH_DIR_H

#include <stddef.h>

#include "util/err.h"

/* A new directory in $TMPDIR or /tmp, of mode 0700; its name in buf. */
int dir_make(char *buf, size_t size, struct err *err);

/* Removes it with all that is in it. Does not follow links, stays on its file system. */
void dir_remove(const char *dir);

#endif
