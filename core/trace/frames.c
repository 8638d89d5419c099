// SPDX-License-Identifier: MIT
#include "trace/frames.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "trace/format.h"

/* Shorter files are read before a thread is of use. */
#define AHEAD_FILE_MIN (512 * 1024)

/* Larger frames, which no tkit writes, are unpacked when they are needed: to bound the memory. */
#define AHEAD_CONTENT_MAX (4u << 20)

int frames_init(struct frames *frames, int fd)
{
	*frames = (struct frames){0};
	for (size_t i = 0; i < FRAMES_AHEAD; i++)
		record_init(&frames->slots[i].record);
	return input_init(&frames->input, fd);
}

/* The first record of the frame, if it is the block that makes up the frame. */
static void unpack_first(struct frame *frame)
{
	uint64_t size;
	int n = format_get_varint(frame->content, frame->content_size, &size);

	frame->first_size = 0;
	if (n <= 0 || size > frame->content_size - (size_t)n ||
	    frame->content_size > AHEAD_CONTENT_MAX)
		return;
	frame->first_size = (size_t)n + (size_t)size;
	frame->first_rc = record_unpack(&frame->record, frame->content + n, (size_t)size);
	if (!frame->first_rc && frame->record.kind == TKIT__RECORD__KIND_BLOCK)
		frame->block_rc = decode_block_start(&frame->block, &frame->record.block,
						     &frame->record.memory);
}

/* Reads the next frame into *frame, whose buffer goes to the input in exchange. */
static void make(struct input *input, struct frame *frame)
{
	uint8_t *content = frame->content;
	size_t room = frame->content_room;

	frame->rc = input_next(input);
	frame->damage_text = input->damage_text;
	frame->damage_offset = input->damage_offset;
	frame->damage_size = input->damage_size;
	input->damage_text = NULL;
	frame->end = input->offset;
	frame->first_size = 0;
	frame->content_size = 0;
	if (frame->rc <= 0)
		return;
	frame->content = input->content;
	frame->content_size = input->content_size;
	frame->content_room = input->content_room;
	frame->offset = input->frame_offset;
	frame->size = input->frame_size;
	input->content = content;
	input->content_room = room;
	unpack_first(frame);
}

/* ---- the thread ---- */

/* Waits for a slot that nobody uses; false: it is to stop. */
static bool wait_for_slot(struct frames *frames)
{
	bool stop;

	pthread_mutex_lock(&frames->lock);
	while (!frames->stop && frames->made - frames->used == FRAMES_AHEAD)
		pthread_cond_wait(&frames->change, &frames->lock);
	stop = frames->stop;
	pthread_mutex_unlock(&frames->lock);
	return !stop;
}

static void *read_ahead(void *arg)
{
	struct frames *frames = arg;

	for (uint64_t number = frames->made; wait_for_slot(frames); number++) {
		struct frame *frame = &frames->slots[number % FRAMES_AHEAD];
		bool last;

		make(&frames->input, frame);
		last = frame->rc <= 0;
		pthread_mutex_lock(&frames->lock);
		frames->made = number + 1;
		pthread_cond_signal(&frames->change);
		pthread_mutex_unlock(&frames->lock);
		if (last)
			break;
	}
	return NULL;
}

void frames_ahead(struct frames *frames)
{
	sigset_t all, before;
	struct stat st;

	if (frames->threaded || fstat(frames->input.fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < AHEAD_FILE_MIN)
		return;
	pthread_mutex_init(&frames->lock, NULL);
	pthread_cond_init(&frames->change, NULL);
	frames->made = frames->given;
	/* Signals are for the thread that there was. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	frames->threaded = pthread_create(&frames->thread, NULL, read_ahead, frames) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!frames->threaded) {
		pthread_mutex_destroy(&frames->lock);
		pthread_cond_destroy(&frames->change);
	}
}

static void end_thread(struct frames *frames)
{
	if (!frames->threaded)
		return;
	pthread_mutex_lock(&frames->lock);
	frames->stop = true;
	pthread_cond_signal(&frames->change);
	pthread_mutex_unlock(&frames->lock);
	pthread_join(frames->thread, NULL);
	pthread_mutex_destroy(&frames->lock);
	pthread_cond_destroy(&frames->change);
	frames->threaded = false;
}

/* ---- using them ---- */

struct frame *frames_next(struct frames *frames)
{
	struct frame *frame = &frames->slots[frames->used % FRAMES_AHEAD];

	if (!frames->threaded) {
		make(&frames->input, frame);
		frames->given = true;
		return frame;
	}
	if (frames->given && frame->rc <= 0)
		return frame; /* the thread has ended with it */
	pthread_mutex_lock(&frames->lock);
	frames->used += frames->given;
	pthread_cond_signal(&frames->change);
	while (frames->made == frames->used)
		pthread_cond_wait(&frames->change, &frames->lock);
	pthread_mutex_unlock(&frames->lock);
	frames->given = true;
	return &frames->slots[frames->used % FRAMES_AHEAD];
}

void frames_done(struct frames *frames)
{
	end_thread(frames);
	for (size_t i = 0; i < FRAMES_AHEAD; i++) {
		record_done(&frames->slots[i].record);
		free(frames->slots[i].content);
	}
	input_done(&frames->input);
}
