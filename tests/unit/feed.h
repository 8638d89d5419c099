/* SPDX-License-Identifier: MIT */
/* Models from events written down in a test. Include after <cmocka.h>. */
#ifndef TESTS_FEED_H
#define TESTS_FEED_H

#include <fcntl.h>
#include <string.h>

#include <tkit/tkit.h>

#include "model/builder.h"
#include "util/bytes.h"

/* EV() below names only what matters to the test. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define FEED_CAPS (TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_METADATA | TKIT_CAN_FAILED)

struct feed {
	struct model_builder *builder;
	uint32_t run;
	uint64_t ts;
};

/* An access in a few words. err: -1 = unknown; flags default to 0 and known; created: 0 unknown, 1
 * yes, -1 no. */
struct ev {
	int op;
	const char *path;
	int err;
	const char *resolved;
	const char *base;
	uint64_t flags;
	int created;
	uint32_t pflags;
	int pid;
	const char *exe;
	int no_flags;
	int same_time; /* as the event before */
	uint64_t count;
	uint64_t at; /* time since armed; 0: after the event before */
};

static inline void feed_init(struct feed *f)
{
	struct err err = ERR_INIT;

	*f = (struct feed){0};
	assert_int_equal(model_builder_new(&f->builder, &err), 0);
}

static inline struct tkit_run_info feed_info(int id)
{
	static const struct tkit_backend_info backend = {"test", "1", "", FEED_CAPS};
	static const char *const argv[] = {"/bin/prog", "arg", NULL};
	struct tkit_run_info info = {.size = sizeof(info),
				     .backend_stride = sizeof(backend),
				     .tkit_version = "0",
				     .host = "host",
				     .target_kind = TKIT_TARGET_COMMAND,
				     .root = "/",
				     .cwd = "/",
				     .argv = argv,
				     .armed_realtime_ns = 1000u + (unsigned int)id,
				     .armed_monotonic_ns = 5000,
				     .backend_count = 1,
				     .backends = &backend};

	memset(info.id, id, sizeof(info.id));
	return info;
}

static inline void feed_begin(struct feed *f, int id)
{
	struct tkit_run_info info = feed_info(id);
	struct err err = ERR_INIT;

	f->ts = info.armed_monotonic_ns;
	assert_int_equal(model_builder_begin_run(f->builder, &info, &f->run, &err), 0);
}

static inline struct tkit_event feed_event(struct feed *f, const struct ev *ev)
{
	struct tkit_event event;

	tkit_event_init(&event,
			ev->op == TKIT_OP_EXEC && !ev->err ? TKIT_EVENT_EXEC : TKIT_EVENT_ACCESS);
	if (!ev->same_time && !ev->at)
		f->ts += 10;
	event.valid = TKIT_V_TS | TKIT_V_PID | (ev->err < 0 ? 0 : TKIT_V_ERR);
	event.op = (uint16_t)ev->op;
	event.ts_ns = ev->at ? 5000 + ev->at : f->ts;
	event.err = ev->err < 0 ? 0 : ev->err;
	event.pid = ev->pid ? ev->pid : 100;
	event.pflags = ev->pflags;
	event.count = ev->count;
	if (!ev->no_flags) {
		event.valid |= TKIT_V_FLAGS;
		event.flags = ev->flags;
	}
	if (ev->created) {
		event.valid |= TKIT_V_CREATED;
		event.pflags |= ev->created > 0 ? TKIT_P_CREATED : 0;
	}
	if (ev->path) {
		event.valid |= TKIT_V_PATH;
		event.path = bytes_str(ev->path);
	}
	if (ev->base) {
		event.valid |= TKIT_V_BASE;
		event.base = bytes_str(ev->base);
	}
	if (ev->resolved) {
		event.valid |= TKIT_V_RESOLVED;
		event.resolved = bytes_str(ev->resolved);
	}
	if (ev->exe) {
		event.valid |= TKIT_V_EXE | TKIT_V_COMM;
		event.exe = bytes_str(ev->exe);
		event.comm = bytes_str(ev->exe[0] ? strrchr(ev->exe, '/') + 1 : "");
	}
	return event;
}

static inline void feed_raw(struct feed *f, const struct tkit_event *event)
{
	struct err err = ERR_INIT;

	assert_int_equal(model_builder_add_event(f->builder, f->run, event, &err), 0);
}

static inline void feed_add(struct feed *f, struct ev ev)
{
	struct tkit_event event = feed_event(f, &ev);

	feed_raw(f, &event);
}
#define EV(f, ...) feed_add((f), (struct ev){__VA_ARGS__})

static inline void feed_fork(struct feed *f, int pid, int ppid)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_FORK);
	event.valid = TKIT_V_PID | TKIT_V_PPID;
	event.pid = pid;
	event.ppid = ppid;
	feed_raw(f, &event);
}

static inline void feed_lose(struct feed *f, enum tkit_loss reason, uint64_t count)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.reason = reason;
	event.count = count;
	feed_raw(f, &event);
}

/* The footer of an undisturbed run. */
static inline void feed_end(struct feed *f)
{
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1, .duration_ns = 777};
	struct err err = ERR_INIT;

	assert_int_equal(model_builder_end_run(f->builder, f->run, &end, &err), 0);
}

static inline struct tkit_model *feed_finish(struct feed *f)
{
	struct tkit_model *m = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(model_builder_finish(f->builder, &m, &err), 0);
	model_builder_free(f->builder);
	f->builder = NULL;
	return m;
}

static inline const struct tkit_path *feed_find(const struct tkit_model *m, const char *name)
{
	const struct tkit_path *path = tkit_model_find(m, bytes_str(name));

	if (!path)
		fail_msg("no path %s in the model", name);
	return path;
}

#endif
