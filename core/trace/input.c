// SPDX-License-Identifier: MIT
#include "trace/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/format.h"

#define READ_SIZE    (256u * 1024)
#define CONTENT_STEP ((size_t)128 * 1024)

/*
 * Damaged data that was made on purpose can hold many overlapping frames that each decode
 * to a lot before they fail. Beyond this much work for nothing the rest is given up.
 */
#define WASTE_BASE     (1ull << 30)
#define WASTE_PER_BYTE 1024u

int input_init(struct input *input, int fd)
{
	*input = (struct input){.fd = fd};
	input->zstd = ZSTD_createDCtx();
	return input->zstd ? 0 : -ENOMEM;
}

void input_done(struct input *input)
{
	ZSTD_freeDCtx(input->zstd);
	free(input->data);
	free(input->content);
	*input = (struct input){.fd = -1};
}

static size_t held(const struct input *input)
{
	return input->end - input->start;
}

static void drop(struct input *input, size_t size)
{
	input->start += size;
	input->offset += size;
	input->walk = (struct zframe){0};
}

/* Reads on: number of bytes, 0 at the end of the file, -errno. */
static int fill(struct input *input)
{
	ssize_t n;

	if (input->start && (input->start == input->end || input->room - input->end < READ_SIZE)) {
		memmove(input->data, input->data + input->start, held(input));
		input->end -= input->start;
		input->start = 0;
	}
	if (input->room - input->end < READ_SIZE) {
		size_t room = input->room ? input->room * 2 : 2 * READ_SIZE;
		uint8_t *data = realloc(input->data, room);

		if (!data)
			return -ENOMEM;
		input->data = data;
		input->room = room;
	}
	do {
		n = read(input->fd, input->data + input->end, input->room - input->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	input->end += (size_t)n;
	input->eof = n == 0;
	return n > 0;
}

static int make_room(struct input *input, size_t size)
{
	uint8_t *content;

	if (size <= input->content_room)
		return 0;
	/* Blocks differ by little: soon no frame needs more than there is. */
	size = (size + CONTENT_STEP - 1) / CONTENT_STEP * CONTENT_STEP;
	content = malloc(size);
	if (!content)
		return -ENOMEM;
	free(input->content);
	input->content = content;
	input->content_room = size;
	return 0;
}

/* Decodes the frame at `start`, which is there as a whole. enum zframe_state or -ENOMEM. */
static int decode(struct input *input)
{
	struct zframe *walk = &input->walk;
	size_t room = (size_t)(walk->content < walk->bound ? walk->content : walk->bound);
	size_t n;

	if (make_room(input, room + 1) < 0)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(input->zstd, input->content, room, input->data + input->start,
				walk->at);
	if (ZSTD_isError(n)) {
		input->wasted += room;
		walk->why = "the frame is damaged";
		return ZFRAME_BAD;
	}
	input->content_size = n;
	input->frame_offset = input->offset;
	input->frame_size = walk->at;
	input->delivered = true;
	return ZFRAME_WHOLE;
}

/* The frame at `start`: enum zframe_state or -errno. */
static int try_frame(struct input *input)
{
	struct zframe *walk = &input->walk;
	int state = zframe_walk(walk, input->data + input->start, held(input), FORMAT_FRAME_MAX);

	if (state == ZFRAME_WHOLE)
		return decode(input);
	if (state == ZFRAME_MORE && input->eof) {
		walk->why = "the file is cut off";
		state = ZFRAME_BAD;
	}
	if (state == ZFRAME_BAD)
		input->wasted += walk->at;
	return state;
}

static void note_damage(struct input *input, const char *why)
{
	if (input->scanning)
		return;
	input->scanning = true;
	input->damage_offset = input->offset;
	input->damage_text = why;
}

/* Also of a skippable frame that is not there to its end: its size was the damage. */
static void end_damage(struct input *input)
{
	if (input->cut)
		note_damage(input, "the file is cut off");
	if (!input->scanning)
		return;
	input->scanning = input->cut = false;
	input->damage_size = input->offset - input->damage_offset;
}

/* Goes on to where a frame may start, behind `start`. */
static void find_magic(struct input *input)
{
	const uint8_t *from = input->data + input->start + 1;
	const uint8_t *magic = memmem(from, held(input) - 1, ZFRAME_MAGIC, 4);

	if (magic)
		drop(input, (size_t)(magic - from) + 1);
	else
		drop(input, held(input) > 4 ? held(input) - 3 : 1);
}

/* Passes over `skip` bytes, or to the end. 0 or -errno. */
static int pass_over(struct input *input)
{
	while (input->skip) {
		size_t n = held(input) < input->skip ? held(input) : (size_t)input->skip;
		int rc;

		drop(input, n);
		input->skip -= n;
		rc = input->skip ? fill(input) : 1;
		if (rc < 0)
			return rc;
		if (rc == 0) {
			input->skip = 0;
			input->cut = true;
		}
	}
	return 0;
}

static bool too_much_work(const struct input *input)
{
	return input->wasted > WASTE_BASE &&
	       (input->wasted - WASTE_BASE) / WASTE_PER_BYTE > input->offset;
}

/* What starts at `start` is no good frame. */
static void go_on_behind(struct input *input, const char *why)
{
	note_damage(input, why);
	if (too_much_work(input)) {
		input->damage_text = "too much of the file is damaged";
		input->eof = true;
		drop(input, held(input));
	} else {
		find_magic(input);
	}
}

int input_peek(struct input *input, size_t size)
{
	while (held(input) < size && !input->eof) {
		int rc = fill(input);

		if (rc < 0)
			return rc;
	}
	return (int)(held(input) < size ? held(input) : size);
}

int input_next(struct input *input)
{
	if (input->delivered)
		drop(input, input->walk.at);
	input->delivered = false;
	for (;;) {
		int rc = pass_over(input);

		/* 8 bytes tell any kind of frame. */
		if (rc == 0 && held(input) < 8 && !input->eof) {
			rc = fill(input);
			if (rc >= 0)
				continue;
		}
		if (rc < 0)
			return rc;
		if (!held(input)) {
			end_damage(input);
			return 0;
		}
		if (!input->scanning &&
		    zframe_skippable(input->data + input->start, held(input), &input->skip))
			continue;
		rc = try_frame(input);
		if (rc == ZFRAME_MORE)
			rc = fill(input);
		else if (rc == ZFRAME_BAD)
			go_on_behind(input, input->walk.why);
		else if (rc == ZFRAME_WHOLE)
			end_damage(input);
		if (input->delivered)
			return 1;
		if (rc < 0)
			return rc;
	}
}
