// SPDX-License-Identifier: MIT
#include "util/tmpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/holes.h"

#define MEMORY_MAX (16u << 20) /* copies up to this size are held in memory */

static int open_in(const char *dir)
{
	_cleanup_free_ char *name = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	/* A file system that has no such files. */
	if (asprintf(&name, "%s/tkit-XXXXXX", dir) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

int tmpfile_open(void)
{
	const char *dirs[] = {secure_getenv("TMPDIR"), "/var/tmp", "/tmp"};
	int rc = -ENOENT;

	for (size_t i = 0; rc < 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (dirs[i] && dirs[i][0] == '/')
			rc = open_in(dirs[i]);
	return rc;
}

int tmpfile_copy(int from, uint64_t offset, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int rc;

	fd = size <= MEMORY_MAX ? memfd_create("tkit-copy", MFD_CLOEXEC) : tmpfile_open();
	if (fd < 0)
		return size <= MEMORY_MAX ? -errno : fd;
	rc = holes_copy(from, offset, size, fd);
	if (rc < 0)
		return rc;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : TAKE_FD(fd);
}
