// SPDX-License-Identifier: MIT
/*
 * A reporter that sees each event: in which order, and when, were the files first opened or
 * executed? A model does not tell the order over all files; event() does.
 *
 *	tkit report --reporter timeline,until=1s trace.tkit
 */
#include <tkit/backend.h>
#include <tkit/reporter.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct options {
	uint64_t until_ns;
};

static const struct tkit_option options[] = {
	{"until", TKIT_OPTION_DURATION, offsetof(struct options, until_ns), "0", NULL,
	 "only the first part of each run; 0 is all of it"},
};

/* One line of the report. */
struct use {
	uint32_t run;
	uint32_t op;
	uint64_t after_ns; /* since the run was armed */
	size_t len;
	char *name;
};

struct timeline {
	const struct options *options; /* live until close() */
	struct use *uses;
	size_t count;
	size_t room;
	size_t *table; /* open hash of (run, name): index + 1 in uses */
	size_t slots;
};

static int timeline_open(struct tkit_ctx *ctx, const void *opts, void **ret_self)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (!t)
		return tkit_fail(ctx, -ENOMEM, "opening");
	t->options = opts;
	*ret_self = t;
	return 0;
}

static size_t hash(uint32_t run, struct tkit_bytes name)
{
	size_t h = 1469598103934665603ull ^ run;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.ptr[i]) * 1099511628211ull;
	return h;
}

/* The slot of a name: where it is, or would be. */
static size_t *find(struct timeline *t, uint32_t run, struct tkit_bytes name)
{
	for (size_t i = hash(run, name);; i++) {
		size_t *slot = &t->table[i & (t->slots - 1)];
		const struct use *use = *slot ? &t->uses[*slot - 1] : NULL;

		if (!use || (use->run == run && use->len == name.len &&
			     memcmp(use->name, name.ptr, name.len) == 0))
			return slot;
	}
}

static int grow(struct timeline *t)
{
	size_t room = t->room ? t->room * 2 : 256;
	struct use *uses = realloc(t->uses, room * sizeof(*uses));
	size_t *table = uses ? calloc(room * 2, sizeof(*table)) : NULL;

	if (uses)
		t->uses = uses;
	if (!table)
		return -ENOMEM;
	free(t->table);
	t->table = table;
	t->slots = room * 2;
	t->room = room;
	for (size_t i = 0; i < t->count; i++) {
		struct tkit_bytes name = {t->uses[i].name, t->uses[i].len};

		*find(t, t->uses[i].run, name) = i + 1;
	}
	return 0;
}

static int add(struct tkit_ctx *ctx, struct timeline *t, const struct use *use,
	       struct tkit_bytes name)
{
	size_t *slot;

	if (t->count == t->room && grow(t) < 0)
		return tkit_fail(ctx, -ENOMEM, "keeping a name");
	slot = find(t, use->run, name);
	if (*slot)
		return 0; /* used before */
	t->uses[t->count] = *use;
	t->uses[t->count].len = name.len;
	t->uses[t->count].name = malloc(name.len + 1);
	if (!t->uses[t->count].name)
		return tkit_fail(ctx, -ENOMEM, "keeping a name");
	/* The event is lent for this call: what is kept is copied. */
	memcpy(t->uses[t->count].name, name.ptr, name.len);
	*slot = ++t->count;
	return 0;
}

static int timeline_event(struct tkit_ctx *ctx, void *self, const struct tkit_run *run,
			  const struct tkit_event *event)
{
	struct timeline *t = self;
	uint64_t armed = run->info->armed_monotonic_ns;
	struct use use = {.run = run->index, .op = event->op};
	char path[8192];
	long len;

	if ((event->type != TKIT_EVENT_ACCESS && event->type != TKIT_EVENT_EXEC) ||
	    !(event->valid & TKIT_V_TS) || (event->valid & TKIT_V_ERR && event->err) ||
	    (event->op != TKIT_OP_OPEN && event->op != TKIT_OP_EXEC && event->op != TKIT_OP_INTERP))
		return 0;
	use.after_ns = event->ts_ns > armed ? event->ts_ns - armed : 0;
	if (t->options->until_ns && use.after_ns > t->options->until_ns)
		return 0;
	if ((event->valid & TKIT_V_RESOLVED) && event->resolved.len)
		return add(ctx, t, &use, event->resolved);
	len = tkit_event_abs(event, path, sizeof(path));
	if (len <= 0)
		return 0;
	return add(ctx, t, &use, (struct tkit_bytes){path, (size_t)len});
}

static int by_time(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int c;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	if (x->after_ns != y->after_ns)
		return x->after_ns < y->after_ns ? -1 : 1;
	c = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);
	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int timeline_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
			   struct tkit_out *out)
{
	struct timeline *t = self;

	if (!tkit_model_complete(model))
		tkit_out_printf(out, "The trace is incomplete.\n");
	/* Events of different threads may be out of order by a little. */
	if (t->count)
		qsort(t->uses, t->count, sizeof(*t->uses), by_time);
	for (size_t i = 0; i < t->count; i++) {
		const struct use *use = &t->uses[i];

		if (!i || use->run != t->uses[i - 1].run)
			tkit_out_printf(out, "run %u\n", use->run + 1);
		tkit_out_printf(out, "%10.6f  %-6s  ", (double)use->after_ns / 1e9,
				tkit_op_name((int)use->op));
		tkit_out_path(out, (struct tkit_bytes){use->name, use->len});
		tkit_out_printf(out, "\n");
	}
	return 0;
}

static void timeline_close(struct tkit_ctx *ctx, void *self)
{
	struct timeline *t = self;

	for (size_t i = 0; i < t->count; i++)
		free(t->uses[i].name);
	free(t->uses);
	free(t->table);
	free(t);
}

static const struct tkit_reporter_ops ops = {
	.open = timeline_open,
	.event = timeline_event,
	.render = timeline_render,
	.close = timeline_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "timeline",
	.version = "1.0",
	.summary = "files in the order of their first use",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
