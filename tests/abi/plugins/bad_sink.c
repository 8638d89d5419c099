// SPDX-License-Identifier: MIT
/* A sink that breaks the contract in one way, VARIANT_...; without one it is sound. */
#include <tkit/sink.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bad {
	struct tkit_bytes last;
	const struct tkit_run_info *run;
	uint64_t bytes;
};

static int bad_open(struct tkit_ctx *ctx, const void *options, const char *output, void **ret_self)
{
	*ret_self = calloc(1, sizeof(struct bad));
	return *ret_self ? 0 : tkit_fail(ctx, -ENOMEM, "opening");
}

static int bad_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct bad *bad = self;

	bad->run = run;
	return 0;
}

static void count(struct bad *bad, struct tkit_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		bad->bytes += (unsigned char)text.ptr[i];
}

static int bad_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct bad *bad = self;

#ifdef VARIANT_LENT
	count(bad, bad->last);
#elif defined(VARIANT_STDERR)
	fprintf(stderr, "bad: hello\n");
#elif defined(VARIANT_CRASH)
	/* Forgets that `path` need not be there. */
	for (uint32_t i = 0; i < batch->count; i++)
		bad->bytes += (unsigned char)*tkit_batch_event(batch, i)->path.ptr;
#elif defined(VARIANT_CLOSED)
	if (bad->bytes)
		return -EPIPE;
#endif
	for (uint32_t i = 0; i < batch->count; i++) {
#ifdef VARIANT_STRIDE
		const struct tkit_event *e = &batch->events[i];
#else
		const struct tkit_event *e = tkit_batch_event(batch, i);
#endif
#ifdef VARIANT_SCRIBBLE
		((struct tkit_event *)e)->count = 1;
#endif
		if (!(e->valid & TKIT_V_PATH) || !e->path.len)
			continue;
		count(bad, e->path);
		bad->last = e->path;
	}
	return 0;
}

static int bad_close(struct tkit_ctx *ctx, void *self)
{
	struct bad *bad = self;

#ifdef VARIANT_RUN
	/* The run is gone since end(). */
	if (bad->run && bad->run->backend_count == 77)
		abort();
#endif
	free(bad);
	return 0;
}

static const struct tkit_sink_ops ops = {
	.open = bad_open,
	.begin = bad_begin,
	.write = bad_write,
	.close = bad_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "bad",
	.version = "1",
	.summary = "wrong in one way",
	.licence = "MIT",
};
