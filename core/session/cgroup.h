/* SPDX-License-Identifier: MIT */
/* Control groups as directories; v1 and v2 alike. */
#ifndef SESSION_CGROUP_H
#define SESSION_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Calls fn for each process in the group and in those below it, until it returns nonzero;
 * returns that. A process that comes or moves meanwhile may be told twice or not at all.
 * -ENOENT if the group is gone, other -errno if it cannot be read.
 */
int cgroup_each(const char *dir, int (*fn)(void *arg, pid_t pid), void *arg);

/* The same, and 0 for each process that has no number in tkit's pid namespace. */
int cgroup_each_all(const char *dir, int (*fn)(void *arg, pid_t pid), void *arg);

/* No process is in the group or below it, or the group is gone. */
bool cgroup_empty(const char *dir);

#endif
