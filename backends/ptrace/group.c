// SPDX-License-Identifier: MIT
/*
 * A control group as target: everybody in it is seized at the beginning; whoever comes later by
 * another way than being born in it is seized as soon as it is seen there.
 */
#include "ptrace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define WATCH_NS  10000000u

/*
 * A wrapper of tkit's that enters the group to be traced, leaves it, and executes the runtime
 * (`runc exec`): it is traced before anything of the container's runs.
 */
static bool is_wrapper(pid_t pid)
{
	struct stat own, other;
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	return stat("/proc/self/exe", &own) == 0 && stat(link, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static int seize_member(struct pt *pt, pid_t pid)
{
	bool wrapper;
	int n;

	if (pid <= 0 || pid == pt->target->self_pid || pt_is_ours(pid))
		return 0;
	wrapper = pt->unparked && is_wrapper(pid);
	n = pt_seize_process(pt, pid);
	if (n == -EPERM)
		pt_lose(pt, TKIT_LOSS_UNTRACED, "a process of the control group may not be traced");
	else if (n > 0 && pt->unparked && !wrapper)
		pt_lose(pt, TKIT_LOSS_UNTRACED,
			"a process entered the control group; what it did before it was seen there is "
			"not in the trace");
	return n == -ENOMEM ? n : n > 0;
}

/* Returns the number of processes that were seized, or -errno. */
static int seize_dir(struct pt *pt, int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), procs, pid;
	int count = 0, n = 0;
	struct dirent *e;
	FILE *f = NULL;
	DIR *dir;

	if (fd < 0)
		return -errno;
	procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	f = procs < 0 ? NULL : fdopen(procs, "r");
	if (!f && procs >= 0)
		close(procs);
	while (f && n >= 0 && fscanf(f, "%d", &pid) == 1) {
		n = seize_member(pt, pid);
		count += n > 0 ? n : 0;
	}
	if (f)
		fclose(f);
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	while (dir && n >= 0 && depth < DEPTH_MAX && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		n = seize_dir(pt, dirfd(dir), e->d_name, depth + 1);
		count += n > 0 ? n : 0;
		n = n == -ENOMEM ? n : 0; /* a group that is gone */
	}
	if (dir)
		closedir(dir);
	return n < 0 ? n : count;
}

int pt_seize_group(struct pt *pt)
{
	int total = 0, n = 0;

	for (int quiet = 0; quiet < 2 && n >= 0; quiet = n > 0 ? 0 : quiet + 1) {
		n = seize_dir(pt, AT_FDCWD, pt->target->cgroup_path, 0);
		total += n > 0 ? n : 0;
	}
	if (n < 0)
		return tkit_fail(pt->ctx, n, "attaching to the processes of %s",
				 pt->target->cgroup_path);
	if (!total)
		return tkit_fail(pt->ctx, -ESRCH, "%s has no process to trace",
				 pt->target->cgroup_path);
	pt->started = true;
	pt_park(pt);
	return 0;
}

/* At each pump(): who has come in? */
void pt_watch_group(struct pt *pt)
{
	uint64_t now = tkit_now_ns();

	if (pt->target->kind != TKIT_TARGET_CGROUP || pt->passing || pt->detaching ||
	    now - pt->watched < WATCH_NS)
		return;
	pt->watched = now;
	if (seize_dir(pt, AT_FDCWD, pt->target->cgroup_path, 0) > 0)
		pt_announce(pt);
}
