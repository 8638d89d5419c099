// SPDX-License-Identifier: MIT
/* Writing a trace: events into blocks, messages into frames. */
#include <tkit/trace.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "tkit.pb-c.h"
#include "trace/block.h"
#include "trace/format.h"
#include "util/buf.h"
#include "util/bytes.h"

struct tkit_trace_writer {
	struct tkit_ctx *ctx;
	tkit_trace_output output;
	void *arg;
	uint32_t block_count; /* most events in a block */
	uint32_t time_step;   /* ns; 0 = 1 */
	int32_t runs;         /* begun so far */
	bool open;            /* between begin and end */
	int failed;           /* first error: what went out since is not to be trusted */
	uint64_t run;         /* key of the open run */
	uint64_t stored;      /* events of the run in blocks that went out */
	struct block *blocks[FORMAT_BACKENDS_MAX]; /* by backend; NULL = not seen yet */
	ZSTD_CCtx *zstd;
	struct arena arena; /* of the message under construction */
	struct buf message; /* length and packed Record */
	struct buf frame;
};

int tkit_trace_writer_new(struct tkit_ctx *ctx, const struct tkit_trace_writer_options *options,
			  tkit_trace_output output, void *arg,
			  struct tkit_trace_writer **ret_writer)
{
	struct tkit_trace_writer_options known = {0};
	struct tkit_trace_writer *writer;
	int level;

	if (options)
		memcpy(&known, options,
		       options->size < sizeof(known) ? options->size : sizeof(known));
	if (known.block_count > BLOCK_EVENTS_MAX)
		return tkit_fail(ctx, -EINVAL, "block of %u events (most: %u)", known.block_count,
				 BLOCK_EVENTS_MAX);
	level = known.level ? known.level : FORMAT_LEVEL_DEFAULT;
	if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel())
		return tkit_fail(ctx, -EINVAL, "compression level %d (most: %d)", level,
				 ZSTD_maxCLevel());
	if (known.time_step & (known.time_step - 1))
		return tkit_fail(ctx, -EINVAL, "time step of %u ns: not a power of 2",
				 known.time_step);
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return tkit_fail(ctx, -ENOMEM, "making a trace writer");
	writer->ctx = ctx;
	writer->output = output;
	writer->arg = arg;
	writer->block_count = known.block_count ? known.block_count : BLOCK_EVENTS_DEFAULT;
	writer->time_step = known.time_step;
	writer->zstd = ZSTD_createCCtx();
	if (!writer->zstd) {
		free(writer);
		return tkit_fail(ctx, -ENOMEM, "making a trace writer");
	}
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_contentSizeFlag, 1);
	*ret_writer = writer;
	return 0;
}

void tkit_trace_writer_free(struct tkit_trace_writer *writer)
{
	if (!writer)
		return;
	for (uint32_t i = 0; i < FORMAT_BACKENDS_MAX; i++) {
		if (writer->blocks[i])
			block_done(writer->blocks[i]);
		free(writer->blocks[i]);
	}
	ZSTD_freeCCtx(writer->zstd);
	arena_done(&writer->arena);
	buf_done(&writer->message);
	buf_done(&writer->frame);
	free(writer);
}

static int fail(struct tkit_trace_writer *writer, int rc, const char *what)
{
	writer->failed = rc;
	return tkit_fail(writer->ctx, rc, "%s", what);
}

/* Passes the message from `start` on as a frame. The output has recorded its cause itself. */
static int put_frame(struct tkit_trace_writer *writer, size_t start)
{
	size_t message_size = writer->message.size - start;
	size_t bound = ZSTD_compressBound(message_size);
	size_t size;
	int rc;

	buf_clear(&writer->frame);
	if (!buf_reserve(&writer->frame, bound))
		return fail(writer, -ENOMEM, "compressing a block");
	size = ZSTD_compress2(writer->zstd, writer->frame.data, bound, writer->message.data + start,
			      message_size);
	if (ZSTD_isError(size))
		return fail(writer, -ENOMEM, ZSTD_getErrorName(size));
	rc = writer->output(writer->arg, writer->frame.data, size);
	if (rc < 0)
		writer->failed = rc;
	return rc < 0 ? rc : 0;
}

/* One Record as a frame of its own. */
static int put_record(struct tkit_trace_writer *writer, const Tkit__Record *record)
{
	size_t size = tkit__record__get_packed_size(record);
	uint8_t *p;
	size_t n = 0;

	buf_clear(&writer->message);
	p = (uint8_t *)buf_reserve(&writer->message, size + FORMAT_VARINT_MAX);
	if (!p)
		return fail(writer, -ENOMEM, "packing a block");
	n = format_put_varint(p, size);
	n += tkit__record__pack(record, p + n);
	writer->message.size = n;
	return put_frame(writer, 0);
}

/* Sends the open block of one backend. */
static int put_block(struct tkit_trace_writer *writer, uint32_t backend)
{
	struct block *block = writer->blocks[backend];
	struct block_place place = {
		.run = writer->run, .backend = backend, .first = writer->stored};
	size_t start;
	int rc;

	if (!block || !block->count)
		return 0;
	if (block_pack(block, &place, &writer->message, &start) < 0)
		return fail(writer, -ENOMEM, "packing a block");
	rc = put_frame(writer, start);
	writer->stored += block->count;
	block_clear(block);
	return rc;
}

/* The open block of one backend; NULL with the failure recorded. */
static struct block *block_of(struct tkit_trace_writer *writer, uint32_t backend)
{
	struct block *block;

	if (backend >= FORMAT_BACKENDS_MAX) {
		fail(writer, -EINVAL, "too many backends for one trace");
		return NULL;
	}
	block = writer->blocks[backend];
	if (block)
		return block;
	block = malloc(sizeof(*block));
	if (!block || block_init(block, writer->block_count, writer->time_step) < 0) {
		free(block);
		fail(writer, -ENOMEM, "making a block");
		return NULL;
	}
	return writer->blocks[backend] = block;
}

int tkit_trace_writer_begin(struct tkit_trace_writer *writer, const struct tkit_run_info *run)
{
	Tkit__Header header = TKIT__HEADER__INIT;
	Tkit__Record record = TKIT__RECORD__INIT;
	int rc;

	if (writer->failed)
		return writer->failed;
	if (writer->open)
		return tkit_fail(writer->ctx, -EINVAL, "the run before this one was not ended");
	arena_reset(&writer->arena);
	if (format_header(run, &writer->arena, &header) < 0)
		return fail(writer, -ENOMEM, "packing the header");
	record.kind_case = TKIT__RECORD__KIND_HEADER;
	record.header = &header;
	rc = put_record(writer, &record);
	if (rc < 0)
		return rc;
	writer->run = format_run_key(run->id);
	writer->stored = 0;
	writer->open = true;
	return writer->runs++;
}

int tkit_trace_writer_write(struct tkit_trace_writer *writer, const struct tkit_batch *batch)
{
	struct block *block;
	int rc = 0;

	if (writer->failed)
		return writer->failed;
	if (!writer->open)
		return tkit_fail(writer->ctx, -EINVAL, "events outside a run");
	block = block_of(writer, batch->backend);
	if (!block)
		return writer->failed;
	for (uint32_t i = 0; rc == 0 && i < batch->count; i++) {
		if (block_add(block, tkit_batch_event(batch, i)) < 0)
			return fail(writer, -ENOMEM, "adding an event");
		if (block_full(block))
			rc = put_block(writer, batch->backend);
	}
	return rc;
}

int tkit_trace_writer_flush(struct tkit_trace_writer *writer)
{
	int rc = writer->failed;

	for (uint32_t i = 0; rc == 0 && i < FORMAT_BACKENDS_MAX; i++)
		rc = put_block(writer, i);
	return rc;
}

int tkit_trace_writer_end(struct tkit_trace_writer *writer, const struct tkit_run_end *end)
{
	Tkit__Footer footer = TKIT__FOOTER__INIT;
	Tkit__Record record = TKIT__RECORD__INIT;
	int rc = tkit_trace_writer_flush(writer);

	if (rc < 0)
		return rc;
	if (!writer->open)
		return tkit_fail(writer->ctx, -EINVAL, "the end of a run that was not begun");
	arena_reset(&writer->arena);
	if (format_footer(end, &writer->arena, &footer) < 0)
		return fail(writer, -ENOMEM, "packing the footer");
	footer.run = writer->run;
	footer.stored = writer->stored;
	record.kind_case = TKIT__RECORD__KIND_FOOTER;
	record.footer = &footer;
	writer->open = false;
	return put_record(writer, &record);
}
