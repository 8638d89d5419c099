// SPDX-License-Identifier: MIT
/*
 * The bpftrace_log backend: turns the logs of other tools into events. A line that is not
 * understood is a counted loss with its number, never skipped in silence.
 */
#include "live.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_CAPS (TKIT_CAN_OPEN | TKIT_CAN_FAILED | TKIT_CAN_REQUESTED | TKIT_CAN_TARGET_NONE)
#define LIVE_CAPS                                                                   \
	(TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_METADATA | TKIT_CAN_FAILED |      \
	 TKIT_CAN_REQUESTED | TKIT_CAN_CHANGES | TKIT_CAN_LIST | TKIT_CAN_PROCESS | \
	 TKIT_CAN_COMPAT32 | TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_ALL)

/* Lines of text that say nothing about files. */
static bool is_noise(const struct line *line)
{
	static const char *const starts[] = {"Attaching ", "Tracing open syscalls",
					     "WARNING: Addrspace", "couldn't set RLIMIT",
					     "strace: Process "};

	/* bpftrace cannot raise a limit that it does not need. */
	if (!strncmp(line->text, "ERROR: ", 7) && strstr(line->text, "couldn't set RLIMIT_MEMLOCK"))
		return true;
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

	if (import->format != FORMAT_STRACE && !import->records && limit) {
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

/* A line that is lost: shown and counted. */
static int lose_line(struct import *import, const struct line *line, const char *why)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "%s:%llu: %s", lines_name(import->lines),
		 (unsigned long long)line->number, why);
	tkit_log(import->ctx, TKIT_LOG_WARN, "%s: %.200s", detail, line->text);
	return tkit_lose(import->ctx, TKIT_LOSS_PARSE, 1, detail);
}

static int take_line(struct import *import, const struct line *line, bool cut)
{
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
	return lose_line(import, line, cut ? "line too long" : "not understood");
}

int import_record(struct import *import, const struct line *line, uint64_t ts)
{
	int rc = 0;

	if (!import->records)
		rc = records_new(import, NULL, &import->records);
	if (rc == 0 && !import->order)
		rc = order_new(&import->order);
	/* The head of a run has time 0, so it comes before all of it that is held. */
	if (rc == 0 && ts == 0)
		rc = records_take(import->records, line);
	else if (rc == 0)
		rc = order_put(import->order, ts, tkit_now_ns(), line->text, line->len,
			       line->number);
	return rc < 0 ? rc : ts == 0 ? rc : LINE_USED;
}

/* bpftrace reads the CPUs' buffers one after the other: how long it may be behind. */
#define HOLD_NS   300000000ull
#define HOLD_LOG  16384 /* records of a log that are held, whatever the time */
#define HOLD_LIVE 1000000

static int take_records(struct import *import, bool all)
{
	uint64_t before = all ? UINT64_MAX : import->live ? tkit_now_ns() - HOLD_NS : 0;
	size_t keep = all ? 0 : import->live ? HOLD_LIVE : HOLD_LOG;
	struct line line;

	while (import->order && order_take(import->order, before, keep, &line)) {
		int rc = records_take(import->records, &line);

		if (rc == LINE_BAD)
			rc = lose_line(import, &line, "not understood");
		if (rc < 0)
			return rc;
	}
	return 0;
}

int import_pump(struct import *import, int timeout_ms, int max)
{
	uint64_t before = import->emitted;
	bool end = false;
	int rc;

	for (int i = 0; i < max && !end; i++) {
		struct line line;
		bool cut = false;

		rc = lines_next(import->ctx, import->lines, timeout_ms, &line, &cut);
		if (rc == 0)
			break;
		end = rc == TKIT_END;
		if (rc > 0)
			rc = take_line(import, &line, cut);
		if (rc < 0 && !end)
			return rc;
		timeout_ms = 0;
	}
	rc = take_records(import, end);
	if (rc == 0 && end)
		rc = json_end(import);
	if (rc < 0)
		return rc;
	return end && import->emitted == before ? TKIT_END : (int)(import->emitted - before);
}

static uint64_t im_caps(const void *options)
{
	const struct options *given = options;

	return given->live ? LIVE_CAPS : IMPORT_CAPS;
}

static int im_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	const struct options *given = options;
	int rc = given->live ? live_probe(ctx, given) : 0;

	return rc < 0 ? rc : 1;
}

static void im_close(struct tkit_ctx *ctx, void *self)
{
	struct import *import = self;

	live_free(import->live);
	lines_free(import->lines);
	strace_free(import->strace);
	order_free(import->order);
	records_free(import->records);
	free(import);
}

static int check_options(struct tkit_ctx *ctx, const struct options *given)
{
	if (given->live && (given->file || given->container))
		return tkit_fail(ctx, -EINVAL,
				 "live=true reads no log: file and container do not go "
				 "with it");
	if (!given->live && !given->file)
		return tkit_fail(ctx, -EINVAL,
				 "needs file=PATH (or file=- for standard input), or live=true");
	if (given->cwd && given->cwd[0] != '/')
		return tkit_fail(ctx, -EINVAL, "cwd=%s is not absolute", given->cwd);
	return given->live ? live_probe(ctx, given) : 0;
}

static int im_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		   void **ret_self)
{
	const struct options *given = options;
	struct import *import;
	int rc = check_options(ctx, given);

	if (rc < 0)
		return rc;
	import = calloc(1, sizeof(*import));
	if (!import)
		return tkit_fail(ctx, -ENOMEM, "instance");
	import->ctx = ctx;
	import->options = given;
	import->target = target;
	import->format = given->live ? FORMAT_JSON : (enum format)given->format;
	/* With container=, what stands before the first hook line is nobody's. */
	import->skipping = given->container != NULL;
	rc = given->live ? records_new(import, target, &import->records)
			 : lines_new(ctx, given->file, &import->lines);
	if (rc < 0) {
		im_close(ctx, import);
		return rc;
	}
	*ret_self = import;
	return 0;
}

static int im_start(struct tkit_ctx *ctx, void *self)
{
	struct import *import = self;

	import->zero_ns = tkit_now_ns();
	return import->options->live ? live_start(import, import->target, &import->live) : 0;
}

/* Lines per call: enough to be fast, few enough to notice a stop. */
#define LINES_PER_PUMP 4096
#define STOP_NS        40000000000ull /* bpftrace may take its time to detach, not for ever */

/* bpftrace has ended by itself: nothing to read, but the session goes on to its stop. */
static int wait_for_stop(struct import *import, int timeout_ms)
{
	struct pollfd fd = {.fd = tkit_stop_fd(import->ctx), .events = POLLIN};

	if (import->stopping)
		return TKIT_END;
	poll(&fd, 1, timeout_ms);
	return 0;
}

static int live_pump(struct import *import, int timeout_ms)
{
	int rc;

	if (import->ended)
		return wait_for_stop(import, timeout_ms);
	/* What is held must not wait for the next line. */
	if (timeout_ms < 0 || timeout_ms > 100)
		timeout_ms = 100;
	rc = import_pump(import, timeout_ms, LINES_PER_PUMP);
	live_listen(import->live);
	if (rc == TKIT_END) {
		import->ended = true;
		rc = live_ended(import->live);
		return rc < 0 ? rc : 0;
	}
	if (import->stopping && tkit_now_ns() > import->stop_ns + STOP_NS)
		live_kill(import->live);
	/* On a busy machine detaching takes long, and is no reason to give up its last records. */
	return rc == 0 && import->stopping ? 1 : rc;
}

static int im_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct import *import = self;

	return import->live ? live_pump(import, timeout_ms)
			    : import_pump(import, timeout_ms, LINES_PER_PUMP);
}

static int im_stop(struct tkit_ctx *ctx, void *self)
{
	struct import *import = self;

	if (!import->live)
		return 0;
	import->stopping = true;
	import->stop_ns = tkit_now_ns();
	lines_drain(import->lines);
	live_stop(import->live);
	return 0;
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
	.stop = im_stop,
	.stats = im_stats,
	.close = im_close,
	.caps = im_caps,
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
	{"live", TKIT_OPTION_BOOL, offsetof(struct options, live), "no", NULL,
	 "run bpftrace on the target instead of importing a log"},
	{"bpftrace", TKIT_OPTION_STRING, offsetof(struct options, bpftrace), "bpftrace", NULL,
	 "live: the bpftrace to run, a name in PATH or a path"},
	{"program", TKIT_OPTION_STRING, offsetof(struct options, program), NULL, NULL,
	 "live: tkit's bpftrace program; by default the one installed with this plugin"},
	{"ring-size", TKIT_OPTION_SIZE, offsetof(struct options, ring_size), "4M", "64K..1G",
	 "live: bytes of bpftrace's buffer for each CPU"},
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "bpftrace_log",
	.version = "1.0",
	.summary = "runs bpftrace, or imports logs of bpftrace, opensnoop and strace",
	.licence = "MIT",
	.caps = LIVE_CAPS | TKIT_CAN_TARGET_NONE, /* IMPORT_CAPS are among them */
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
