// SPDX-License-Identifier: MIT
/* Reading a trace: frames, records, runs; and what is missing in between. */
#include <tkit/trace.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tkit.pb-c.h"
#include "trace/decode.h"
#include "trace/format.h"
#include "trace/frames.h"
#include "trace/record.h"
#include "trace/rows_reader.h"
#include "trace/runlist.h"

#define GAP_MAX (1ull << 48)

struct tkit_trace_reader {
	struct tkit_ctx *ctx;
	char *name;
	struct frames frames;
	struct frame *frame; /* the one at hand; NULL before the first */
	bool checked;        /* how it starts */
	bool started;        /* the first record was read: it is a trace */
	size_t at;           /* next record in the frame */
	uint64_t record_offset;

	struct record *record; /* the latest: the frame's first, or `other` */
	struct record other;
	struct decode_block block;
	bool in_block;
	uint32_t block_run;
	uint64_t block_number; /* blocks met so far */
	struct decode_rows *row_buffer;
	struct tkit_event *events;
	bool want_rows, has_rows;
	struct trace_rows rows;
	struct tkit_batch batch;

	struct runlist list;
	uint32_t unfooted; /* at the end of the file: next run to look at */
	bool at_end;

	bool ready; /* `item` is to be handed out next, behind the damage before it */
	struct tkit_trace_item item;
	bool damage; /* found, but not handed out yet */
	struct tkit_trace_item damage_item;
};

static void no_damage(struct tkit_trace_reader *reader)
{
	reader->damage = false;
	reader->damage_item = (struct tkit_trace_item){.kind = TKIT_TRACE_DAMAGE};
}

/* Records damage; damage that has not been handed out yet becomes part of it. */
static void add_damage(struct tkit_trace_reader *reader, uint64_t offset, uint64_t bytes,
		       const char *text)
{
	struct tkit_trace_item *item = &reader->damage_item;

	if (!reader->damage) {
		item->offset = offset;
		item->text = text;
		item->run = reader->list.count ? reader->list.count - 1 : 0;
		reader->damage = true;
	}
	item->lost_bytes += bytes;
	if (reader->list.count)
		reader->list.runs[reader->list.count - 1]->damaged = true;
}

static void add_gap(struct tkit_trace_reader *reader, uint32_t run, uint64_t events)
{
	add_damage(reader, reader->record_offset, 0, "events are missing here");
	reader->damage_item.run = run;
	reader->damage_item.lost_events += events;
	reader->list.runs[run]->seen += events;
	reader->list.runs[run]->damaged = true;
}

static int give_damage(struct tkit_trace_reader *reader, struct tkit_trace_item *item)
{
	*item = reader->damage_item;
	if (item->run < reader->list.count)
		item->info = &reader->list.runs[item->run]->info;
	no_damage(reader);
	return 1;
}

/* Index of the run that a block or footer names. -ENOMEM */
static int run_of(struct tkit_trace_reader *reader, uint64_t key)
{
	bool is_new;
	int number = runlist_find(&reader->list, key, &is_new);

	if (number >= 0 && is_new)
		add_damage(reader, reader->record_offset, 0, "the header of a run is missing");
	return number;
}

static void give(struct tkit_trace_reader *reader, const struct tkit_trace_item *item)
{
	reader->item = *item;
	reader->item.offset = reader->record_offset;
	reader->ready = true;
}

static int on_header(struct tkit_trace_reader *reader)
{
	const Tkit__Header *pb = reader->record->message->header;
	struct run *run;

	if (pb->format != FORMAT_VERSION)
		return tkit_fail(reader->ctx, -ENOTSUP,
				 "%s: trace of format %u, and this tkit reads format %d",
				 reader->name, pb->format, FORMAT_VERSION);
	run = runlist_add(&reader->list);
	if (!run)
		return -ENOMEM;
	if (decode_header(pb, &reader->list.memory, &run->info) < 0) {
		reader->list.count--;
		return -ENOMEM;
	}
	give(reader, &(struct tkit_trace_item){
			     .kind = TKIT_TRACE_RUN,
			     .run = reader->list.count - 1,
			     .info = &run->info,
		     });
	return 0;
}

static int on_footer(struct tkit_trace_reader *reader)
{
	const Tkit__Footer *pb = reader->record->message->footer;
	int number = run_of(reader, pb->run);
	struct run *run;
	int rc;

	if (number < 0)
		return number;
	run = reader->list.runs[number];
	if (pb->stored > run->seen && pb->stored - run->seen < GAP_MAX)
		add_gap(reader, (uint32_t)number, pb->stored - run->seen);
	else if (pb->stored != run->seen)
		return -EBADMSG;
	rc = decode_footer(pb, &reader->list.memory, &run->end);
	if (rc < 0)
		return rc;
	run->footed = true;
	if (run->damaged)
		run->end.complete = 0;
	give(reader, &(struct tkit_trace_item){
			     .kind = TKIT_TRACE_FOOT,
			     .run = (uint32_t)number,
			     .info = &run->info,
			     .end = &run->end,
		     });
	return 0;
}

static int on_block(struct tkit_trace_reader *reader)
{
	const Tkit__Block *pb = &reader->record->block;
	int number = run_of(reader, pb->run);
	struct run *run;
	int rc;

	if (number < 0)
		return number;
	run = reader->list.runs[number];
	if (run->info.backend_count && pb->backend >= run->info.backend_count)
		return -EBADMSG;
	/* Events that were there already, or a gap that no run can have */
	if (pb->first < run->seen || pb->first - run->seen >= GAP_MAX)
		return -EBADMSG;
	if (reader->record == &reader->frame->record) {
		rc = reader->frame->block_rc;
		reader->block = reader->frame->block;
	} else {
		rc = decode_block_start(&reader->block, pb, &reader->other.memory);
	}
	if (rc < 0)
		return rc;
	if (pb->first > run->seen)
		add_gap(reader, (uint32_t)number, pb->first - run->seen);
	reader->in_block = true;
	reader->block_number++;
	reader->block_run = (uint32_t)number;
	return 0;
}

/* Deals with the record that was read. 0 or -errno. */
static int on_record(struct tkit_trace_reader *reader)
{
	Tkit__Record__KindCase kind = reader->record->kind;

	/* With the first frame damaged, a block may come first; but something must be ours. */
	if (!reader->started && kind != TKIT__RECORD__KIND_HEADER &&
	    (kind == TKIT__RECORD__KIND__NOT_SET || !reader->damage))
		return -EBADMSG;
	reader->started = true;
	switch (kind) {
	case TKIT__RECORD__KIND_HEADER:
		return on_header(reader);
	case TKIT__RECORD__KIND_BLOCK:
		return on_block(reader);
	case TKIT__RECORD__KIND_FOOTER:
		return on_footer(reader);
	default:
		return 0; /* a kind that a later tkit writes */
	}
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
	give(reader, &(struct tkit_trace_item){
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
		add_damage(reader, frame->damage_offset, frame->damage_size, frame->damage_text);
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
	add_damage(reader, reader->frame->offset, reader->frame->size,
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
		add_damage(reader, reader->frame->end, 0, "no footer: the run was cut off");
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
			rc = on_record(reader);
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
	no_damage(reader);
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
