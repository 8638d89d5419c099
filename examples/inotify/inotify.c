// SPDX-License-Identifier: MIT
/* A backend that tells by inotify(7) which files in a directory are opened. */
#include <tkit/backend.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct options {
	const char *dir;
};

static const struct tkit_option options[] = {
	{"dir", TKIT_OPTION_STRING, offsetof(struct options, dir), ".", NULL, "directory to watch"},
};

struct inotify {
	char real[PATH_MAX]; /* the directory, without symlinks, */
	const char *dir;     /* and as the target sees it */
	int fd;
};

static int inotify_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
			void **ret_self)
{
	const struct options *given = opts;
	struct inotify *in = calloc(1, sizeof(*in));

	if (!in || !realpath(given->dir, in->real) ||
	    (in->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0) {
		free(in);
		return tkit_fail(ctx, -errno, "opening %s", given->dir);
	}
	in->dir = tkit_target_path(target, in->real);
	*ret_self = in;
	return 0;
}

static int inotify_start(struct tkit_ctx *ctx, void *self)
{
	struct inotify *in = self;

	if (!in->dir)
		return tkit_fail(ctx, -EXDEV, "%s is not below the target's root", in->real);
	if (inotify_add_watch(in->fd, in->real, IN_OPEN | IN_MOVE_SELF | IN_ONLYDIR) < 0)
		return tkit_fail(ctx, -errno, "watching %s", in->real);
	return 0;
}

static int emit_open(struct tkit_ctx *ctx, const struct inotify *in, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];
	int len = snprintf(path, sizeof(path), "%s/%s", in->dir[1] ? in->dir : "", name);
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.via = TKIT_VIA_NOTIFY;
	event.valid = TKIT_V_TS | TKIT_V_ERR | TKIT_V_BASE | TKIT_V_RESOLVED;
	event.pflags = TKIT_P_FD; /* the file is known, not the name that was asked for */
	event.ts_ns = tkit_now_ns();
	event.base = event.resolved = (struct tkit_bytes){path, (size_t)len};
	return tkit_emit(ctx, &event);
}

static int inotify_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct inotify *in = self;
	struct pollfd fds[] = {{in->fd, POLLIN, 0}, {tkit_stop_fd(ctx), POLLIN, 0}};
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int events = 0, rc = 0;
	ssize_t size;

	poll(fds, 2, timeout_ms);
	size = read(in->fd, buffer, sizeof(buffer));
	if (size < 0 && errno != EAGAIN)
		return tkit_fail(ctx, -errno, "reading inotify events");
	for (ssize_t at = 0; at < size && rc == 0; events++) {
		const struct inotify_event *e = (const void *)(buffer + at);

		if (e->mask & IN_Q_OVERFLOW)
			rc = tkit_lose(ctx, TKIT_LOSS_QUEUE_OVERFLOW, 1, in->real);
		else if (e->mask & (IN_MOVE_SELF | IN_IGNORED)) /* moved, removed, unmounted */
			rc = tkit_lose(ctx, TKIT_LOSS_UNSEEN, 1, in->real);
		else if (e->len)
			rc = emit_open(ctx, in, e->name);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	if (rc < 0)
		return rc;
	return events || !fds[1].revents ? events : TKIT_END;
}

static void inotify_close(struct tkit_ctx *ctx, void *self)
{
	close(((struct inotify *)self)->fd);
	free(self);
}

static const struct tkit_backend_ops ops = {
	.open = inotify_open, .start = inotify_start, .pump = inotify_pump, .close = inotify_close};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "inotify",
	.version = "1.0",
	.summary = "tells which files in a directory are opened, by inotify",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_RESOLVED | TKIT_CAN_TARGET_ALL,
	.options = options,
	.option_count = 1,
	.options_bytes = sizeof(struct options),
};
