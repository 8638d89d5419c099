// SPDX-License-Identifier: MIT
#include <tkit/backend.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define BUFFER_BYTES 65536

struct options {
	struct tkit_option_list dir;
};

static const struct tkit_option options[] = {
	{"dir", TKIT_OPTION_LIST, offsetof(struct options, dir), NULL, NULL,
	 "directory to watch; give it several times for several"},
};

struct inotify {
	const struct options *options; /* live until close() */
	const struct tkit_target *target;
	int fd;
	char **dirs; /* by watch descriptor; real paths, from malloc */
	size_t room;
	uint64_t emitted;
	int stopped;
};

static int inotify_probe(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target)
{
	int fd = inotify_init1(IN_CLOEXEC);

	if (fd < 0)
		return tkit_fail(ctx, -errno,
				 "inotify_init1 (raise fs.inotify.max_user_instances)");
	close(fd);
	return 1;
}

static int inotify_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
			void **ret_self)
{
	struct inotify *in;

	in = calloc(1, sizeof(*in));
	if (!in)
		return tkit_fail(ctx, -ENOMEM, "opening");
	in->options = opts;
	in->target = target;
	in->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (in->fd < 0) {
		int rc = -errno;

		free(in);
		return tkit_fail(ctx, rc, "inotify_init1");
	}
	*ret_self = in;
	return 0;
}

static int watch(struct tkit_ctx *ctx, struct inotify *in, const char *dir)
{
	char *real = realpath(dir, NULL);
	int rc = 0, wd = -1;

	if (real)
		wd = inotify_add_watch(in->fd, real, IN_OPEN | IN_ONLYDIR);
	if (wd < 0) {
		rc = -errno;
	} else if ((size_t)wd >= in->room) {
		size_t room = (size_t)wd + 16;
		char **dirs = realloc(in->dirs, room * sizeof(*dirs));

		if (dirs) {
			memset(dirs + in->room, 0, (room - in->room) * sizeof(*dirs));
			in->dirs = dirs;
			in->room = room;
		} else {
			rc = -ENOMEM;
		}
	}
	if (rc < 0) {
		free(real);
		return tkit_fail(ctx, rc, "watching %s", dir);
	}
	free(in->dirs[wd]);
	in->dirs[wd] = real;
	return 0;
}

static int inotify_start(struct tkit_ctx *ctx, void *self)
{
	struct inotify *in = self;
	int rc = 0;

	if (!in->options->dir.count)
		return watch(ctx, in, ".");
	for (size_t i = 0; rc == 0 && i < in->options->dir.count; i++)
		rc = watch(ctx, in, in->options->dir.items[i]);
	return rc;
}

static int emit_open(struct tkit_ctx *ctx, struct inotify *in, const struct inotify_event *e)
{
	struct tkit_event event;
	char path[PATH_MAX + NAME_MAX + 2];
	const char *in_root;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", in->dirs[e->wd], e->name);
	in_root = tkit_target_path(in->target, path);
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.via = TKIT_VIA_NOTIFY;
	event.valid = TKIT_V_TS | TKIT_V_ERR | TKIT_V_BASE | TKIT_V_RESOLVED;
	event.ts_ns = tkit_now_ns();
	event.pflags = TKIT_P_FD | (in_root ? 0 : TKIT_P_OUTSIDE_ROOT);
	event.resolved.ptr = in_root ? in_root : path;
	event.resolved.len = strlen(event.resolved.ptr);
	event.base = event.resolved;
	rc = tkit_emit(ctx, &event);
	if (rc == 0)
		in->emitted++;
	return rc;
}

static int inotify_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct inotify *in = self;
	char buffer[BUFFER_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct pollfd fds[] = {{.fd = in->fd, .events = POLLIN},
			       {.fd = tkit_stop_fd(ctx), .events = POLLIN}};
	int events = 0, rc = 0;
	ssize_t size;

	if (!in->stopped && poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(ctx, -errno, "poll");
	size = read(in->fd, buffer, sizeof(buffer));
	if (size < 0 && errno != EAGAIN && errno != EINTR)
		return tkit_fail(ctx, -errno, "reading inotify events");
	for (ssize_t at = 0; at < size && rc == 0; events++) {
		const struct inotify_event *e = (const void *)(buffer + at);

		at += (ssize_t)(sizeof(*e) + e->len);
		if (e->mask & IN_Q_OVERFLOW)
			rc = tkit_lose(ctx, TKIT_LOSS_QUEUE_OVERFLOW, 1, "inotify's queue");
		else if ((e->mask & IN_OPEN) && e->len)
			rc = emit_open(ctx, in, e);
	}
	if (rc < 0)
		return rc;
	return events || !in->stopped ? events : TKIT_END;
}

static int inotify_stop(struct tkit_ctx *ctx, void *self)
{
	struct inotify *in = self;

	in->stopped = 1;
	return 0;
}

static int inotify_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	const struct inotify *in = self;

	stats->emitted = in->emitted;
	return 0;
}

static void inotify_close(struct tkit_ctx *ctx, void *self)
{
	struct inotify *in = self;

	for (size_t i = 0; i < in->room; i++)
		free(in->dirs[i]);
	free(in->dirs);
	close(in->fd);
	free(in);
}

static const struct tkit_backend_ops ops = {
	.probe = inotify_probe,
	.open = inotify_open,
	.start = inotify_start,
	.pump = inotify_pump,
	.stop = inotify_stop,
	.stats = inotify_stats,
	.close = inotify_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "inotify",
	.version = "1.0",
	.summary = "tells which files in some directories are opened, by inotify",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_RESOLVED | TKIT_CAN_TARGET_ALL,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
