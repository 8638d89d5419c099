/* SPDX-License-Identifier: MIT */
/*
 * tkit/reporter.h - writing a reporter: something that turns a model into
 * text, JSON, an image.
 *
 * Life of an instance, all on the main thread:
 *
 *	open -> (event, event, ...) -> render -> close
 *
 * Output must depend on the input alone: sorted by path bytes, no clock, no
 * host path, no pointer order.
 */
#ifndef TKIT_REPORTER_H
#define TKIT_REPORTER_H

#include <tkit/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Needs (struct tkit_plugin.caps of a reporter). Low bits are TKIT_CAN_* of backends: core
 * warns when the trace's backend was blind for one of them. High bits: */
#define TKIT_NEEDS_ROOTFS   (1ull << 48) /* a root file system; an error without */
#define TKIT_WANTS_NODES    (1ull << 49) /* exists, canonical, mode, size of each path */
#define TKIT_WANTS_PACKAGES (1ull << 50) /* owning packages */
#define TKIT_NEEDS_COMPLETE \
	(1ull << 51) /* refuses an incomplete trace without --allow-incomplete */
#define TKIT_WRITES_DIRECTORY (1ull << 52) /* -o names a folder, not a file */
#define TKIT_EXITS_LIKE_DIFF  (1ull << 53) /* a failure exits with 2, as diff(1), not 125 */
#define TKIT_WANTS_ELF        (1ull << 54) /* hidden dependencies and unused needs */

/* Where a report goes: standard output, a file or a folder, by -o. Written aside, put in
 * place when render() has succeeded. */
struct tkit_out;

/*
 * The functions below are for render() and its thread. Those that write return 0 or -errno; core
 * keeps the first failure. What they are given is copied.
 */

/* Writes bytes, or formatted text, as they are: nothing that was named by a traced program. */
TKIT_API int tkit_out_write(struct tkit_out *out, const void *data, size_t size);
TKIT_API int tkit_out_printf(struct tkit_out *out, const char *fmt, ...) TKIT_PRINTF(2, 3);

/* Writes bytes escaped for people: C escapes for control bytes and invalid UTF-8. */
TKIT_API int tkit_out_path(struct tkit_out *out, struct tkit_bytes path);

/* Writes a JSON string, quotes included; invalid UTF-8 becomes U+FFFD. */
TKIT_API int tkit_out_json(struct tkit_out *out, struct tkit_bytes text);

/* Nonzero if the output is a terminal that shows colour (NO_COLOR is honoured). */
TKIT_API int tkit_out_color(struct tkit_out *out);

/*
 * TKIT_WRITES_DIRECTORY: makes file `name` (no slash) in the output folder and returns
 * its descriptor (to be closed by the caller, O_CLOEXEC) or -errno.
 */
TKIT_API int tkit_out_create(struct tkit_out *out, const char *name, unsigned int mode);

/*
 * Writes a file beside the report (named by an option): aside, flushed to disk, and put in
 * place when it is whole; an older one keeps its mode. 0, or -errno with a recorded cause.
 */
TKIT_API int tkit_write_file(struct tkit_ctx *ctx, const char *path, const void *data, size_t size);

struct tkit_reporter_ops {
	/* Makes an instance; options live until close(). Mandatory. */
	int (*open)(struct tkit_ctx *ctx, const void *options, void **ret_self);

	/* Sees each event in file order, before render(). NULL: not interested. */
	int (*event)(struct tkit_ctx *ctx, void *self, const struct tkit_run *run,
		     const struct tkit_event *event);

	/*
	 * Writes the report. Returns the exit status of the command (0..99) or -errno.
	 * Write errors on `out` need not be checked at each call: core keeps the first and
	 * fails the report with it. Mandatory.
	 */
	int (*render)(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
		      struct tkit_out *out);

	/* Frees the instance. Mandatory. */
	void (*close)(struct tkit_ctx *ctx, void *self);
};

#ifdef __cplusplus
}
#endif
#endif
