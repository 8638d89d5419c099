// SPDX-License-Identifier: MIT
/* Reading a trace: frames, the records in them, the events of blocks; what was cut off. */
#include "trace/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/format.h"
#include "trace/rows_reader.h"

static int give_damage(struct tkit_trace_reader *reader, struct tkit_trace_item *item)
{
	*item = reader->damage_item;
	if (item->run < reader->list.count)
		item->info = &reader->list.runs[item->run]->info;
	reader_no_damage(reader);
	return 1;
}

/* Next events of the open block. 0 or -EBADMSG. */
static int next_events(struct tkit_trace_reader *reader)
{
	struct run *run = reader->list.runs[reader->block_run];
	int n = decode_block_next(&reader->block, reader->row_buffer);

	if (n <= 0) {
		reader->in_block = false;
		return n;
	}
	reader->has_rows = reader->want_rows;
	reader->rows = (struct trace_rows){.block = &reader->block,
					   .block_number = reader->block_number,
					   .rows = reader->row_buffer,
					   .count = (uint32_t)n};
	for (int i = 0; !reader->want_rows && i < n; i++)
		decode_block_event(&reader->block, &reader->row_buffer[i], &reader->events[i]);
	run->seen += (uint32_t)n;
	reader->batch = (struct tkit_batch){
		.size = sizeof(reader->batch),
		.backend = reader->block.pb->backend,
		.count = (uint32_t)n,
		.stride = sizeof(struct tkit_event),
		.events = reader->want_rows ? NULL : reader->events,
	};
	reader_give(reader, &(struct tkit_trace_item){
				    .kind = TKIT_TRACE_BATCH,
				    .run = reader->block_run,
				    .info = &run->info,
				    .batch = &reader->batch,
			    });
	return 0;
}

/* Unpacks the next record of the frame. 1, 0 at the frame's end, -EBADMSG. */
static int next_record(struct tkit_trace_reader *reader)
{
	struct frame *frame = reader->frame;
	size_t left = frame ? frame->content_size - reader->at : 0;
	const uint8_t *data;
	uint64_t size;
	int n, rc;

	if (!left)
		return 0;
	reader->record_offset = frame->offset;
	if (!reader->at && frame->first_size) {
		reader->record = &frame->record;
		reader->at = frame->first_size;
		return frame->first_rc < 0 ? frame->first_rc : 1;
	}
	data = frame->content + reader->at;
	n = format_get_varint(data, left, &size);
	if (n <= 0 || size > left - (size_t)n)
		return -EBADMSG;
	reader->record = &reader->other;
	rc = record_unpack(&reader->other, data + n, (size_t)size);
	if (rc < 0)
		return rc;
	reader->at += (size_t)n + (size_t)size;
	return 1;
}

static int not_a_trace(struct tkit_trace_reader *reader, const char *why)
{
	return tkit_fail(reader->ctx, -EBADMSG, "%s: not a tkit trace (%s)", reader->name, why);
}

/* What is empty or starts otherwise is no damaged trace but no trace. 0 or -errno. */
static int check_start(struct tkit_trace_reader *reader)
{
	int rc = input_peek(&reader->frames.input, 4);

	if (rc == -EAGAIN)
		return rc;
	if (rc < 0)
		return tkit_fail(reader->ctx, rc, "reading %s", reader->name);
	if (rc == 0)
		return not_a_trace(reader, "it is empty");
	if (rc < 4 || memcmp(reader->frames.input.data, ZFRAME_MAGIC, 4) != 0)
		return not_a_trace(reader, "it does not start with a zstd frame");
	return 0;
}

/* Gets the next frame in, or sets at_end. 0 or -errno. */
static int next_frame(struct tkit_trace_reader *reader)
{
	struct frame *frame;
	int rc;

	if (!reader->checked) {
		rc = check_start(reader);
		if (rc < 0)
			return rc;
		reader->checked = true;
	}
	reader->at = 0;
	frame = reader->frame = frames_next(&reader->frames);
	rc = frame->rc;
	if (rc == -EAGAIN)
		return rc;
	if (rc < 0)
		return tkit_fail(reader->ctx, rc, "reading %s", reader->name);
	if (rc == 0) {
		reader->at_end = true;
		if (!reader->started)
			return not_a_trace(reader,
					   frame->damage_text ? frame->damage_text : "it is empty");
	}
	if (frame->damage_text)
		reader_damage(reader, frame->damage_offset, frame->damage_size, frame->damage_text);
	frame->damage_text = NULL;
	return 0;
}

/* A frame that holds something else than this format. 0 or -errno. */
static int bad_frame(struct tkit_trace_reader *reader, int rc)
{
	reader->in_block = false;
	reader->at = reader->frame->content_size;
	if (rc != -EBADMSG && rc != -ENOMEM)
		return rc;
	if (!reader->started)
		return not_a_trace(reader, "it holds other zstd data");
	reader_damage(reader, reader->frame->offset, reader->frame->size,
		      "the content of a frame is not understood");
	return 0;
}

/* The end of the file: runs that have no footer were cut off. */
static int finish(struct tkit_trace_reader *reader, struct tkit_trace_item *item)
{
	while (reader->unfooted < reader->list.count) {
		uint32_t i = reader->unfooted++;

		if (reader->list.runs[i]->footed || reader->list.runs[i]->cut)
			continue;
		reader_damage(reader, reader->frame->end, 0, "no footer: the run was cut off");
		reader->damage_item.run = i;
		return give_damage(reader, item);
	}
	return 0;
}

/* Reads on by one step: a frame, a record or some events. 0 or -errno. */
static int step(struct tkit_trace_reader *reader)
{
	int rc;

	if (reader->in_block) {
		rc = next_events(reader);
	} else {
		rc = next_record(reader);
		if (rc == 0)
			return next_frame(reader);
		if (rc > 0)
			rc = reader_record(reader);
	}
	return rc < 0 ? bad_frame(reader, rc) : 0;
}

int tkit_trace_reader_next(struct tkit_trace_reader *reader, struct tkit_trace_item *ret_item)
{
	for (;;) {
		int rc;

		/* It is given when it is known what follows, and how much is missing. */
		if (reader->damage && (reader->ready || reader->in_block || reader->at_end)) {
			/* This and the missing footer are one thing. */
			if (reader->at_end && reader->damage_item.run < reader->list.count)
				reader->list.runs[reader->damage_item.run]->cut = true;
			return give_damage(reader, ret_item);
		}
		if (reader->ready) {
			*ret_item = reader->item;
			reader->ready = false;
			return 1;
		}
		if (reader->at_end)
			return finish(reader, ret_item);
		rc = step(reader);
		if (rc < 0)
			return rc;
	}
}

int tkit_trace_reader_new(struct tkit_ctx *ctx, int fd, const char *name,
			  struct tkit_trace_reader **ret_reader)
{
	struct tkit_trace_reader *reader = calloc(1, sizeof(*reader));
	int rc;

	if (!reader)
		return tkit_fail(ctx, -ENOMEM, "reading %s", name);
	reader->ctx = ctx;
	record_init(&reader->other);
	runlist_init(&reader->list);
	reader_no_damage(reader);
	reader->name = strdup(name);
	reader->events = calloc(DECODE_SLICE, sizeof(*reader->events));
	reader->row_buffer = calloc(DECODE_SLICE, sizeof(*reader->row_buffer));
	rc = frames_init(&reader->frames, fd);
	if (rc < 0 || !reader->name || !reader->events || !reader->row_buffer) {
		tkit_trace_reader_free(reader);
		return tkit_fail(ctx, -ENOMEM, "reading %s", name);
	}
	/* Up to the first item, which then waits for the first next(). */
	while (rc == 0 && !reader->ready && !reader->at_end)
		rc = step(reader);
	if (rc < 0 && rc != -EAGAIN) {
		tkit_trace_reader_free(reader);
		return rc;
	}
	*ret_reader = reader;
	return 0;
}

void trace_reader_want_rows(struct tkit_trace_reader *reader)
{
	reader->want_rows = true;
	frames_ahead(&reader->frames);
}

const struct trace_rows *trace_reader_rows(const struct tkit_trace_reader *reader)
{
	return reader->has_rows ? &reader->rows : NULL;
}

void tkit_trace_reader_free(struct tkit_trace_reader *reader)
{
	if (!reader)
		return;
	frames_done(&reader->frames);
	record_done(&reader->other);
	runlist_done(&reader->list);
	free(reader->events);
	free(reader->row_buffer);
	free(reader->name);
	free(reader);
}
