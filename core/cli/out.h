/* SPDX-License-Identifier: MIT */
/*
 * struct tkit_out: where a report (or a merged trace) goes. Files and folders are made
 * aside, beside their place, and put in place by out_commit().
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>

#include <tkit/reporter.h>

#include "util/err.h"

/*
 * Opens an output. `path` NULL or "-" is standard output. A device, FIFO or socket is
 * written to directly. A file that is there is replaced and keeps its mode; a symlink's
 * target, too. A new one gets `mode`, less the umask.
 */
int out_open_file(const char *path, unsigned int mode, struct tkit_out **ret_out, struct err *err);

/*
 * A folder; it must not exist or be empty. With `force` one that holds only plain files is
 * replaced. What is written (not made with tkit_out_create()) goes to standard output.
 */
int out_open_folder(const char *path, bool force, struct tkit_out **ret_out, struct err *err);

/* The first failed write, as a negative errno; 0 = none so far. */
int out_error(const struct tkit_out *out);

/* Writes out, syncs, puts in place, frees. The first failed write comes out here. */
int out_commit(struct tkit_out *out, struct err *err);

/* Throws away what was written to a file or folder, frees. NULL-safe. */
void out_abandon(struct tkit_out *out);

#endif
