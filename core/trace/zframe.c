// SPDX-License-Identifier: MIT
#include "trace/zframe.h"

#include <string.h>

#define BLOCK_CONTENT_MAX (128u * 1024)
#define HEADER_MAX        18u

static uint64_t little_endian(const uint8_t *p, size_t size)
{
	uint64_t value = 0;

	while (size)
		value = value << 8 | p[--size];
	return value;
}

static enum zframe_state bad(struct zframe *frame, const char *why)
{
	frame->why = why;
	return ZFRAME_BAD;
}

/* Magic number and frame header. */
static enum zframe_state walk_header(struct zframe *frame, const uint8_t *data, size_t size)
{
	static const uint8_t dictionary[] = {0, 1, 2, 4};
	static const uint8_t content[] = {0, 2, 4, 8};
	size_t at = 5, n;
	uint8_t flags;

	if (memcmp(data, ZFRAME_MAGIC, size < 4 ? size : 4))
		return bad(frame, "no zstd frame starts here");
	if (size < at)
		return ZFRAME_MORE;
	flags = data[4];
	if (flags & 0x08)
		return bad(frame, "the frame's header is damaged");
	if (!(flags & 0x04))
		return bad(frame, "the frame has no checksum");
	if (flags & 0x03)
		return bad(frame, "the frame needs a dictionary");
	at += !(flags & 0x20) + dictionary[flags & 3];
	n = content[flags >> 6];
	if (n == 0 && (flags & 0x20))
		n = 1;
	if (size < at + n)
		return ZFRAME_MORE;
	frame->content = n ? little_endian(data + at, n) + (n == 2 ? 256 : 0) : UINT64_MAX;
	frame->at = at + n;
	return ZFRAME_WHOLE;
}

enum zframe_state zframe_walk(struct zframe *frame, const uint8_t *data, size_t size, size_t max)
{
	if (!frame->at) {
		enum zframe_state state = walk_header(frame, data, size);

		if (state != ZFRAME_WHOLE)
			return state;
		if (frame->content != UINT64_MAX && frame->content > max)
			return bad(frame, "the frame is too large");
	}
	while (!frame->last) {
		uint32_t header, kind;
		size_t body;

		if (size < frame->at || size - frame->at < 3)
			return ZFRAME_MORE;
		header = (uint32_t)little_endian(data + frame->at, 3);
		kind = header >> 1 & 3;
		body = header >> 3;
		if (kind == 3 || body > BLOCK_CONTENT_MAX)
			return bad(frame, "the frame is damaged");
		frame->bound += kind == 2 ? BLOCK_CONTENT_MAX : body;
		frame->at += 3 + (kind == 1 ? 1 : body);
		frame->last = header & 1;
		if (frame->at > max || (frame->content == UINT64_MAX && frame->bound > max))
			return bad(frame, "the frame is too large");
	}
	if (frame->content != UINT64_MAX && frame->content > frame->bound)
		return bad(frame, "the frame is damaged");
	if (size < frame->at || size - frame->at < 4)
		return ZFRAME_MORE;
	frame->at += 4; /* checksum */
	return ZFRAME_WHOLE;
}

int zframe_skippable(const uint8_t *data, size_t size, uint64_t *ret_size)
{
	if (size < 8 || (little_endian(data, 4) & 0xfffffff0u) != 0x184d2a50u)
		return 0;
	*ret_size = 8 + little_endian(data + 4, 4);
	return 1;
}
