/* SPDX-License-Identifier: MIT */
/* What the OCI runtime is given for a box: a root that forgets what is written, and its
 * configuration. */
#ifndef SLIM_BUNDLE_H
#define SLIM_BUNDLE_H

#include "slim/box.h"

/* Mounts the box's memory and root, writes the configuration; sets box->path. */
int bundle_make(struct box *box, struct err *err);

/* Writes the description of a further process; its file, which the caller frees. */
int bundle_process(const struct box *box, char *const *argv, char **ret_file, struct err *err);

#endif
