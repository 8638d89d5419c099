// SPDX-License-Identifier: MIT
#include "util/holes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLE_LEAST (1u << 20) /* shorter runs are written: small holes only scatter a file */
#define ZEROS_SIZE 4096u

bool holes_zero(const void *data, size_t size)
{
	const char *bytes = data;

	return !size || (!bytes[0] && memcmp(bytes, bytes + 1, size - 1) == 0);
}

uint64_t holes_skip(int fd, uint64_t at, uint64_t end)
{
	off_t next = lseek(fd, (off_t)at, SEEK_DATA);

	if (next < 0)
		return errno == ENXIO ? end : at; /* nothing but a hole up to the file's end */
	return (uint64_t)next < end ? (uint64_t)next : end;
}

/* Where data that `at` is in ends, at most `end`. */
static uint64_t data_end(int fd, uint64_t at, uint64_t end)
{
	off_t next = lseek(fd, (off_t)at, SEEK_HOLE);

	return next > (off_t)at && (uint64_t)next < end ? (uint64_t)next : end;
}

static int copy_data(int from, uint64_t offset, uint64_t size, int to)
{
	off_t in = (off_t)offset;

	while (size) {
		size_t want = size < (1u << 30) ? (size_t)size : 1u << 30;
		ssize_t n = copy_file_range(from, &in, to, NULL, want, 0);

		/* between file systems, on old kernels */
		if (n < 0 && errno != EINTR)
			n = sendfile(to, from, &in, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		size -= (size_t)n;
	}
	return 0;
}

int holes_copy(int from, uint64_t offset, uint64_t size, int to)
{
	uint64_t at = offset, end = offset + size;
	off_t start = lseek(to, 0, SEEK_CUR);
	struct stat st;

	if (start < 0 || fstat(from, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < end)
		return -ENODATA;
	while (at < end) {
		uint64_t data = holes_skip(from, at, end), stop;
		int rc;

		if (data > at && lseek(to, (off_t)(data - at), SEEK_CUR) < 0)
			return -errno;
		stop = data < end ? data_end(from, data, end) : end;
		rc = copy_data(from, data, stop - data, to);
		if (rc < 0)
			return rc;
		at = stop;
	}
	/* A hole at the end is none yet. */
	return ftruncate(to, start + (off_t)size) < 0 ? -errno : 0;
}

void holes_begin(struct holes_out *out, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	*out = (struct holes_out){.fd = fd};
	out->seeks = flags >= 0 && !(flags & O_APPEND) && fstat(fd, &st) == 0 &&
		     S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == st.st_size;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int put_zeros(struct holes_out *out)
{
	static const char zeros[ZEROS_SIZE];

	if (out->zeros >= HOLE_LEAST) {
		if (lseek(out->fd, (off_t)out->zeros, SEEK_CUR) < 0)
			return -errno;
		out->zeros = 0;
	}
	while (out->zeros) {
		size_t size = out->zeros < ZEROS_SIZE ? (size_t)out->zeros : ZEROS_SIZE;
		int rc = write_all(out->fd, zeros, size);

		if (rc < 0)
			return rc;
		out->zeros -= size;
	}
	return 0;
}

int holes_write(struct holes_out *out, const void *data, size_t size)
{
	int rc;

	if (out->seeks && size >= ZEROS_SIZE && holes_zero(data, size)) {
		out->zeros += size;
		return 0;
	}
	rc = put_zeros(out);
	return rc < 0 ? rc : write_all(out->fd, data, size);
}

int holes_end(struct holes_out *out)
{
	int rc = put_zeros(out);
	struct stat st;
	off_t at;

	if (rc < 0 || !out->seeks)
		return rc;
	at = lseek(out->fd, 0, SEEK_CUR);
	if (at < 0 || fstat(out->fd, &st) < 0)
		return -errno;
	return at > st.st_size && ftruncate(out->fd, at) < 0 ? -errno : 0;
}
