// SPDX-License-Identifier: MIT
/*
 * The bpftrace_log backend: turns the logs of other tools into events. A line that is not
 * understood is a counted loss with its number, never skipped in silence.
 */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of text that say nothing about files. */
static bool is_noise(const struct line *line)
{
	static const char *const starts[] = {"Attaching ",          "Tracing open syscalls",
					     "WARNING: Addrspace",  "ERROR: couldn't set RLIMIT",
					     "couldn't set RLIMIT", "strace: Process "};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(line->text, starts[i], strlen(starts[i])))
			return true;
	return false;
}

int common_line(struct import *import, const struct line *line)
{
	const char *p = line->text;
	uint64_t count = 0;
	int rc;

	if (is_noise(line))
		return LINE_USED;
	if (strncmp(p, "Lost ", 5) != 0 && strncmp(p, "Possibly lost ", 14) != 0)
		return 0;
	p = strchr(p, 't') + 2;
	for (; isdigit((unsigned char)*p) && count < UINT64_MAX / 16; p++)
		count = count * 10 + (uint64_t)(*p - '0');
	if (strncmp(p, " events", 7) != 0 && strncmp(p, " samples", 8) != 0)
		return 0;
	rc = tkit_lose(import->ctx, TKIT_LOSS_UPSTREAM, count ? count : 1, "the imported tool");
	return rc < 0 ? rc : LINE_USED;
}

void open_event(struct import *import, struct tkit_event *event, const char *path, size_t len,
		int64_t ret)
{
	tkit_event_init(event, TKIT_EVENT_ACCESS);
	event->op = TKIT_OP_OPEN;
	event->valid = TKIT_V_PATH | TKIT_V_ERR | TKIT_V_RET;
	event->ret = ret;
	event->err = ret < 0 ? (int32_t)-ret : 0;
	event->path.ptr = path;
	event->path.len = len;
	if (len && path[0] != '/' && import->options->cwd) {
		event->valid |= TKIT_V_BASE;
		event->base.ptr = import->options->cwd;
		event->base.len = strlen(import->options->cwd);
	}
}

int emit(struct import *import, struct tkit_event *event)
{
	/* str() of bpftrace cuts at 63 or 199, opensnoop's buffer at 254. */
	bool limit = event->path.len == 63 || event->path.len == 199 || event->path.len == 254;
	int rc = 0;

	if (import->format != FORMAT_STRACE && limit) {
		event->pflags |= TKIT_P_TRUNCATED;
		rc = tkit_lose(import->ctx, TKIT_LOSS_TRUNCATED, 1, "a name at the tool's limit");
	}
	import->emitted++;
	return rc < 0 ? rc : tkit_emit(import->ctx, event);
}

/* The first line that fits exactly one format decides. */
static int detect(struct import *import, const struct line *line)
{
	static int (*const parsers[])(struct import *, const struct line *) = {
		[FORMAT_ARTICLE] = article_line,
		[FORMAT_OPENSNOOP] = opensnoop_line,
		[FORMAT_JSON] = json_line,
		[FORMAT_STRACE] = strace_line,
	};
	static const enum format order[] = {FORMAT_JSON, FORMAT_OPENSNOOP, FORMAT_STRACE,
					    FORMAT_ARTICLE};

	if (import->format != FORMAT_AUTO)
		return parsers[import->format](import, line);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int rc;

		if (order[i] == FORMAT_JSON && line->text[0] != '{')
			continue;
		import->format = order[i];
		rc = parsers[order[i]](import, line);
		if (rc != LINE_BAD)
			return rc;
	}
	import->format = FORMAT_AUTO;
	return LINE_BAD;
}

static int take_line(struct import *import, const struct line *line, bool cut)
{
	const char *name = lines_name(import->lines);
	char detail[160];
	int rc = LINE_BAD;

	if (line->len == 0)
		return 0;
	if (!cut) {
		rc = import->format == FORMAT_JSON ? 0 : common_line(import, line);
		if (rc == 0)
			rc = detect(import, line);
	}
	if (rc != LINE_BAD)
		return rc < 0 ? rc : 0;
	snprintf(detail, sizeof(detail), "%s:%llu: %s", name, (unsigned long long)line->number,
		 cut ? "line too long" : "not understood");
	tkit_log(import->ctx, TKIT_LOG_WARN, "%s: %.200s", detail, line->text);
	return tkit_lose(import->ctx, TKIT_LOSS_PARSE, 1, detail);
}

static int im_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	return 1;
}

static void im_close(struct tkit_ctx *ctx, void *self)
{
	struct import *import = self;

	lines_free(import->lines);
	strace_free(import->strace);
	free(import);
}

static int im_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		   void **ret_self)
{
	const struct options *given = options;
	struct import *import;
	int rc;

	if (!given->file)
		return tkit_fail(ctx, -EINVAL, "needs file=PATH (or file=- for standard input)");
	if (given->cwd && given->cwd[0] != '/')
		return tkit_fail(ctx, -EINVAL, "cwd=%s is not absolute", given->cwd);
	import = calloc(1, sizeof(*import));
	if (!import)
		return tkit_fail(ctx, -ENOMEM, "instance");
	import->ctx = ctx;
	import->options = given;
	import->format = (enum format)given->format;
	/* With container=, what stands before the first hook line is nobody's. */
	import->skipping = given->container != NULL;
	rc = lines_new(ctx, given->file, &import->lines);
	if (rc < 0) {
		free(import);
		return rc;
	}
	*ret_self = import;
	return 0;
}

static int im_start(struct tkit_ctx *ctx, void *self)
{
	((struct import *)self)->zero_ns = tkit_now_ns();
	return 0;
}

/* Lines per call: enough to be fast, few enough to notice a stop. */
#define LINES_PER_PUMP 4096

static int im_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct import *import = self;
	uint64_t before = import->emitted;

	for (int i = 0; i < LINES_PER_PUMP; i++) {
		struct line line;
		bool cut = false;
		int rc = lines_next(ctx, import->lines, timeout_ms, &line, &cut);

		if (rc == TKIT_END && import->emitted == before)
			return TKIT_END;
		if (rc == 0 || rc == TKIT_END)
			break;
		if (rc > 0)
			rc = take_line(import, &line, cut);
		if (rc < 0)
			return rc;
		timeout_ms = 0;
	}
	return (int)(import->emitted - before);
}

static int im_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	stats->emitted = ((struct import *)self)->emitted;
	return 0;
}

static const struct tkit_backend_ops ops = {
	.probe = im_probe,
	.open = im_open,
	.start = im_start,
	.pump = im_pump,
	.stats = im_stats,
	.close = im_close,
};

static const struct tkit_option options[] = {
	{"file", TKIT_OPTION_STRING, offsetof(struct options, file), NULL, NULL,
	 "the log; - for standard input"},
	{"format", TKIT_OPTION_ENUM, offsetof(struct options, format), "auto",
	 "auto|article|opensnoop|json|strace", "the log's format; auto goes by its first line"},
	{"container", TKIT_OPTION_STRING, offsetof(struct options, container), NULL, NULL,
	 "article: only blocks whose container id starts like this"},
	{"cwd", TKIT_OPTION_STRING, offsetof(struct options, cwd), NULL, NULL,
	 "the program's working directory, for relative paths"},
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "bpftrace_log",
	.version = "1.0",
	.summary = "imports logs of bpftrace, opensnoop and strace",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_FAILED | TKIT_CAN_REQUESTED | TKIT_CAN_TARGET_NONE,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
