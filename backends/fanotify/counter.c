// SPDX-License-Identifier: MIT
/*
 * How many file systems the target mounts, counted by the kernel's tracepoints of mount(2) and
 * fsmount(2): those that no mount table showed in time were not marked, and what was opened there
 * is lost. Where tracepoints cannot be had nothing is counted.
 */
#include "fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPUS_MAX 1024

/* All of a mount's flags that make no new file system: MS_REMOUNT, MS_BIND, MS_MOVE, and those that
 * change how a mount spreads. */
#define NOT_NEW "!(flags & 0x1e3020)"

enum { TRIED, DONE, DONE_NEW, KINDS };

static const struct {
	const char *name;
	const char *filter;
} points[KINDS] = {
	[TRIED] = {"sys_enter_mount", NOT_NEW},
	[DONE] = {"sys_exit_mount", "ret == 0"},
	[DONE_NEW] = {"sys_exit_fsmount", "ret >= 0"},
};

struct counter {
	int fds[KINDS][CPUS_MAX];
	size_t count[KINDS];
};

static long point_id(const char *name)
{
	static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[128], text[32];
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s/events/syscalls/%s/id", roots[i], name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (n > 0)
			return strtol(text, NULL, 10);
	}
	return -1;
}

/* Of a process and all that will descend from it, or (`group`) of a control group on one CPU. */
static int open_one(struct counter *counter, int kind, long id, int who, int cpu)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT,
				       .size = sizeof(attr),
				       .config = (uint64_t)id,
				       .inherit = cpu < 0};
	unsigned long flags = PERF_FLAG_FD_CLOEXEC | (cpu < 0 ? 0 : PERF_FLAG_PID_CGROUP);
	int fd = (int)syscall(SYS_perf_event_open, &attr, who, cpu, -1, flags);

	if (fd < 0)
		return -errno;
	if (counter->count[kind] == CPUS_MAX ||
	    ioctl(fd, PERF_EVENT_IOC_SET_FILTER, points[kind].filter) < 0) {
		close(fd);
		return -EIO;
	}
	counter->fds[kind][counter->count[kind]++] = fd;
	return 0;
}

static int open_group(struct counter *counter, int kind, long id, const char *group)
{
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? -errno : 0;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	for (int cpu = 0; rc == 0 && cpu < cpus; cpu++) {
		rc = open_one(counter, kind, id, fd, cpu);
		if (rc == -ENODEV) /* it is off */
			rc = 0;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void counter_free(struct counter *counter)
{
	for (int kind = 0; counter && kind < KINDS; kind++)
		for (size_t i = 0; i < counter->count[kind]; i++)
			close(counter->fds[kind][i]);
	free(counter);
}

struct counter *counter_new(struct tkit_ctx *ctx, const struct tkit_target *target)
{
	struct counter *counter = NULL;
	int rc = 0;

	if (target->kind != TKIT_TARGET_COMMAND && target->kind != TKIT_TARGET_CGROUP)
		return NULL; /* threads that run already do not hand a counter on */
	counter = calloc(1, sizeof(*counter));
	for (int kind = 0; counter && rc == 0 && kind < KINDS; kind++) {
		long id = point_id(points[kind].name);

		if (id < 0)
			rc = -ENOENT;
		else if (target->kind == TKIT_TARGET_CGROUP)
			rc = open_group(counter, kind, id, target->cgroup_path);
		else
			rc = open_one(counter, kind, id, target->pid, -1);
	}
	if (!rc)
		return counter;
	tkit_log(ctx, TKIT_LOG_INFO,
		 "mounts cannot be counted (%s): what is opened in a mount namespace of the "
		 "target's own right after it was made may go unseen",
		 strerror(-rc));
	counter_free(counter);
	return NULL;
}

static uint64_t sum(const struct counter *counter, int kind)
{
	uint64_t total = 0, value;

	for (size_t i = 0; i < counter->count[kind]; i++)
		if (read(counter->fds[kind][i], &value, sizeof(value)) == sizeof(value))
			total += value;
	return total;
}

uint64_t counter_read(const struct counter *counter)
{
	uint64_t tried, done;

	if (!counter)
		return 0;
	tried = sum(counter, TRIED);
	done = sum(counter, DONE); /* bind mounts are among them, failures among the others */
	return (tried < done ? tried : done) + sum(counter, DONE_NEW);
}
