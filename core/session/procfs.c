// SPDX-License-Identifier: MIT
#include "session/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/num.h"

/* State and parent of a process. comm may hold anything, so the last ')' counts. */
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_parent)
{
	char name[32], text[512], *p;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || strlen(p) < 5) /* ") S 1" */
		return false;
	*ret_state = p[2];
	p += 4;
	p[strcspn(p, " ")] = '\0';
	return num_int(p, 0, INT_MAX, ret_parent) == 0;
}

char procfs_state(pid_t pid)
{
	pid_t parent;
	char state;

	return read_stat(pid, &state, &parent) ? state : 0;
}

pid_t procfs_parent(pid_t pid)
{
	pid_t parent;
	char state;

	return read_stat(pid, &state, &parent) ? parent : -1;
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

static int list_processes(struct process **ret_list, size_t *ret_count)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	_cleanup_free_ struct process *list = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		struct process one = {0};
		char state;

		if (num_int(entry->d_name, 1, INT_MAX, &one.pid) < 0 ||
		    !read_stat(one.pid, &state, &one.parent))
			continue;
		if (count == room) {
			struct process *more;

			room = room ? room * 2 : 256;
			more = realloc(list, room * sizeof(*list));
			if (!more)
				return -ENOMEM;
			list = more;
		}
		list[count++] = one;
	}
	*ret_list = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}

int procfs_descendants(pid_t pid, void (*fn)(void *arg, pid_t pid, pid_t parent), void *arg)
{
	_cleanup_free_ struct process *list = NULL;
	_cleanup_free_ pid_t *found = NULL;
	size_t count = 0, found_count = 0;
	int rc = list_processes(&list, &count);

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
