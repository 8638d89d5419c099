/* SPDX-License-Identifier: MIT */
/* Files without a name, for more than memory should hold. */
#ifndef UTIL_TMPFILE_H
#define UTIL_TMPFILE_H

#include <stdint.h>

/* An empty file for reading and writing in $TMPDIR, /var/tmp or /tmp. fd or -errno. */
int tmpfile_open(void);

/*
 * A copy of part of a file: in memory if it is small, else as tmpfile_open(); offset at the
 * beginning. fd or -errno; -ENODATA if the source ends early.
 */
int tmpfile_copy(int from, uint64_t offset, uint64_t size);

#endif
