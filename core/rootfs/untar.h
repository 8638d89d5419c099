/* SPDX-License-Identifier: MIT */
/*
 * Reads a tar archive, compressed or not, into a tree. Runs in the sandboxed child. Content
 * that lies in a file as it is stays there and is pointed to; all other is written to the
 * spool, one file without a name.
 */
#ifndef ROOTFS_UNTAR_H
#define ROOTFS_UNTAR_H

#include "rootfs/extent.h"
#include "rootfs/layering.h"

#define UNTAR_SPOOL 0u

struct spool {
	int fd;
	uint64_t end;    /* content that comes next goes here */
	char *buf;       /* SPOOL_BUFFER bytes not yet written */
	uint64_t buf_at; /* where they belong */
	size_t buf_size;
};

int spool_init(struct spool *spool, int fd);
int spool_flush(struct spool *spool);
void spool_done(struct spool *spool);

/* What to read, and what it may cost. */
struct untar_from {
	const struct extent *extent;
	struct packed *packed; /* the extent's unpacked bytes; NULL: libarchive sees to that */
	struct digest *digest; /* with `packed`: gets all of them, those behind the archive, too */
	struct spool *spool;
	uint64_t *budget; /* bytes that may be read and unpacked; it shrinks */
};

/* Reads a whole archive into the tree. 0, or -errno with the cause; -ENOMSG: no tar at all. */
int untar(struct layering *l, const struct untar_from *from, struct err *err);

#endif
