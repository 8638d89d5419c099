/* SPDX-License-Identifier: MIT */
/* Small files, read whole and bounded. */
#ifndef CONTAINER_PROCFILE_H
#define CONTAINER_PROCFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCFILE_MAX (16u << 20)

/* Reads a file of up to PROCFILE_MAX bytes into *ret (NUL-terminated, caller frees). Returns
 * its length; -EFBIG if it is longer. */
ssize_t procfile_load(const char *path, char **ret);

/* The same of /proc/PID/NAME. */
int procfile_read(pid_t pid, const char *name, char **ret);

/* Fields of /proc/PID/stat: parent, and start time in ticks since boot. 0 or -errno. */
int procfile_stat(pid_t pid, pid_t *ret_parent, uint64_t *ret_start);

#endif
