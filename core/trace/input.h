/* SPDX-License-Identifier: MIT */
/*
 * Whole, verified frames from a descriptor; what is damaged is passed over up to the next
 * frame that is good.
 */
#ifndef TRACE_INPUT_H
#define TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zstd.h>

#include "trace/zframe.h"

struct input {
	int fd;
	uint8_t *data; /* read ahead: [start, end) of it */
	size_t start, end, room;
	uint64_t offset; /* in the file, of `start` */
	uint64_t skip;   /* bytes to pass over before anything else */
	bool eof;

	struct zframe walk; /* of the frame at `start` */
	bool delivered;     /* that frame was handed out: go on behind it */
	ZSTD_DCtx *zstd;
	uint8_t *content; /* of the frame */
	size_t content_size, content_room;
	uint64_t frame_offset; /* in the file, of that frame */
	uint64_t frame_size;

	/* What had to be passed over before this frame. */
	const char *damage_text; /* NULL = nothing */
	uint64_t damage_offset;
	uint64_t damage_size;
	bool scanning;   /* looking for the next good frame */
	bool cut;        /* a skippable frame ends behind the end of the file */
	uint64_t wasted; /* bytes decoded in vain: bounds the work on hostile input */
};

int input_init(struct input *input, int fd); /* 0 or -ENOMEM */
void input_done(struct input *input);

/* Reads until `size` bytes are there, before the first input_next(). How many are, or -errno. */
int input_peek(struct input *input, size_t size);

/*
 * Next good frame: 1, and `content` is what it holds; 0 at the end of the file; -errno if
 * reading failed (-EAGAIN: call again later). After 1 and 0, damage_text tells whether
 * something had to be passed over; the caller sets it back to NULL.
 */
int input_next(struct input *input);

#endif
