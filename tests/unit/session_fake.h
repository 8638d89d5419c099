/* SPDX-License-Identifier: MIT */
/* For tests of the session: backends and a sink made here, and what came of them. */
#ifndef SESSION_FAKE_H
#define SESSION_FAKE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/session.h"
#include "util/log.h"

/* What a test tells its backend, and what came of it. Reached through plugin options. */
struct script {
	/* told */
	int fail_open, fail_start, fail_pump, never_end, end_at_once;
	int linger_ms;    /* a made-up descendant lives so long after the command */
	bool lose_exit;   /* ... and its exit is never told */
	uint64_t produce; /* events per pump */
	/* seen */
	char calls[64]; /* o s p x(stop) e(end) t(stats) c */
	pid_t pid;
	uint64_t emitted;
	int command_status;
	int listener;
	unsigned int seccomp_stops;
	uint64_t gone_ns;
	bool root_told, forked;
	pthread_t thread;
	bool wrong_thread;
};

/* One script per backend, found by the backend's name: options are opaque to core here. */
static struct script scripts[2];

struct fake {
	struct script *script;
	bool stopped;
};

static void note(struct script *script, char call)
{
	size_t len = strlen(script->calls);

	if (call == 'o')
		script->thread = pthread_self();
	else if (!pthread_equal(script->thread, pthread_self()))
		script->wrong_thread = true;
	if (len && script->calls[len - 1] == call)
		return; /* pump after pump */
	if (len + 1 < sizeof(script->calls))
		script->calls[len] = call;
}

static int open_fake(struct tkit_ctx *ctx, struct script *script, const struct tkit_target *target,
		     void **ret_self)
{
	struct fake *fake;

	note(script, 'o');
	script->pid = target->pid;
	if (script->fail_open)
		return tkit_fail(ctx, -EPERM, "no way; try another");
	fake = calloc(1, sizeof(*fake));
	fake->script = script;
	*ret_self = fake;
	return 0;
}

static int open_first(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		      void **ret_self)
{
	return open_fake(ctx, &scripts[0], target, ret_self);
}

static int open_second(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		       void **ret_self)
{
	return open_fake(ctx, &scripts[1], target, ret_self);
}

static int fake_start(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 's');
	return fake->script->fail_start ? tkit_fail(ctx, -EACCES, "cannot arm") : 0;
}

static int emit(struct tkit_ctx *ctx, struct script *script, int type, pid_t pid)
{
	struct tkit_event event;
	int rc;

	tkit_event_init(&event, type);
	event.op = type == TKIT_EVENT_ACCESS ? TKIT_OP_OPEN : TKIT_OP_NONE;
	event.valid = TKIT_V_PID;
	event.pid = pid;
	rc = tkit_emit(ctx, &event);
	if (rc == 0)
		script->emitted++;
	return rc;
}

static int fake_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct fake *fake = self;
	struct script *script = fake->script;
	struct pollfd fd = {.fd = tkit_stop_fd(ctx), .events = POLLIN};

	note(script, 'p');
	if (script->fail_pump)
		return tkit_fail(ctx, -EIO, "source broke");
	for (uint64_t i = 0; i < script->produce; i++)
		if (emit(ctx, script, TKIT_EVENT_ACCESS, script->pid) < 0)
			return -ECANCELED;
	if (script->end_at_once)
		return TKIT_END;
	if (fake->stopped)
		return script->never_end ? 0 : TKIT_END;
	poll(&fd, 1, timeout_ms);
	return (int)script->produce;
}

static int fake_stop(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 'x');
	fake->stopped = true;
	return 0;
}

static int fake_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct fake *fake = self;

	note(fake->script, 't');
	stats->emitted = fake->script->emitted;
	return 0;
}

static void fake_close(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 'c');
	free(fake);
}

/* ---- a sink that counts ---- */

static struct {
	int opened, begun, ended, closed;
	uint64_t events;
	struct tkit_run_end end;
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint32_t backend_count;
	bool id_set;
	char cwd[4096];
} seen;

static int count_open(struct tkit_ctx *ctx, const void *options, const char *output,
		      void **ret_self)
{
	seen.opened++;
	*ret_self = &seen;
	return 0;
}

static int count_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	seen.begun++;
	seen.backend_count = run->backend_count;
	for (size_t i = 0; i < sizeof(run->id); i++)
		seen.id_set = seen.id_set || run->id[i];
	snprintf(seen.cwd, sizeof(seen.cwd), "%s", run->cwd);
	assert_non_null(run->host);
	assert_non_null(run->kernel);
	assert_non_null(run->target);
	assert_non_null(run->image_digest);
	assert_non_null(run->container_id);
	assert_non_null(run->backends[0].options);
	return 0;
}

static int count_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	seen.events += batch->count;
	return 0;
}

static int count_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	seen.ended++;
	seen.end = *end;
	memcpy(seen.losses, end->losses, sizeof(seen.losses));
	return 0;
}

static int count_close(struct tkit_ctx *ctx, void *self)
{
	seen.closed++;
	return 0;
}

static const struct tkit_sink_ops sink_ops = {.open = count_open,
					      .begin = count_begin,
					      .write = count_write,
					      .end = count_end,
					      .close = count_close};
static const struct plugin sink_plugin = {.desc = {.kind = TKIT_KIND_SINK, .name = "count"},
					  .ops = &sink_ops};

/* ---- running ---- */

static struct tkit_backend_ops backend_ops[2] = {
	{.open = open_first,
	 .start = fake_start,
	 .pump = fake_pump,
	 .stop = fake_stop,
	 .stats = fake_stats,
	 .close = fake_close},
	{.open = open_second,
	 .start = fake_start,
	 .pump = fake_pump,
	 .stop = fake_stop,
	 .stats = fake_stats,
	 .close = fake_close},
};

#define ALL_TARGETS \
	(TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_ALL | TKIT_CAN_TARGET_NONE)

struct setup {
	struct plugin plugins[2];
	struct session_plugin backends[2];
	struct session_plugin sink;
	struct session_config config;
	struct session_result result;
	struct err err;
	char *argv[4];
};

static void prepare(struct setup *s, size_t backends, const char *command)
{
	memset(s, 0, sizeof(*s));
	memset(scripts, 0, sizeof(scripts));
	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < 2; i++) {
		s->plugins[i] = (struct plugin){
			.desc = {.kind = TKIT_KIND_BACKEND,
				 .name = i ? "second" : "first",
				 .caps = ALL_TARGETS},
			.ops = &backend_ops[i],
		};
		s->backends[i].plugin = &s->plugins[i];
	}
	s->sink.plugin = &sink_plugin;
	s->argv[0] = (char *)"sh";
	s->argv[1] = (char *)"-c";
	s->argv[2] = (char *)command;
	s->config = (struct session_config){
		.backends = s->backends,
		.backend_count = backends,
		.sinks = &s->sink,
		.sink_count = 1,
		.target = command ? TKIT_TARGET_COMMAND : TKIT_TARGET_NONE,
		.argv = command ? s->argv : NULL,
	};
}

static int run(struct setup *s)
{
	return session_run(&s->config, &s->result, &s->err);
}
static void check_whole_life(const struct script *script)
{
	if (strcmp(script->calls, "osxptc") != 0)
		assert_string_equal(script->calls, "ospxptc");
}
#endif
