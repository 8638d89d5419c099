/* SPDX-License-Identifier: MIT */
/*
 * Files and folders that are made beside their place ("dir/.name.tkit-XXXXXX" for "dir/name")
 * and put there when they are whole. Nothing of them stays behind: a file has no name
 * until then where the file system can do that; signals that end the process remove what has
 * one; and what a killed process left is removed by the next that makes the same name. It is
 * known by a lock (flock(2)), which its maker holds as long as it lives.
 */
#ifndef CLI_ASIDE_H
#define CLI_ASIDE_H

#include <stdbool.h>
#include <sys/types.h>

struct aside;

/*
 * Makes one for `path`; a folder is 0700, a file 0600. Removes leftovers. 0 or -errno.
 */
int aside_new(const char *path, bool folder, struct aside **ret);

/* The file or folder, open; closed by aside_free(). */
int aside_fd(const struct aside *aside);

/* Its own name; NULL: a file without one. */
const char *aside_name(const struct aside *aside);

/* Puts a file in place, over what is there. 0 or -errno. */
int aside_place_file(struct aside *aside);

/*
 * Puts a folder in place, where nothing or an empty folder is; with `exchange` over any
 * folder, which then has the temporary name and is removed by aside_free().
 */
int aside_place_folder(struct aside *aside, bool exchange);

/* Removes what was not put in place, closes, frees. NULL-safe. */
void aside_free(struct aside *aside);

#endif
