// SPDX-License-Identifier: MIT
#include "util/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/num.h"
#include "util/smallfile.h"

#define KERNEL_THREAD 0x00200000u /* PF_KTHREAD */

/* The fields of a stat file. comm may hold anything, so the last ')' counts. */
static bool parse_stat(const char *text, struct procfs_stat *ret_stat)
{
	const char *p = strrchr(text, ')');
	struct procfs_stat stat = {0};
	unsigned long long start;
	unsigned int flags;

	// NOLINTNEXTLINE(cert-err34-c): the kernel's own text
	if (!p || sscanf(p + 1,
			 " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d "
			 "%llu",
			 &stat.state, &stat.parent, &flags, &stat.threads, &start) != 5)
		return false;
	stat.kernel = flags & KERNEL_THREAD;
	stat.start = start;
	*ret_stat = stat;
	return true;
}

static bool read_stat_file(int at, const char *name, struct procfs_stat *ret_stat)
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_stat(text, ret_stat);
}

bool procfs_stat(pid_t pid, struct procfs_stat *ret_stat)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	return read_stat_file(AT_FDCWD, name, ret_stat);
}

bool procfs_stat_at(int dir, struct procfs_stat *ret_stat)
{
	return read_stat_file(dir, "stat", ret_stat);
}

uint64_t procfs_now(void)
{
	uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * ticks + (uint64_t)now.tv_nsec * ticks / 1000000000u;
}

int procfs_living_thread(int dir, char name[16])
{
	_cleanup_close_ int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *task = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!task)
		return -ESRCH;
	TAKE_FD(fd);
	while ((entry = readdir(task))) {
		_cleanup_close_ int thread = -1;
		struct procfs_stat stat;
		int tid;

		if (num_int(entry->d_name, 1, INT_MAX, &tid) < 0)
			continue;
		thread = openat(dirfd(task), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (thread < 0 || !procfs_stat_at(thread, &stat) || stat.state == 'Z' ||
		    stat.state == 'X')
			continue;
		snprintf(name, 16, "%d", tid);
		return TAKE_FD(thread);
	}
	return -ESRCH;
}

pid_t procfs_process(pid_t tid)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *file = NULL;
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Tgid:", 5) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (num_int(line + 5 + strspn(line + 5, "\t "), 1, INT_MAX, &pid) < 0)
			pid = 0;
		break;
	}
	return pid;
}

int procfs_each(int (*fn)(void *arg, pid_t pid), void *arg)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return -errno;
	while (rc >= 0 && (entry = readdir(dir))) {
		pid_t pid;

		if (num_int(entry->d_name, 1, INT_MAX, &pid) == 0)
			rc = fn(arg, pid);
	}
	return rc < 0 ? rc : 0;
}

char procfs_state(pid_t pid)
{
	struct procfs_stat stat;

	return procfs_stat(pid, &stat) ? stat.state : 0;
}

pid_t procfs_parent(pid_t pid)
{
	struct procfs_stat stat;

	return procfs_stat(pid, &stat) ? stat.parent : -1;
}

bool procfs_alive(pid_t pid)
{
	char state = procfs_state(pid);

	return state && state != 'Z' && state != 'X';
}

struct process {
	pid_t pid;
	pid_t parent;
	bool told;
};

struct processes {
	struct process *list;
	size_t count, room;
};

static int add_process(void *arg, pid_t pid)
{
	struct processes *all = arg;
	struct procfs_stat stat;

	if (!procfs_stat(pid, &stat))
		return 0;
	if (all->count == all->room) {
		size_t room = all->room ? all->room * 2 : 256;
		struct process *more = realloc(all->list, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		all->list = more;
		all->room = room;
	}
	all->list[all->count++] = (struct process){.pid = pid, .parent = stat.parent};
	return 0;
}

int procfs_descendants(pid_t pid, void (*fn)(void *arg, pid_t pid, pid_t parent), void *arg)
{
	struct processes all = {0};
	int rc = procfs_each(add_process, &all);
	_cleanup_free_ struct process *list = all.list;
	_cleanup_free_ pid_t *found = NULL;
	size_t count = all.count, found_count = 0;

	if (rc < 0)
		return rc;
	found = calloc(count + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	found[found_count++] = pid;
	for (size_t i = 0; i < found_count; i++)
		for (size_t k = 0; k < count; k++) {
			if (list[k].told || list[k].parent != found[i] || list[k].pid == pid)
				continue;
			list[k].told = true;
			if (found_count <= count)
				found[found_count++] = list[k].pid;
			fn(arg, list[k].pid, list[k].parent);
		}
	return (int)found_count - 1;
}

int procfs_text(pid_t pid, const char *name, char **ret)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = smallfile_load(path, ret);
	return n < 0 ? (int)n : 0;
}

ssize_t procfs_link(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}
