// SPDX-License-Identifier: MIT
/* The kernel's queue of events, see fanotify(7). */
#include "fanotify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x00000080
#endif
#ifndef FAN_EVENT_INFO_TYPE_PIDFD
#define FAN_EVENT_INFO_TYPE_PIDFD 4
#endif

/* O_LARGEFILE is 0 to a 64-bit libc, but fanotify looks at the bit (fanotify_init(2)). */
#define EVENT_FLAGS (O_RDONLY | O_CLOEXEC | 0100000)

#define EVENT_SIZE 24 /* and with */
#define PIDFD_SIZE 8  /* where there is one */

int queue_open(struct queue *queue, bool unlimited)
{
	unsigned int flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS |
			     (unlimited ? FAN_UNLIMITED_QUEUE : 0);

	queue->fd = fanotify_init(flags | FAN_REPORT_PIDFD, EVENT_FLAGS);
	queue->pidfds = queue->fd >= 0;
	/* Linux before 5.15 has no pidfds here. */
	if (queue->fd < 0 && errno == EINVAL)
		queue->fd = fanotify_init(flags, EVENT_FLAGS);
	return queue->fd < 0 ? -errno : 0;
}

/* How many descriptors this process has. */
static size_t open_now(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/*
 * An event that the kernel finds no descriptor for is gone without a trace. So no more are asked
 * for at one time than half of what is left will do; the other half is for other threads.
 */
int queue_limit(struct tkit_ctx *ctx, struct queue *queue)
{
	size_t each = queue->pidfds ? 2 : 1;
	size_t size = EVENT_SIZE + (queue->pidfds ? PIDFD_SIZE : 0);
	size_t used = open_now(), events = QUEUE_READ / size;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return tkit_fail(ctx, -errno, "reading the limit of open files");
	if (limit.rlim_cur < used + 2 * each)
		return tkit_fail(
			ctx, -EMFILE,
			"the limit of open files is %llu, of which %zu are in use: raise it "
			"(ulimit -n)",
			(unsigned long long)limit.rlim_cur, used);
	if (events > (limit.rlim_cur - used) / 2 / each)
		events = (limit.rlim_cur - used) / 2 / each;
	queue->at_once = events * size;
	return 0;
}

ssize_t queue_read(const struct queue *queue, char buf[QUEUE_READ])
{
	ssize_t n;

	do
		n = read(queue->fd, buf, queue->at_once);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The process behind an event; a descriptor is the caller's. */
int queue_pidfd(const struct queue *queue, const struct fanotify_event_metadata *meta)
{
	const char *at = (const char *)meta + meta->metadata_len;
	const char *end = (const char *)meta + meta->event_len;
	struct {
		uint8_t type, pad;
		uint16_t len;
		int32_t pidfd;
	} info;

	while (queue->pidfds && end - at >= (ptrdiff_t)sizeof(info)) {
		memcpy(&info, at, sizeof(info));
		if (info.type == FAN_EVENT_INFO_TYPE_PIDFD && info.pidfd >= FAMILY_GONE)
			return info.pidfd;
		if (info.len < 4 || info.len > end - at)
			break;
		at += info.len;
	}
	return FAMILY_NO_PIDFD;
}
