/* SPDX-License-Identifier: MIT */
/*
 * Frames of a trace, one after the other, with the block in each unpacked; if wanted, by a thread
 * that is a few frames ahead of who uses them.
 */
#ifndef TRACE_FRAMES_H
#define TRACE_FRAMES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/decode.h"
#include "trace/input.h"
#include "trace/record.h"

#define FRAMES_AHEAD 3 /* with the one in use */

/* One frame, or the end. Good until the next frames_next(). */
struct frame {
	int rc;           /* 1; 0 = the file is at its end; -errno: reading failed */
	uint8_t *content; /* unpacked: records, each with its length before it */
	size_t content_size, content_room;
	uint64_t offset, size; /* in the file */
	uint64_t end;          /* how far the file was looked at */

	/* What had to be passed over before it. */
	const char *damage_text; /* NULL = nothing */
	uint64_t damage_offset, damage_size;

	/* Its first record, if it is a block of usual size. */
	size_t first_size; /* with the length; 0 = it was not unpacked */
	int first_rc;      /* of record_unpack() */
	int block_rc;      /* of decode_block_start() */
	struct record record;
	struct decode_block block;
};

struct frames {
	struct input input; /* the thread's, while there is one */
	struct frame slots[FRAMES_AHEAD];
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t made, used; /* frames, that are there and that are done with; slot = number %
				FRAMES_AHEAD */
	bool given;          /* number `used` is in use */
	bool stop;
};

int frames_init(struct frames *frames, int fd); /* 0 or -ENOMEM */
void frames_done(struct frames *frames);

/*
 * From now on a thread reads ahead, if the file is long enough for that to pay. If not, or if there
 * can be no thread, all goes on as it was.
 */
void frames_ahead(struct frames *frames);

/* The next frame; never NULL. After rc 0, or an error that is not -EAGAIN, there is no other. */
struct frame *frames_next(struct frames *frames);

#endif
