/* SPDX-License-Identifier: MIT */
/* Facts from /proc. Processes come and go: each answer may be old when it arrives. */
#ifndef SESSION_PROCFS_H
#define SESSION_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* State letter of /proc/PID/stat ('R', 'T', 't', 'Z', ...); 0 if there is no such process. */
char procfs_state(pid_t pid);

/* Parent of a process, -1 if it is gone. */
pid_t procfs_parent(pid_t pid);

/* The process exists and is not a zombie. */
bool procfs_alive(pid_t pid);

/*
 * Calls fn for each present descendant of `pid`, itself left out, parents before children.
 * Returns their number or -errno.
 */
int procfs_descendants(pid_t pid, void (*fn)(void *arg, pid_t pid, pid_t parent), void *arg);

/* readlink of /proc/PID/NAME into buf, NUL-terminated. Returns the length or -errno. */
ssize_t procfs_link(pid_t pid, const char *name, char *buf, size_t size);

#endif
