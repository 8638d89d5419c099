/* SPDX-License-Identifier: MIT */
/* A stretch of a file that holds an archive, read in order; what is compressed in it, unpacked. */
#ifndef ROOTFS_EXTENT_H
#define ROOTFS_EXTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/digest.h"
#include "util/err.h"

/* Bytes to read an archive from. */
struct extent {
	int fd;
	uint32_t file;   /* the number of that file; SPOOL is 0 */
	bool stream;     /* no offsets: a pipe */
	uint64_t offset; /* of the archive in it */
	uint64_t size;   /* of the archive; not for streams */
};

/* On its way through one. */
struct extent_reader {
	const struct extent *from;
	uint64_t pos;
	char *buf;
};

int extent_start(struct extent_reader *reader, const struct extent *from); /* 0 or -ENOMEM */
void extent_done(struct extent_reader *reader);

/* The next bytes, borrowed until the next call. Their number, 0 at the end, or -errno. */
ssize_t extent_read(struct extent_reader *reader, const void **ret_data);

/* Goes on without reading. Returns by how much; 0 for streams. */
uint64_t extent_skip(struct extent_reader *reader, uint64_t want);

/* The digest of the whole extent, no stream, by the algorithm of `like`. 0 or -errno. */
int extent_digest(const struct extent *from, const struct digests *digests, const char *like,
		  char text[DIGEST_TEXT]);

/* The unpacked bytes of a compressed extent. */
struct packed;

/* *ret is NULL if the extent is not compressed. 0 or -errno with the cause. */
int packed_open(const struct extent *from, struct packed **ret, struct err *err);
void packed_free(struct packed *packed); /* NULL-safe */

/* As extent_read(); -errno with a cause. */
ssize_t packed_read(struct packed *packed, const void **ret_data, struct err *err);

/* Adds libarchive's decompressors, those that it has without running a program. */
struct archive;
void extent_filters(struct archive *archive);

#endif
