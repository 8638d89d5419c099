// SPDX-License-Identifier: MIT
#include "util/smallfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
			if (room >= SMALLFILE_MAX)
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

ssize_t smallfile_load(const char *path, char **ret)
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
