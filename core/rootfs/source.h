/* SPDX-License-Identifier: MIT */
/* Inside of tkit_rootfs_open(): archives and images as root file systems. */
#ifndef ROOTFS_SOURCE_H
#define ROOTFS_SOURCE_H

#include "rootfs/imgread.h"
#include "rootfs/rootfs.h"

#define SOURCE_FILES_MAX 1100 /* spool, input, or the blobs of an OCI layout */

/* The files that content is in. */
struct source_files {
	uint32_t count;
	int *fds;           /* -1: not there */
	struct stat *stats; /* as they were when opened */
};

void source_files_done(struct source_files *files);

/* Adds a descriptor, which it owns from then on. Its number or -errno. */
int source_files_add(struct source_files *files, int fd);

/* What a sandboxed reader has found. */
struct source_image {
	struct imgtree tree;
	struct source_files files;
	struct imgconfig *config; /* NULL: no image, only a tar */
};

void source_image_done(struct source_image *image);

/*
 * Reads an archive or layout. `input`: descriptor of the archive, or of the layout's
 * directory; not closed. 0 or -errno with the cause.
 */
int source_read(enum image_kind kind, int input, const struct tkit_rootfs_options *options,
		struct source_image *ret_image, struct err *err);

/* A root from what was read, which it takes over. */
int rootfs_image_new(struct source_image *image, struct tkit_rootfs **ret_rootfs);

#endif
