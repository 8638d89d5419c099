// SPDX-License-Identifier: MIT
#include "container/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/procfs.h"

static pid_t tracer_of(pid_t pid)
{
	_cleanup_free_ char *status = NULL;
	const char *at =
		procfs_text(pid, "status", &status) == 0 ? strstr(status, "\nTracerPid:") : NULL;

	return at ? (pid_t)strtol(at + 11, NULL, 10) : 0;
}

static int join(const char *group, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s/cgroup.procs", group) < 0) {
		path = NULL;
		return err_sys(err, -ENOMEM, "%s", group);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return err_sys(err, -errno, "entering %s", group);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool await_tracer(pid_t init, uint64_t timeout_ns)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t until = now_ns() + timeout_ns;

	while (tracer_of(getpid()) == 0) {
		if (now_ns() > until || tracer_of(init) == 0)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

int enter_be_traced(const struct container *c, uint64_t timeout_ns, struct err *err)
{
	_cleanup_free_ char *home = NULL;
	bool traced;
	int rc;

	if (!tracer_of(c->init))
		return 0; /* no tracer by ptrace(2): nothing to be seen by */
	rc = container_cgroup_own(c->cgroup, &home, err);
	if (rc == 0)
		rc = join(c->cgroup, err);
	if (rc < 0)
		return rc;
	traced = await_tracer(c->init, timeout_ns);
	rc = join(home, err);
	if (rc == 0 && !traced)
		rc = err_set(err, -ETIMEDOUT, "the tracer did not take notice in time");
	return rc;
}
