/* SPDX-License-Identifier: MIT */
/*
 * Reads a tar archive, compressed or not, into a tree. Runs in the sandboxed child. Content
 * that lies in a file as it is stays there and is pointed to; all other is written to the
 * spool, one file without a name.
 */
#ifndef ROOTFS_UNTAR_H
#define ROOTFS_UNTAR_H

#include "rootfs/layering.h"

/* Bytes to read an archive from. */
struct extent {
	int fd;
	uint32_t file;   /* the number of that file; SPOOL is 0 */
	bool stream;     /* no offsets: a pipe */
	uint64_t offset; /* of the archive in it */
	uint64_t size;   /* of the archive; not for streams */
};

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

/*
 * Reads a whole archive into the tree. *budget is what may be read and unpacked, in bytes; it
 * shrinks. 0, or -errno with the cause; -ENOMSG: no tar at all.
 */
int untar(struct layering *l, const struct extent *from, struct spool *spool, uint64_t *budget,
	  struct err *err);

#endif
