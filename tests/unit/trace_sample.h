/* SPDX-License-Identifier: MIT */
/* A small trace to damage, and frames made by hand. */
#ifndef TEST_TRACE_SAMPLE_H
#define TEST_TRACE_SAMPLE_H

#include "trace_util.h"

#include <zstd.h>

enum { EVENTS = 24, PER_BLOCK = 8 };

/* A small trace of one run: header, three blocks, footer. */
static inline void make_trace(struct mem *mem, uint8_t id)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_writer_options options = {.size = sizeof(options),
						    .block_count = PER_BLOCK};
	struct tkit_run_info run = test_run(id);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct tkit_trace_writer *writer = NULL;
	char path[32];

	*mem = (struct mem)MEM_INIT;
	assert_int_equal(tkit_trace_writer_new(&ctx, &options, mem_put, mem, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct tkit_event event = {0};
		struct tkit_batch batch = test_batch(&event, 1, 0);

		tkit_event_init(&event, TKIT_EVENT_ACCESS);
		event.op = TKIT_OP_OPEN;
		event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_PATH | TKIT_V_ERR;
		event.ts_ns = id * 1000u + i;
		event.pid = 1;
		snprintf(path, sizeof(path), "/lib/%u", i);
		event.path = bytes_str(path);
		assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
	}
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	assert_int_equal(mem->frames, 5);
	ctx_done(&ctx);
}

static inline void done(struct mem *mem)
{
	buf_done(&mem->data);
}

static inline void read_buf(const struct buf *buf, struct seen *seen)
{
	read_mem(buf->data, buf->size, seen);
}

static inline size_t pack_frame(void *to, size_t room, const void *data, size_t size)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(zstd, to, room, data, size);
	ZSTD_freeCCtx(zstd);
	assert_false(ZSTD_isError(n));
	return n;
}

#endif
