// SPDX-License-Identifier: MIT
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A trace tells the paths and names of a system: it is its owner's business. */
#define PLACE_MODE 0600

static int temp_name(struct place *place)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(place->temp, sizeof(place->temp), ".%.*s.%016llx.tmp", NAME_MAX - 24, place->name,
		 (unsigned long long)random);
	return 0;
}

/* A file with a name of its own, for file systems without O_TMPFILE. */
static int open_named(struct place *place)
{
	int fd = -1;

	for (int tries = 0; fd < 0 && tries < 16; tries++) {
		int rc = temp_name(place);

		if (rc < 0)
			return rc;
		fd = openat(place->dir_fd, place->temp,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PLACE_MODE);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	place->fd = fd;
	if (fd >= 0)
		return 0;
	place->temp[0] = '\0';
	return -errno;
}

static int open_regular(struct tkit_ctx *ctx, struct place *place)
{
	char dir[PATH_MAX];
	int rc = 0;

	if (place->name == place->path)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", (int)(place->name - place->path), place->path);
	if (!*place->name)
		return tkit_fail(ctx, -EISDIR, "creating %s", place->path);
	if (strlen(place->name) > NAME_MAX || strlen(place->path) >= sizeof(dir))
		return tkit_fail(ctx, -ENAMETOOLONG, "creating %s", place->path);
	place->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir_fd < 0)
		return tkit_fail(ctx, -errno, "opening the directory of %s", place->path);
	/* Without a name, nothing is left behind if the run never begins, even by kill -9. */
	place->fd = openat(place->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, PLACE_MODE);
	if (place->fd < 0)
		rc = open_named(place);
	if (rc < 0)
		return tkit_fail(ctx, rc, "creating %s", place->path);
	place->regular = true;
	return 0;
}

/* A pipe or device: written as it is. */
static int open_special(struct tkit_ctx *ctx, struct place *place)
{
	/* O_NONBLOCK so that a FIFO without a reader is an error and no hang */
	place->fd = open(place->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (place->fd < 0 && errno == ENXIO)
		return tkit_fail(ctx, -ENXIO, "%s has no reader yet; start it first", place->path);
	if (place->fd < 0)
		return tkit_fail(ctx, -errno, "opening %s", place->path);
	if (fcntl(place->fd, F_SETFL, 0) < 0)
		return tkit_fail(ctx, -errno, "opening %s", place->path);
	return 0;
}

static int open_stdout(struct tkit_ctx *ctx, struct place *place)
{
	place->path = "standard output";
	if (isatty(STDOUT_FILENO))
		return tkit_fail(ctx, -ENOTTY,
				 "a trace is binary, no text for a terminal; give -o FILE");
	place->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (place->fd < 0)
		return tkit_fail(ctx, -errno, "opening standard output");
	return 0;
}

static int open_any(struct tkit_ctx *ctx, struct place *place)
{
	const char *slash = strrchr(place->path, '/');
	struct stat link, st;

	place->name = slash ? slash + 1 : place->path;
	if (!strcmp(place->path, "-"))
		return open_stdout(ctx, place);
	if (!*place->path)
		return tkit_fail(ctx, -ENOENT, "the name of the trace file is empty");
	if (lstat(place->path, &link) < 0)
		return open_regular(ctx, place);
	if (stat(place->path, &st) < 0 || S_ISREG(st.st_mode)) {
		if (S_ISLNK(link.st_mode))
			return tkit_fail(ctx, -ELOOP, "%s is a symbolic link; name the file itself",
					 place->path);
		return open_regular(ctx, place);
	}
	if (S_ISDIR(st.st_mode))
		return tkit_fail(ctx, -EISDIR, "writing the trace to %s", place->path);
	if (S_ISSOCK(st.st_mode))
		return tkit_fail(ctx, -ENOTSUP, "%s is a socket; use --sink socket,to=unix:%s",
				 place->path, place->path);
	if (S_ISBLK(st.st_mode))
		return tkit_fail(ctx, -ENOTSUP, "%s is a block device", place->path);
	return open_special(ctx, place);
}

int place_open(struct tkit_ctx *ctx, const char *path, struct place *place)
{
	int rc;

	*place = (struct place)PLACE_INIT;
	place->path = path;
	rc = open_any(ctx, place);
	if (rc < 0)
		place_close(NULL, place);
	return rc;
}

/* Goes on in a file that has a name, with what the unnamed one holds: no more than a header. */
static int name_copy(struct place *place)
{
	int old = place->fd;
	int rc = open_named(place);

	for (off_t at = 0; rc == 0 && (uint64_t)at < place->size;) {
		char data[4096];
		ssize_t n = pread(old, data, sizeof(data), at);

		if (n <= 0 || write(place->fd, data, (size_t)n) != n)
			rc = n < 0 ? -errno : -EIO;
		else
			at += n;
	}
	close(old);
	return rc;
}

/* Names the unnamed file. */
static int link_temp(struct place *place)
{
	char proc[64];
	int rc = temp_name(place);

	if (rc < 0)
		return rc;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", place->fd);
	if (linkat(AT_FDCWD, proc, place->dir_fd, place->temp, AT_SYMLINK_FOLLOW) == 0 ||
	    linkat(place->fd, "", place->dir_fd, place->temp, AT_EMPTY_PATH) == 0)
		return 0;
	/* Not possible here (no /proc, some network file systems): start over with a name. */
	return name_copy(place);
}

int place_publish(struct tkit_ctx *ctx, struct place *place)
{
	int rc = 0;

	if (!place->regular)
		return 0;
	if (!place->temp[0])
		rc = link_temp(place);
	if (rc < 0)
		return tkit_fail(ctx, rc, "creating %s", place->path);
	if (renameat(place->dir_fd, place->temp, place->dir_fd, place->name) < 0)
		return tkit_fail(ctx, -errno, "creating %s", place->path);
	place->temp[0] = '\0';
	return 0;
}

/* write(2) that gives EPIPE and no signal when the reader of a pipe is gone. */
static ssize_t write_no_signal(int fd, const void *data, size_t size)
{
	struct timespec now = {0};
	sigset_t pipe_set, before;
	ssize_t n;
	int saved;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
	n = write(fd, data, size);
	saved = errno;
	if (n < 0 && saved == EPIPE && !sigismember(&before, SIGPIPE))
		sigtimedwait(&pipe_set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return n;
}

int place_write(struct tkit_ctx *ctx, struct place *place, const void *data, size_t size)
{
	const char *p = data;
	size_t left = size;

	while (left) {
		ssize_t n = place->regular ? write(place->fd, p, left)
					   : write_no_signal(place->fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EIO;

			/* A cut frame is no use to anyone. */
			if (place->regular && left < size &&
			    ftruncate(place->fd, (off_t)place->size) < 0)
				rc = -errno;
			return tkit_fail(ctx, rc, "writing %s", place->path);
		}
		p += n;
		left -= (size_t)n;
	}
	place->size += size;
	return 0;
}

int place_sync(struct tkit_ctx *ctx, struct place *place)
{
	if (!place->regular || fdatasync(place->fd) == 0)
		return 0;
	return tkit_fail(ctx, -errno, "writing %s to the disk", place->path);
}

int place_close(struct tkit_ctx *ctx, struct place *place)
{
	int rc = 0;

	if (place->temp[0])
		unlinkat(place->dir_fd, place->temp, 0);
	if (place->fd >= 0 && close(place->fd) < 0)
		rc = -errno;
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	place->fd = place->dir_fd = -1;
	return rc < 0 && ctx ? tkit_fail(ctx, rc, "closing %s", place->path) : rc;
}
