/* SPDX-License-Identifier: MIT */
/* What the two ways to know of mounts have in common: what is mounted, and what is going to be. */
#ifndef CONTAINER_MOUNTS_PRIV_H
#define CONTAINER_MOUNTS_PRIV_H

#include <stdbool.h>

#include "container/mounts.h"
#include "util/mountinfo.h"

#define MOUNTS_MAX 4096

struct mounts_seen {
	const struct mountinfo *line;
	const char *at; /* in the container */
	const char *id; /* the container's; "" = unknown */
	const json_t *config;
	bool is_file; /* the mount point is no directory */
};

/* Adds one, or puts it in the place of the one that is hidden by it. */
int mounts_add(struct container_mounts *mounts, size_t *room, const struct mounts_seen *seen);

/* Sorts them, or (rc < 0) frees them. Returns rc. */
int mounts_end(struct container_mounts *mounts, int rc);

/* Whether a path is `dir` or below. */
bool mounts_below(const char *path, const char *dir);

#endif
