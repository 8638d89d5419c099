/* SPDX-License-Identifier: MIT */
/*
 * Members of tar archives, laid over each other in a tree as container engines unpack them,
 * but nothing is unpacked. Every rule on names is here: what leads out of the tree, what is
 * too long, whiteouts, hard links, what replaces what.
 */
#ifndef ROOTFS_LAYERING_H
#define ROOTFS_LAYERING_H

#include "rootfs/imgtree.h"
#include "util/err.h"

struct layering {
	struct imgtree tree;
	uint16_t layer;      /* that members belong to; lower numbers lie below */
	bool whiteouts;      /* names with .wh. are orders; a plain archive has none */
	struct buf last_dir; /* name of the last member's directory, and its node */
	uint32_t last_node;
};

/* A member of an archive. */
struct layer_member {
	struct tkit_bytes name;
	struct tkit_bytes hardlink; /* empty: it is a file of its own */
	struct tkit_bytes target;   /* symlinks */
	struct tkit_bytes xattrs;   /* see imgtree_xattr_next() */
	struct imgtree_inode inode; /* text fields are filled in here */
};

/* Members of the next layer follow. */
void layering_next(struct layering *l);

/* Puts one member in. 0 or -errno with the cause. */
int layering_add(struct layering *l, struct layer_member *member, struct err *err);

/*
 * The node that a relative name leads to, symlinks followed inside the tree. -ENOENT,
 * -ENOTDIR, -ELOOP.
 */
int layering_find(struct layering *l, struct tkit_bytes name, uint32_t *ret_node);

void layering_done(struct layering *l);

#endif
