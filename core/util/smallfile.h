/* SPDX-License-Identifier: MIT */
/* Small files, read whole and bounded. */
#ifndef UTIL_SMALLFILE_H
#define UTIL_SMALLFILE_H

#include <sys/types.h>

#define SMALLFILE_MAX (16u << 20)

/* Reads a file of up to SMALLFILE_MAX bytes into *ret (NUL-terminated, caller frees). Returns
 * its length; -EFBIG if it is longer, -EINVAL if it is no regular file. */
ssize_t smallfile_load(const char *path, char **ret);

#endif
