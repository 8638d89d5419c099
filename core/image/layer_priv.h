/* SPDX-License-Identifier: MIT */
/* What layer.c (members) and layer_content.c (their bytes) share. */
#ifndef IMAGE_LAYER_PRIV_H
#define IMAGE_LAYER_PRIV_H

#include "image/layer.h"
#include "rootfs/rootfs.h"
#include "util/buf.h"
#include "util/holes.h"

#define LAYER_COPY_SIZE (256 * 1024)

struct layer {
	struct tkit_ctx *ctx;
	struct tkit_closure *closure;
	struct archive *tar;
	struct archive_entry *member;
	char *data; /* LAYER_COPY_SIZE */
	char *list; /* XATTR_SIZE */
	struct buf text;
	const struct layer_output *out;
	struct holes_out file;
	unsigned int *links; /* names of the file, of each entry */
	int failed;          /* negative errno of writing; what follows is thrown away */
};

/* layer.c: each records the cause and returns it. */
int layer_fail(struct layer *l, int rc, const struct tkit_closure_entry *entry, const char *what);
int layer_tar_fail(struct layer *l);

/* layer_content.c: each returns 0 or -errno with a recorded cause. */

/* Opens the file of `entry`; what the run itself wrote gets the metadata that it has by now. */
int layer_open_content(struct layer *l, struct tkit_closure_entry *entry,
		       struct rootfs_content *content);

/* Its bytes, behind its header. */
int layer_copy_content(struct layer *l, const struct tkit_closure_entry *entry,
		       const struct rootfs_content *content);

/* The text of a file that is in no root: it was made for the closure. */
int layer_write_made(struct layer *l, const struct tkit_closure_entry *entry);

#endif
