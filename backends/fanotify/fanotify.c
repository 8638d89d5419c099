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

#define LOOK_MS 50 /* between two looks for mount namespaces that members have made */

#define READS 64 /* of the queue, in one pump() */

struct self {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_target *target;
	struct queue queue;
	struct marks *marks;
	struct counter *counter;
	struct family *family; /* NULL: everybody (ALL) */
	bool container;        /* CGROUP with a first process */
	const char *group;     /* its control group; else NULL */
	uint64_t looked;       /* when the members' mount namespaces were looked at last */
	bool more;             /* the queue was not empty when pump() returned */
	bool stopping;
	uint64_t emitted;
};

/* A control group alone does not tell who enters it; a container's mounts do. */
static int check_group(struct tkit_ctx *ctx, const struct tkit_target *target)
{
	if (target->kind != TKIT_TARGET_CGROUP || target->pid)
		return 0;
	return tkit_fail(
		ctx, -EOPNOTSUPP,
		"of control groups only those of containers (--container, tkit oci-runtime); "
		"try --backend ebpf");
}

static int fa_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	struct queue queue;
	int rc = queue_open(&queue, true);

	if (rc == -EPERM)
		return tkit_fail(ctx, rc, "needs CAP_SYS_ADMIN; try --backend ptrace");
	if (rc < 0)
		return tkit_fail(ctx, rc, "fanotify_init");
	close(queue.fd);
	if (target->kind != TKIT_TARGET_CGROUP)
		return 20;
	return check_group(ctx, target) < 0 ? -EOPNOTSUPP : 5;
}

static void fa_close(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;

	marks_free(self->marks);
	counter_free(self->counter);
	family_free(self->family);
	close(self->queue.fd);
	free(self);
}

static int fa_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		   void **ret_self)
{
	struct self *self = calloc(1, sizeof(*self));
	int rc;

	if (!self)
		return tkit_fail(ctx, -ENOMEM, "instance");
	self->options = options;
	self->target = target;
	self->container = target->kind == TKIT_TARGET_CGROUP;
	self->group = target->cgroup_path;
	rc = queue_open(&self->queue, self->options->unlimited);
	if (rc < 0) {
		rc = tkit_fail(ctx, rc, "fanotify_init%s",
			       rc == -EPERM ? " (needs CAP_SYS_ADMIN; try --backend ptrace)" : "");
		free(self);
		return rc;
	}
	*ret_self = self;
	return 0;
}

/* A process of the target may have made a mount namespace of its own. */
static int look_at(void *arg, pid_t pid)
{
	struct self *self = arg;

	return self->marks ? marks_join(self->ctx, self->marks, pid) : 0;
}

static int look_around(struct self *self)
{
	uint64_t now = tkit_now_ns();

	if (!self->family || now - self->looked < LOOK_MS * 1000000ull)
		return 0;
	self->looked = now;
	marks_prune(self->marks);
	return family_each(self->family, look_at, self);
}

/* The id of the mount that a file was opened through; 0 if the kernel does not tell. */
static uint64_t mount_of(int dir, const char *path)
{
	struct statx st;

	if (statx(dir, path, path[0] ? 0 : AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return 0;
	return st.stx_mnt_id;
}

/* The first process of a container that waits for its start runs the runtime's program still. */
static int start_container(struct tkit_ctx *ctx, struct self *self)
{
	char path[64];
	uint64_t mount;

	if (!mount_of(AT_FDCWD, "/"))
		return tkit_fail(ctx, -EOPNOTSUPP,
				 "containers: needs Linux 5.8, which tells mounts apart");
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)self->target->pid);
	mount = mount_of(AT_FDCWD, path);
	if (!mount || !marks_have_mount(self->marks, mount))
		family_drop(self->family, self->target->pid);
	return 0;
}

static int fa_start(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;
	pid_t pid = self->target->pid ? self->target->pid : self->target->self_pid;
	const char *root = self->target->root;
	int rc = check_group(ctx, self->target);

	self->ctx = ctx;
	if (!self->container || strcmp(root, "/") == 0)
		root = NULL;
	/* First who, then what: no event of a process that is not known to belong. */
	if (rc == 0)
		rc = queue_limit(ctx, &self->queue);
	if (rc == 0 && self->target->kind != TKIT_TARGET_ALL)
		rc = family_new(ctx, pid, self->group, self->target->kind == TKIT_TARGET_PID,
				&self->family);
	if (rc == 0)
		rc = marks_new(ctx, self->options, self->queue.fd, pid, root, &self->marks);
	if (rc == 0 && self->container)
		rc = start_container(ctx, self);
	if (rc == 0 && self->family)
		family_watch(self->family, look_at, self);
	if (rc == 0 && self->options->mark == MARK_FILESYSTEM)
		self->counter = counter_new(ctx, self->target);
	return rc;
}

/*
 * In a container: who executes a file of its mounts is in it from then on, unless /proc tells that
 * it is not in the control group. Who was not seen to be forked belongs if it goes by the mounts.
 */
static bool is_inside(struct self *self, const struct fanotify_event_metadata *meta, int pidfd)
{
	bool own = marks_have_mount(self->marks, mount_of(meta->fd, ""));

	if (own && meta->pid && (meta->mask & FAN_OPEN_EXEC) &&
	    census_in_group(self->group, meta->pid) != 0)
		family_add(self->family, meta->pid);
	if (!meta->pid || family_fd(self->family) < 0)
		return own || (meta->pid && family_has(self->family, meta->pid, pidfd));
	return family_has(self->family, meta->pid, pidfd);
}

static bool wanted(struct self *self, const struct fanotify_event_metadata *meta, int pidfd)
{
	if (meta->pid == self->target->self_pid)
		return false;
	if (self->container)
		return is_inside(self, meta, pidfd);
	/* pid 0: a process outside tkit's pid namespace */
	return !self->family || (meta->pid && family_has(self->family, meta->pid, pidfd));
}

/* A file that was opened through a mount of another namespace than those that are known. */
static int look_through(struct self *self, const struct fanotify_event_metadata *meta)
{
	if (!self->family || marks_have_mount(self->marks, mount_of(meta->fd, "")))
		return 0;
	return marks_join(self->ctx, self->marks, meta->pid);
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
		pidfd = queue_pidfd(&self->queue, meta);
		if (meta->fd >= 0 && rc >= 0 && wanted(self, meta, pidfd)) {
			rc = emit_event(ctx, self->target, meta);
			count += rc > 0 ? rc : 0;
			self->emitted += rc > 0 ? (uint64_t)rc : 0;
			if (rc >= 0)
				rc = look_through(self, meta);
		}
		if (meta->fd >= 0)
			close(meta->fd);
		if (pidfd >= 0)
			close(pidfd);
	}
	return rc < 0 ? rc : count;
}

/*
 * Reads what is queued, but not for ever: a busy host fills the queue as fast as it is read.
 * Process events first: a file event must find its process known.
 */
static int drain(struct tkit_ctx *ctx, struct self *self)
{
	_Alignas(struct fanotify_event_metadata) char buf[QUEUE_READ];
	int count = 0;

	for (int i = 0; i < READS; i++) {
		ssize_t n = queue_read(&self->queue, buf);
		int rc = self->family ? family_pump(ctx, self->family) : 0;

		if (rc < 0)
			return rc;
		count += rc;
		if (n == -EAGAIN) {
			self->more = false;
			return count;
		}
		if (n == -EINVAL || n == -EBADF || n == -EFAULT)
			return tkit_fail(ctx, (int)n, "reading events");
		/* The file of an event could not be opened any more (stale, gone). */
		rc = n < 0 ? tkit_lose(ctx, TKIT_LOSS_UNREADABLE, 1, "an event's file")
			   : take_buffer(ctx, self, buf, n);
		if (rc < 0)
			return rc;
		count += n < 0 ? 0 : rc;
	}
	self->more = true;
	return count;
}

static int fa_pump(struct tkit_ctx *ctx, void *data, int timeout_ms)
{
	struct self *self = data;
	struct pollfd fds[3 + MARKS_TABLES_MAX] = {
		{.fd = self->queue.fd, .events = POLLIN},
		{.fd = tkit_stop_fd(ctx), .events = POLLIN},
		{.fd = self->family ? family_fd(self->family) : -1, .events = POLLIN},
	};
	size_t count = marks_poll(self->marks, fds + 3);
	bool changed = false;
	int rc;

	if (self->family && timeout_ms > LOOK_MS)
		timeout_ms = LOOK_MS;
	if (!self->stopping && poll(fds, 3 + count, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(ctx, -errno, "waiting for events");
	for (size_t i = 0; i < count; i++)
		changed |= fds[3 + i].revents & (POLLPRI | POLLERR);
	rc = changed ? marks_update(ctx, self->marks) : 0;
	if (rc >= 0)
		rc = look_around(self);
	if (rc < 0)
		return rc;
	rc = drain(ctx, self);
	return rc == 0 && self->stopping && !self->more ? TKIT_END : rc;
}

/* Mounted in a namespace that was gone before it was looked at. */
static int lose_mounts(struct tkit_ctx *ctx, struct self *self)
{
	uint64_t mounted = counter_read(self->counter);

	if (!self->marks || mounted <= self->marks->noticed)
		return 0;
	return tkit_lose(ctx, TKIT_LOSS_UNTRACED, mounted - self->marks->noticed,
			 "file systems that were mounted and never seen");
}

static int fa_stop(struct tkit_ctx *ctx, void *data)
{
	struct self *self = data;
	int rc = self->stopping ? 0 : lose_mounts(ctx, self);

	/* What is queued stays readable after the marks are gone. */
	fanotify_mark(self->queue.fd, FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
	fanotify_mark(self->queue.fd, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, "/");
	fanotify_mark(self->queue.fd, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, "/");
	self->stopping = true;
	return rc < 0 ? rc : 0;
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
		TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_ALL |
		TKIT_CAN_TARGET_CGROUP,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
