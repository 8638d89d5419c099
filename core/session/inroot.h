/* SPDX-License-Identifier: MIT */
/* Opening a path inside a root directory, whatever symlinks and dots it holds. */
#ifndef SESSION_INROOT_H
#define SESSION_INROOT_H

/*
 * Opens `path` (absolute, or relative to the root) as a process with root directory
 * root_fd would; O_CLOEXEC is added. Never leaves root_fd, never follows magic links.
 * Uses openat2(2), or a walk by hand where the kernel has none. Returns the descriptor
 * or -errno.
 */
int inroot_open(int root_fd, const char *path, int flags);

/* The walk by hand; for tests. */
int inroot_walk(int root_fd, const char *path, int flags);

/* A regular file for reading; anything else is -EINVAL and is not touched. */
int inroot_open_file(int root_fd, const char *path);

#endif
