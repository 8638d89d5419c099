// SPDX-License-Identifier: MIT
/*
 * The fanotify backend: opened, executed and read files as the file system layer tells of
 * them, see fanotify(7). Blocks nobody: notification class only, no permission events.
 */
#include "fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read() holds at most this; each event in it costs a descriptor until it is handled. */
#define READ_SIZE 4096

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x00000080
#endif
#ifndef FAN_EVENT_INFO_TYPE_PIDFD
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif

struct self {
	const struct options *options;
	const struct tkit_target *target;
	int fan;
	struct marks *marks;
	struct family *family; /* NULL: everybody (ALL) */
	bool pidfds;           /* events come with one */
	bool stopping;
	uint64_t emitted;
};

/* O_LARGEFILE is 0 to a 64-bit libc, but fanotify looks at the bit (fanotify_init(2)). */
#define EVENT_FLAGS (O_RDONLY | O_CLOEXEC | 0100000)

static int open_group(const struct options *options, bool *ret_pidfds)
{
	unsigned int flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS |
			     (options->unlimited ? FAN_UNLIMITED_QUEUE : 0);
	int fan = fanotify_init(flags | FAN_REPORT_PIDFD, EVENT_FLAGS);

	*ret_pidfds = fan >= 0;
	/* Linux before 5.15 has no pidfds here. */
	return fan < 0 && errno == EINVAL ? fanotify_init(flags, EVENT_FLAGS) : fan;
}

/* The process behind an event; a descriptor is the caller's. */
static int pidfd_of(const struct self *self, const struct fanotify_event_metadata *meta)
{
	const char *at = (const char *)meta + meta->metadata_len;
	const char *end = (const char *)meta + meta->event_len;
	struct {
		uint8_t type, pad;
		uint16_t len;
		int32_t pidfd;
	} info;

	while (self->pidfds && end - at >= (ptrdiff_t)sizeof(info)) {
		memcpy(&info, at, sizeof(info));
		if (info.type == FAN_EVENT_INFO_TYPE_PIDFD && info.pidfd >= FAMILY_GONE)
			return info.pidfd;
		if (info.len < 4 || info.len > end - at)
			break;
		at += info.len;
	}
	return FAMILY_NO_PIDFD;
}

static int fa_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	bool pidfds;
	int fan = open_group(options, &pidfds);

	if (fan < 0 && errno == EPERM)
		return tkit_fail(ctx, -EPERM, "needs CAP_SYS_ADMIN; try --backend ptrace");
	if (fan < 0)
		return tkit_fail(ctx, -errno, "fanotify_init");
	close(fan);
	if (target->kind == TKIT_TARGET_CGROUP)
		return tkit_fail(ctx, -EOPNOTSUPP, "cannot watch a cgroup");
	return 20;
}

static void fa_close(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;

	marks_free(self->marks);
	family_free(self->family);
	if (self->fan >= 0)
		close(self->fan);
	free(self);
}

static int fa_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		   void **ret_self)
{
	struct self *self = calloc(1, sizeof(*self));

	if (!self)
		return tkit_fail(ctx, -ENOMEM, "instance");
	self->options = options;
	self->target = target;
	self->fan = open_group(self->options, &self->pidfds);
	if (self->fan < 0) {
		int rc = tkit_fail(ctx, -errno, "fanotify_init%s",
				   errno == EPERM ? " (needs CAP_SYS_ADMIN; try --backend ptrace)"
						  : "");

		free(self);
		return rc;
	}
	*ret_self = self;
	return 0;
}

static int fa_start(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;
	pid_t pid = self->target->pid ? self->target->pid : self->target->self_pid;
	int rc = 0;

	/* First who, then what: no event of a process that is not known to belong. */
	if (self->target->kind != TKIT_TARGET_ALL)
		rc = family_new(ctx, pid, self->target->kind == TKIT_TARGET_PID, &self->family);
	if (rc == 0)
		rc = marks_new(ctx, self->options, self->fan, pid, &self->marks);
	return rc;
}

static bool wanted(struct self *self, const struct fanotify_event_metadata *meta, int pidfd)
{
	if (meta->pid == self->target->self_pid)
		return false;
	/* pid 0: a process outside tkit's pid namespace */
	return !self->family || (meta->pid && family_has(self->family, meta->pid, pidfd));
}

static int emit_op(struct tkit_ctx *ctx, struct self *self, struct tkit_event *event, int op)
{
	event->op = (uint16_t)op;
	self->emitted++;
	return tkit_emit(ctx, event);
}

/*
 * The kernel puts " (deleted)" behind a name that is gone. A name may also end like that, and
 * the file may have got another one since (a temporary file that was linked).
 */
static bool name_is_gone(const char *path, ssize_t len, const struct stat *st)
{
	struct stat now;

	if (len <= 10 || strcmp(path + len - 10, " (deleted)") != 0)
		return false;
	return st->st_nlink == 0 || lstat(path, &now) < 0 || now.st_dev != st->st_dev ||
	       now.st_ino != st->st_ino;
}

/* Emits what the mask says about the file behind meta->fd. Returns the number of events. */
static int emit_event(struct tkit_ctx *ctx, struct self *self,
		      const struct fanotify_event_metadata *meta)
{
	char link[32], path[PATH_MAX + 16];
	struct tkit_event event;
	const char *inside;
	struct stat st;
	ssize_t n;
	int count = 0, rc = 0;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", meta->fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(meta->fd, &st) < 0)
		return tkit_lose(ctx, TKIT_LOSS_UNREADABLE, 1, "name of an event's file");
	path[n] = '\0';
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid =
		TKIT_V_TS | TKIT_V_PID | TKIT_V_ERR | TKIT_V_BASE | TKIT_V_RESOLVED | TKIT_V_INODE;
	event.pflags = TKIT_P_FD;
	event.via = TKIT_VIA_NOTIFY;
	event.ts_ns = tkit_now_ns();
	event.pid = meta->pid;
	event.dev = st.st_dev;
	event.ino = st.st_ino;
	event.mode = st.st_mode;
	if (name_is_gone(path, n, &st)) {
		path[n - 10] = '\0';
		event.pflags |= TKIT_P_DELETED;
	}
	inside = tkit_target_path(self->target, path);
	if (!inside) {
		event.pflags |= TKIT_P_OUTSIDE_ROOT;
		inside = path;
	}
	event.resolved.ptr = event.base.ptr = inside;
	event.resolved.len = event.base.len = strlen(inside);

	if (rc >= 0 && (meta->mask & FAN_OPEN_EXEC)) {
		rc = emit_op(ctx, self, &event, TKIT_OP_EXEC);
		count++;
	}
	if (rc >= 0 && (meta->mask & FAN_OPEN)) {
		rc = emit_op(ctx, self, &event, TKIT_OP_OPEN);
		count++;
	}
	if (rc >= 0 && (meta->mask & FAN_ACCESS)) {
		rc = emit_op(ctx, self, &event, S_ISDIR(st.st_mode) ? TKIT_OP_LIST : TKIT_OP_READ);
		count++;
	}
	return rc < 0 ? rc : count;
}

/* Handles one buffer of events; every descriptor in it is closed, also after a failure. */
static int take_buffer(struct tkit_ctx *ctx, struct self *self, const char *buf, ssize_t size)
{
	const struct fanotify_event_metadata *meta = (const void *)buf;
	int count = 0, rc = 0, pidfd;

	for (; FAN_EVENT_OK(meta, size); meta = FAN_EVENT_NEXT(meta, size)) {
		if (meta->vers != FANOTIFY_METADATA_VERSION)
			return tkit_fail(ctx, -EPROTO, "unknown fanotify event version %u",
					 meta->vers);
		if (rc >= 0 && (meta->mask & FAN_Q_OVERFLOW))
			rc = tkit_lose(ctx, TKIT_LOSS_QUEUE_OVERFLOW, 1,
				       "the kernel does not tell how many");
		pidfd = pidfd_of(self, meta);
		if (meta->fd >= 0 && rc >= 0 && wanted(self, meta, pidfd)) {
			rc = emit_event(ctx, self, meta);
			count += rc > 0 ? rc : 0;
		}
		if (meta->fd >= 0)
			close(meta->fd);
		if (pidfd >= 0)
			close(pidfd);
	}
	return rc < 0 ? rc : count;
}

/* Reads what is queued. Process events first: a file event must find its process known. */
static int drain(struct tkit_ctx *ctx, struct self *self)
{
	_Alignas(struct fanotify_event_metadata) char buf[READ_SIZE];
	int count = 0;

	for (;;) {
		ssize_t n = read(self->fan, buf, sizeof(buf));
		int rc = self->family ? family_pump(ctx, self->family) : 0;

		if (rc < 0)
			return rc;
		count += rc;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return count;
		if (n < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM) {
			/* The file of this event cannot be opened any more (stale, gone). */
			rc = tkit_lose(ctx, TKIT_LOSS_UNREADABLE, 1, "an event's file");
			if (rc < 0)
				return rc;
			continue;
		}
		if (n < 0)
			return tkit_fail(ctx, -errno, "reading events");
		rc = take_buffer(ctx, self, buf, n);
		if (rc < 0)
			return rc;
		count += rc;
	}
}

static int fa_pump(struct tkit_ctx *ctx, void *data, int timeout_ms)
{
	struct self *self = data;
	struct pollfd fds[] = {
		{.fd = self->fan, .events = POLLIN},
		{.fd = tkit_stop_fd(ctx), .events = POLLIN},
		{.fd = self->family ? family_fd(self->family) : -1, .events = POLLIN},
		{.fd = marks_fd(self->marks), .events = POLLPRI},
	};
	int rc;

	if (!self->stopping && poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms) < 0 &&
	    errno != EINTR)
		return tkit_fail(ctx, -errno, "waiting for events");
	if (fds[3].revents & (POLLPRI | POLLERR)) {
		rc = marks_update(ctx, self->marks);
		if (rc < 0)
			return rc;
	}
	rc = drain(ctx, self);
	return rc == 0 && self->stopping ? TKIT_END : rc;
}

static int fa_stop(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;

	/* What is queued stays readable after the marks are gone. */
	fanotify_mark(self->fan, FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
	fanotify_mark(self->fan, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, "/");
	fanotify_mark(self->fan, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, "/");
	self->stopping = true;
	return 0;
}

static int fa_stats(struct tkit_ctx *ctx, void *data, struct tkit_stats *stats)
{
	stats->emitted = ((struct self *)data)->emitted;
	return 0;
}

static const struct tkit_backend_ops ops = {
	.probe = fa_probe,
	.open = fa_open,
	.start = fa_start,
	.pump = fa_pump,
	.stop = fa_stop,
	.stats = fa_stats,
	.close = fa_close,
};

static const struct tkit_option options[] = {
	{"mark", TKIT_OPTION_ENUM, offsetof(struct options, mark), "filesystem",
	 "filesystem|mount|list",
	 "what to mark: each file system of the target's mount table, each mount, or path=..."},
	{"path", TKIT_OPTION_LIST, offsetof(struct options, paths), NULL, NULL,
	 "with mark=list: mark the file system of this path (repeatable)"},
	{"reads", TKIT_OPTION_BOOL, offsetof(struct options, reads), "no", NULL,
	 "also report reads and directory listings"},
	{"unlimited", TKIT_OPTION_BOOL, offsetof(struct options, unlimited), "yes", NULL,
	 "no limit to the kernel's queue; no: fs.fanotify.max_queued_events, and losses beyond"},
	{"pseudo", TKIT_OPTION_BOOL, offsetof(struct options, pseudo), "no", NULL,
	 "also mark /proc, /sys and other file systems that hold no files of an image"},
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "fanotify",
	.version = "1.0",
	.summary = "opened and executed files from the file system layer (fanotify)",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_INTERP | TKIT_CAN_RESOLVED |
		TKIT_CAN_IO_URING | TKIT_CAN_COMPAT32 | TKIT_CAN_INODE | TKIT_CAN_READ |
		TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_ALL,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
