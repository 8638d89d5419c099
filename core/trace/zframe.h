/* SPDX-License-Identifier: MIT */
/*
 * Where a zstd frame ends (RFC 8878), found without decoding it and without trusting it:
 * so that memory is spent only on frames that are there as a whole.
 */
#ifndef TRACE_ZFRAME_H
#define TRACE_ZFRAME_H

#include <stddef.h>
#include <stdint.h>

#define ZFRAME_MAGIC "\x28\xb5\x2f\xfd"

/* A walk over a frame that comes in piece by piece; all zero at its start. */
struct zframe {
	size_t at;        /* bytes walked over; the frame's size when it is whole */
	uint64_t bound;   /* the content cannot be larger */
	uint64_t content; /* size that the header tells; UINT64_MAX if it does not */
	int last;         /* the last block was passed */
	const char *why;  /* BAD: what is wrong */
};

enum zframe_state { ZFRAME_MORE, ZFRAME_WHOLE, ZFRAME_BAD };

/*
 * Walks on. `data` is the frame from its magic on, `size` what of it is there. BAD: this is
 * no frame of at most `max` bytes (both packed and unpacked) with a checksum.
 */
enum zframe_state zframe_walk(struct zframe *frame, const uint8_t *data, size_t size, size_t max);

/* 1 if data is a skippable frame, whose size goes to *ret_size; needs 8 bytes. */
int zframe_skippable(const uint8_t *data, size_t size, uint64_t *ret_size);

#endif
