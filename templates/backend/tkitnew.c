// SPDX-License-Identifier: MIT
/*
 * The tkitnew backend. As it stands it imports: each line of a file names a path that was
 * opened. Replace read_lines() by your source of facts; docs/PLUGIN_MANUAL.md of tkit tells
 * what each callback may and must do.
 */
#include <tkit/backend.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUMP_LINES 256 /* most lines in one pump(): it must return soon */

struct options {
	const char *file;
};

static const struct tkit_option options[] = {
	{"file", TKIT_OPTION_STRING, offsetof(struct options, file), "-", NULL,
	 "file with one path a line; - is standard input"},
};

/* One instance. Nothing is global: several may run at a time, each on a thread of its own. */
struct tkitnew {
	FILE *in;
	char *line; /* of getline(3) */
	size_t room;
	uint64_t emitted;
};

/* Can it run here? Say what is missing and what would help. */
static int tkitnew_probe(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target)
{
	return 1; /* the lowest rank: `--backend auto` prefers others */
}

static int tkitnew_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
			void **ret_self)
{
	const struct options *given = opts;
	struct tkitnew *t = calloc(1, sizeof(*t));

	if (!t)
		return tkit_fail(ctx, -ENOMEM, "opening");
	t->in = fopen(strcmp(given->file, "-") == 0 ? "/dev/stdin" : given->file, "re");
	if (!t->in) {
		int rc = -errno;

		free(t);
		return tkit_fail(ctx, rc, "opening %s", given->file);
	}
	*ret_self = t;
	return 0;
}

/* From the moment it returns nothing that the target does may be missed. */
static int tkitnew_start(struct tkit_ctx *ctx, void *self)
{
	return 0;
}

static int emit_path(struct tkit_ctx *ctx, struct tkitnew *t, const char *path, size_t len)
{
	struct tkit_event event;
	int rc;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	/* What is not known stays out of `valid`; nothing is guessed. */
	event.valid = TKIT_V_TS | TKIT_V_PATH | TKIT_V_ERR;
	event.ts_ns = tkit_now_ns();
	event.path.ptr = path;
	event.path.len = len;
	rc = tkit_emit(ctx, &event);
	if (rc == 0)
		t->emitted++;
	return rc;
}

/* Returns the number of events, 0 for "nothing now", TKIT_END when nothing more will come. */
static int tkitnew_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct tkitnew *t = self;
	int lines = 0;

	while (lines < PUMP_LINES) {
		ssize_t len = getline(&t->line, &t->room, t->in);
		int rc;

		if (len < 0)
			return lines           ? lines
			       : ferror(t->in) ? tkit_fail(ctx, -EIO, "reading")
					       : TKIT_END;
		if (t->line[len - 1] == '\n')
			len--;
		if (len == 0 || memchr(t->line, '\0', (size_t)len)) {
			/* A fact that is not told is a loss, never silence. */
			rc = tkit_lose(ctx, TKIT_LOSS_PARSE, 1, "a line that is no path");
		} else {
			rc = emit_path(ctx, t, t->line, (size_t)len);
		}
		if (rc < 0)
			return rc;
		lines++;
	}
	return lines;
}

static int tkitnew_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct tkitnew *t = self;

	stats->emitted = t->emitted;
	return 0;
}

static void tkitnew_close(struct tkit_ctx *ctx, void *self)
{
	struct tkitnew *t = self;

	fclose(t->in);
	free(t->line);
	free(t);
}

static const struct tkit_backend_ops ops = {
	.probe = tkitnew_probe,
	.open = tkitnew_open,
	.start = tkitnew_start,
	.pump = tkitnew_pump,
	.stats = tkitnew_stats,
	.close = tkitnew_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "tkitnew",
	.version = "0.1",
	.summary = "imports a list of opened files",
	.licence = "MIT",
	/* What it can see, and what it can watch. Reports go by it: claim no more than is so. */
	.caps = TKIT_CAN_OPEN | TKIT_CAN_REQUESTED | TKIT_CAN_TARGET_NONE,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
