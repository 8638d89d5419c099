/* SPDX-License-Identifier: MIT */
/* An image to run: its files, as a root to look into and as directories to mount. */
#ifndef SLIM_SOURCE_H
#define SLIM_SOURCE_H

#include <stdbool.h>

#include <tkit/image.h>

#include "slim/workdir.h"
#include "util/err.h"
#include "util/proc.h"

struct imgconfig;

struct slim_source {
	struct tkit_rootfs *rootfs;
	bool borrowed;                          /* somebody else frees the rootfs */
	const struct tkit_image_config *config; /* NULL: a plain root */
	char *lower;                            /* for overlay's lowerdir= */
	struct imgconfig *own;                  /* the configuration, if the rootfs has none */
};

/*
 * Opens a source (see tkit_rootfs_open()) and makes it ready to be run at DIR/NAME: a directory
 * and what docker keeps on this machine is mounted there, anything else unpacked.
 */
int slim_source_open(const struct workdir *dir, struct proc_set *procs, const char *name,
		     const char *source, struct slim_source *ret, struct err *err);
void slim_source_done(struct slim_source *source);

/* Number of entries, and bytes in regular files, hard links once. */
int slim_source_size(struct tkit_rootfs *rootfs, size_t *ret_count, uint64_t *ret_bytes);

/*
 * The source that a word of the command line means: itself if it has a prefix or is there as a
 * file or directory, else an image of `engine` (NULL: docker, or podman if only that is
 * installed). Caller frees; NULL when memory is short.
 */
char *slim_source_name(const char *word, const char *engine);

#endif
