/* SPDX-License-Identifier: MIT */
/* A directory for fuzz targets whose input has to be a file; it goes with the process. */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_dir[] = "/tmp/tkit-fuzz.XXXXXX";

static void scratch_done(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", scratch_dir);
	if (system(command) != 0)
		_exit(99);
}

/* Its name; made at the first call. */
static inline const char *scratch(void)
{
	static int made;

	if (!made && (!mkdtemp(scratch_dir) || atexit(scratch_done)))
		abort();
	made = 1;
	return scratch_dir;
}

/* The whole content of a file in it. */
static inline void scratch_write(const char *name, const void *data, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scratch(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

#endif
