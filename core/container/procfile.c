// SPDX-License-Identifier: MIT
#include "container/procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

/* Whole content; files of /proc have no size to go by. */
static ssize_t read_all(int fd, char **ret)
{
	size_t size = 0, room = 4096;
	_cleanup_free_ char *data = malloc(room + 1);

	while (data) {
		ssize_t n;
		char *more;

		if (size == room) {
			if (room >= PROCFILE_MAX)
				return -EFBIG;
			room *= 2;
			more = realloc(data, room + 1);
			if (!more)
				return -ENOMEM;
			data = more;
		}
		n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			data[size] = '\0';
			*ret = TAKE_PTR(data);
			return (ssize_t)size;
		}
		size += (size_t)n;
	}
	return -ENOMEM;
}

ssize_t procfile_load(const char *path, char **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return read_all(fd, ret);
}

int procfile_read(pid_t pid, const char *name, char **ret)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = procfile_load(path, ret);
	return n < 0 ? (int)n : 0;
}

int procfile_stat(pid_t pid, pid_t *ret_parent, uint64_t *ret_start)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long start;
	int rc = procfile_read(pid, "stat", &text), parent;
	const char *at;

	if (rc < 0 || !text)
		return rc;
	at = strrchr(text, ')'); /* the name may hold anything */
	/* proc(5): after the name: state, ppid, ..., and start time as field 22 */
	if (!at ||
	    sscanf(at + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &parent, &start) != 2)
		return -EIO;
	*ret_parent = parent;
	*ret_start = start;
	return 0;
}
