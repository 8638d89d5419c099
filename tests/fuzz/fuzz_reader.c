// SPDX-License-Identifier: MIT
/*
 * Fuzzes the trace reader and the text forms of what it reads. Input that starts with a
 * zstd magic is read as a file. Anything else is taken for the content of frames: it is
 * packed first, because no fuzzer gets past a checksum. Seeds: tests/golden/v*.tkit as
 * they are, and unpacked with zstd -dc.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <tkit/trace.h>

#include "plugin/ctx.h"
#include "trace/format.h"
#include "trace/proctrack.h"
#include "trace/run_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, const void *data, size_t size)
{
	if (write(fd, data, size) != (ssize_t)size)
		abort();
}

/* Each record of the content becomes a frame; the rest, whatever it is, the last one. */
static void put_frames(int fd, const uint8_t *data, size_t size)
{
	static ZSTD_CCtx *zstd;
	size_t room = ZSTD_compressBound(size);
	void *frame = malloc(room);

	if (!zstd)
		zstd = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
	while (size) {
		uint64_t length = 0;
		int n = format_get_varint(data, size, &length);
		size_t record = n > 0 && length <= size - (size_t)n ? (size_t)n + length : size;
		size_t packed = ZSTD_compress2(zstd, frame, room, data, record);

		put(fd, frame, packed);
		data += record;
		size -= record;
	}
	free(frame);
}

static void look_at_batch(const struct tkit_batch *batch, struct proctrack *track)
{
	static char line[8192];

	for (uint32_t i = 0; i < batch->count; i++) {
		struct tkit_event event = *tkit_batch_event(batch, i);

		proctrack_event(track, &event);
		proctrack_fill(track, &event);
		tkit_event_json(&event, 1, "b", line, sizeof(line));
		tkit_event_text(&event, 1, line, sizeof(line));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tkit_ctx ctx = CTX_INIT("fuzz");
	struct tkit_trace_reader *reader = NULL;
	struct tkit_trace_item item;
	struct proctrack track;
	struct buf out = BUF_INIT;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	if (size >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0)
		put(fd, data, size);
	else
		put_frames(fd, data, size);
	lseek(fd, 0, SEEK_SET);
	proctrack_init(&track);
	if (tkit_trace_reader_new(&ctx, fd, "fuzz", &reader) == 0) {
		while (tkit_trace_reader_next(reader, &item) == 1) {
			if (item.kind == TKIT_TRACE_RUN)
				run_json_head(&out, item.run, item.info);
			else if (item.kind == TKIT_TRACE_FOOT)
				run_json_end(&out, item.run, item.end);
			else if (item.kind == TKIT_TRACE_BATCH)
				look_at_batch(item.batch, &track);
			buf_clear(&out);
		}
	}
	tkit_trace_reader_free(reader);
	proctrack_done(&track);
	buf_done(&out);
	ctx_done(&ctx);
	close(fd);
	return 0;
}
