/* SPDX-License-Identifier: MIT */
/*
 * tkit/trace.h - writing and reading .tkit traces (docs/FILE_FORMAT.md).
 *
 * For sinks that store or send the format, backends that replay it, and
 * programs that use libtkit to read traces.
 */
#ifndef TKIT_TRACE_H
#define TKIT_TRACE_H

#include <tkit/event.h>
#include <tkit/plugin.h>
#include <tkit/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ---- writing ----
 *
 * One thread at a time for one writer. What fails returns -errno with a recorded cause, after
 * which the writer can only be freed.
 */

struct tkit_trace_writer;

struct tkit_trace_writer_options {
	uint32_t size;        /* sizeof(struct tkit_trace_writer_options) */
	int32_t level;        /* zstd compression level; 0 = default (3) */
	uint32_t block_count; /* most events in a block; 0 = default */
	uint32_t reserved;
	uint32_t time_step; /* ns: times are rounded down to multiples of it, a power of 2; 0 = 1 */
	uint32_t reserved_too;
};

/*
 * Where finished frames go: called with one whole zstd frame. Returns 0 or -errno,
 * which then comes out of the writer call that caused it.
 */
typedef int (*tkit_trace_output)(void *arg, const void *frame, size_t size);

/* Makes a writer. `options` may be NULL; `ctx` must outlive it. 0 or -errno. */
TKIT_API int tkit_trace_writer_new(struct tkit_ctx *ctx,
				   const struct tkit_trace_writer_options *options,
				   tkit_trace_output output, void *arg,
				   struct tkit_trace_writer **ret_writer);

/* Starts a run; its header goes out as a frame at once. Returns the run's index in the file. */
TKIT_API int tkit_trace_writer_begin(struct tkit_trace_writer *writer,
				     const struct tkit_run_info *run);

/* Adds a batch to the run. No allocation per event once the tables have grown. */
TKIT_API int tkit_trace_writer_write(struct tkit_trace_writer *writer,
				     const struct tkit_batch *batch);

/* Closes the open block, if any, and passes its frame on. */
TKIT_API int tkit_trace_writer_flush(struct tkit_trace_writer *writer);

/* Flushes and writes the run's footer. */
TKIT_API int tkit_trace_writer_end(struct tkit_trace_writer *writer,
				   const struct tkit_run_end *end);

/* Frees without flushing. NULL-safe. */
TKIT_API void tkit_trace_writer_free(struct tkit_trace_writer *writer);

/* ---- reading: one thread at a time for one reader ---- */

struct tkit_trace_reader;

enum tkit_trace_item_kind {
	TKIT_TRACE_RUN = 1,   /* a header: `run`, `info` */
	TKIT_TRACE_BATCH = 2, /* events of `run`: `batch` */
	TKIT_TRACE_FOOT = 3,  /* a footer: `run`, `end` */
	TKIT_TRACE_DAMAGE = 4 /* a part could not be read: `offset`, `lost_bytes`, `lost_events`,
			       * `text` */
};

struct tkit_trace_item {
	uint32_t kind;                    /* enum tkit_trace_item_kind */
	uint32_t run;                     /* index of the run in this file */
	const struct tkit_run_info *info; /* of `run`; lives as long as the reader. DAMAGE: may be
					   * NULL. A run whose header was lost has an empty one */
	const struct tkit_batch *batch;   /* until the next call; its `backend` is an index in
					   * info->backends, unless those are unknown */
	const struct tkit_run_end *end;   /* lives as long as the reader; `complete` is 0 if there
					   * was damage before it */
	uint64_t offset;                  /* in the file, bytes */
	uint64_t lost_bytes;
	const char *text;     /* what was wrong; until the next call */
	uint64_t lost_events; /* as far as it is known; 0 = unknown */
};

/*
 * Opens a trace for reading from fd (file, pipe or socket; not closed by the reader).
 * `name` is for messages. Fails with -EBADMSG if it does not start like a trace; where
 * fd is non-blocking and nothing has come yet, the first next() fails instead.
 * Input is untrusted: every length is checked, memory is bounded.
 */
TKIT_API int tkit_trace_reader_new(struct tkit_ctx *ctx, int fd, const char *name,
				   struct tkit_trace_reader **ret_reader);

/*
 * Next item. Returns 1 with *ret_item filled, 0 at the end, -errno if reading itself
 * failed, -EAGAIN if fd is non-blocking and has nothing now (call again later). Damage is
 * an item, not an error: reading goes on behind it. A file without a footer ends with a
 * DAMAGE item for the run ("no footer: the run was cut off").
 */
TKIT_API int tkit_trace_reader_next(struct tkit_trace_reader *reader,
				    struct tkit_trace_item *ret_item);

TKIT_API void tkit_trace_reader_free(struct tkit_trace_reader *reader); /* NULL-safe */

/* ---- text forms of an event ---- */

/*
 * One JSON object (no newline) as `tkit dump` prints it, docs/EVENT_MODEL.md. Unknown
 * fields are left out. `zero_ns` is the run's armed_monotonic_ns, `backend` may be NULL.
 * Returns the length needed; writes no more than `size` bytes (cut off if larger).
 */
TKIT_API size_t tkit_event_json(const struct tkit_event *event, uint64_t zero_ns,
				const char *backend, char *buf, size_t size);

/* One line for people, like strace: `1234 openat("/etc/passwd", O_RDONLY) = 3`. Same rules. */
TKIT_API size_t tkit_event_text(const struct tkit_event *event, uint64_t zero_ns, char *buf,
				size_t size);

#ifdef __cplusplus
}
#endif
#endif
