// SPDX-License-Identifier: MIT
/* What each record of a trace means for the reader; and what is missing before it. */
#include "trace/reader.h"

#include <errno.h>

#include "tkit.pb-c.h"
#include "trace/format.h"

#define GAP_MAX (1ull << 48)

void reader_no_damage(struct tkit_trace_reader *reader)
{
	reader->damage = false;
	reader->damage_item = (struct tkit_trace_item){.kind = TKIT_TRACE_DAMAGE};
}

void reader_damage(struct tkit_trace_reader *reader, uint64_t offset, uint64_t bytes,
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
	reader_damage(reader, reader->record_offset, 0, "events are missing here");
	reader->damage_item.run = run;
	reader->damage_item.lost_events += events;
	reader->list.runs[run]->seen += events;
	reader->list.runs[run]->damaged = true;
}

/* The run that a block or footer names; returns its index. -ENOMEM */
static int run_of(struct tkit_trace_reader *reader, uint64_t key, struct run **ret_run)
{
	bool is_new;
	int number = runlist_find(&reader->list, key, &is_new);

	if (number < 0)
		return number;
	if (is_new)
		reader_damage(reader, reader->record_offset, 0, "the header of a run is missing");
	*ret_run = reader->list.runs[number];
	return number;
}

void reader_give(struct tkit_trace_reader *reader, const struct tkit_trace_item *item)
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
	reader_give(reader, &(struct tkit_trace_item){
				    .kind = TKIT_TRACE_RUN,
				    .run = reader->list.count - 1,
				    .info = &run->info,
			    });
	return 0;
}

static int on_footer(struct tkit_trace_reader *reader)
{
	const Tkit__Footer *pb = reader->record->message->footer;
	struct run *run;
	int number = run_of(reader, pb->run, &run), rc;

	if (number < 0)
		return number;
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
	reader_give(reader, &(struct tkit_trace_item){
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
	struct run *run;
	int number = run_of(reader, pb->run, &run), rc;

	if (number < 0)
		return number;
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

int reader_record(struct tkit_trace_reader *reader)
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
