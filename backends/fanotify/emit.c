// SPDX-License-Identifier: MIT
/* What one event of fanotify's tells: the file, and what was done with it. */
#include "fanotify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int emit_op(struct tkit_ctx *ctx, struct tkit_event *event, int op)
{
	event->op = (uint16_t)op;
	return tkit_emit(ctx, event);
}

/*
 * Sets where the file is; `path` is what the kernel says, and is borrowed. "/" of something
 * that is no directory stands for a mount that hangs nowhere any more: then it is unknown.
 */
static void set_place(struct tkit_event *event, const struct tkit_target *target, const char *path)
{
	const char *inside = tkit_target_path(target, path);

	if (strcmp(path, "/") == 0 && !S_ISDIR(event->mode)) {
		event->valid &= ~(uint64_t)(TKIT_V_BASE | TKIT_V_RESOLVED);
		event->pflags |= TKIT_P_OUTSIDE_ROOT;
		return;
	}
	/* A container's files have their names in it, as its mounts are not to be seen from here.
	 */
	if (!inside && target->kind == TKIT_TARGET_CGROUP)
		inside = path;
	if (!inside) {
		event->pflags |= TKIT_P_OUTSIDE_ROOT;
		inside = path;
	}
	event->resolved.ptr = event->base.ptr = inside;
	event->resolved.len = event->base.len = strlen(inside);
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

int emit_event(struct tkit_ctx *ctx, const struct tkit_target *target,
	       const struct fanotify_event_metadata *meta)
{
	char link[32], path[PATH_MAX + 16];
	struct tkit_event event;
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
	set_place(&event, target, path);

	if (rc >= 0 && (meta->mask & FAN_OPEN_EXEC)) {
		rc = emit_op(ctx, &event, TKIT_OP_EXEC);
		count++;
	}
	if (rc >= 0 && (meta->mask & FAN_OPEN)) {
		rc = emit_op(ctx, &event, TKIT_OP_OPEN);
		count++;
	}
	if (rc >= 0 && (meta->mask & FAN_ACCESS)) {
		rc = emit_op(ctx, &event, S_ISDIR(st.st_mode) ? TKIT_OP_LIST : TKIT_OP_READ);
		count++;
	}
	return rc < 0 ? rc : count;
}
