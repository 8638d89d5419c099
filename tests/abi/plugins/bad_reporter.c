// SPDX-License-Identifier: MIT
/* A reporter that breaks the contract in one way, VARIANT_...; without one it is sound. */
#include <tkit/backend.h>
#include <tkit/reporter.h>

#include <errno.h>
#include <stdlib.h>

struct bad {
	const struct tkit_event *first;
	uint64_t events;
};

static int bad_open(struct tkit_ctx *ctx, const void *options, void **ret_self)
{
	*ret_self = calloc(1, sizeof(struct bad));
	return *ret_self ? 0 : tkit_fail(ctx, -ENOMEM, "opening");
}

static int bad_event(struct tkit_ctx *ctx, void *self, const struct tkit_run *run,
		     const struct tkit_event *event)
{
	struct bad *bad = self;

	bad->events++;
#ifdef VARIANT_KEEPS
	if (!bad->first)
		bad->first = event;
	bad->events += bad->first->count;
#endif
	return 0;
}

static int bad_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
		      struct tkit_out *out)
{
	struct bad *bad = self;

	tkit_out_printf(out, "%llu events\n", (unsigned long long)bad->events);
#ifdef VARIANT_VARIES
	tkit_out_printf(out, "made at %llu\n", (unsigned long long)tkit_now_ns());
#elif defined(VARIANT_EMPTY)
	/* Forgets that there may be none. */
	tkit_out_path(out, tkit_model_path(model, 0)->name);
#elif defined(VARIANT_RAW)
	for (size_t i = 0; i < tkit_model_path_count(model); i++)
		tkit_out_write(out, tkit_model_path(model, i)->name.ptr,
			       tkit_model_path(model, i)->name.len);
#elif defined(VARIANT_STATUS)
	return (int)tkit_model_path_count(model) + 100;
#endif
	return 0;
}

static void bad_close(struct tkit_ctx *ctx, void *self)
{
	free(self);
}

static const struct tkit_reporter_ops ops = {
	.open = bad_open,
	.event = bad_event,
	.render = bad_render,
	.close = bad_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "bad",
	.version = "1",
	.summary = "wrong in one way",
	.licence = "MIT",
};
