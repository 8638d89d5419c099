// SPDX-License-Identifier: MIT
#include "session/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/procfs.h"

#define DEPTH_MAX 64 /* far more than anybody nests; bounds the recursion */

struct visit {
	int (*fn)(void *arg, pid_t pid);
	void *arg;
	bool hidden; /* tell of those that we do not see */
};

/* `name` is that of a file of process or (`threads`) thread numbers. */
static int each_process(int dir_fd, const char *name, bool threads, const struct visit *visit)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC), pid, rc = 0;
	_cleanup_fclose_ FILE *f = NULL;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	/* 0 is a process of a pid namespace that we do not see (cgroups(7)). */
	while (rc == 0 && fscanf(f, "%d", &pid) == 1) {
		if (pid > 0 && threads)
			pid = procfs_process(pid);
		else if (pid == 0 && visit->hidden)
			rc = visit->fn(visit->arg, 0);
		if (rc == 0 && pid > 0)
			rc = visit->fn(visit->arg, pid);
	}
	/* A threaded group of v2: just some threads of a process may be in it. */
	if (rc == 0 && ferror(f) && errno == EOPNOTSUPP && !threads)
		return each_process(dir_fd, "cgroup.threads", true, visit);
	if (rc == 0 && ferror(f))
		return errno == ENODEV ? -ENODEV : -EIO;
	return rc;
}

static int visit_dir(int parent_fd, const char *name, const struct visit *visit, int depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	rc = each_process(fd, "cgroup.procs", false, visit);
	while (rc == 0 && depth < DEPTH_MAX && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		rc = visit_dir(fd, entry->d_name, visit, depth + 1);
		if (rc == -ENOENT || rc == -ENODEV) /* removed meanwhile */
			rc = 0;
	}
	return rc;
}

int cgroup_each(const char *dir, int (*fn)(void *arg, pid_t pid), void *arg)
{
	const struct visit visit = {fn, arg, false};
	int rc = visit_dir(AT_FDCWD, dir, &visit, 0);

	return rc == -ENODEV ? -ENOENT : rc;
}

int cgroup_each_all(const char *dir, int (*fn)(void *arg, pid_t pid), void *arg)
{
	const struct visit visit = {fn, arg, true};
	int rc = visit_dir(AT_FDCWD, dir, &visit, 0);

	return rc == -ENODEV ? -ENOENT : rc;
}

static int stop_at_first(void *arg, pid_t pid)
{
	return 1;
}

bool cgroup_empty(const char *dir)
{
	int rc = cgroup_each(dir, stop_at_first, NULL);

	return rc == 0 || rc == -ENOENT;
}
