/* SPDX-License-Identifier: MIT */
/* The names of one directory of a root, sorted, so that nothing depends on the order of a disk. */
#ifndef ROOTFS_NAMES_H
#define ROOTFS_NAMES_H

#include "rootfs/rootfs.h"

struct names {
	struct buf text; /* type byte, name, NUL byte */
	const char **items;
	size_t count;
};

/* Into a zeroed one; names_done() in any case. 0, -ENOMEM, or -errno as rootfs_list(). */
int names_read(struct names *names, struct tkit_rootfs *fs, struct tkit_bytes dir);
void names_done(struct names *names);

static inline const char *names_at(const struct names *names, size_t i)
{
	return names->items[i] + 1;
}

/* DT_* of dirent(3). */
static inline unsigned char names_type(const struct names *names, size_t i)
{
	return (unsigned char)names->items[i][0];
}

#endif
