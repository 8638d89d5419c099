// SPDX-License-Identifier: MIT
#include "session/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "util/cleanup.h"

#define LINKS_MAX 40 /* as the kernel */

int inroot_open(int root_fd, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned int)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	long fd;

	for (int tries = 0; tries < 8; tries++) {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		/* EAGAIN: a rename on the way made ".." unsafe to judge. */
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	return inroot_walk(root_fd, path, flags);
}

struct walk {
	int root_fd;
	char done[PATH_MAX]; /* resolved so far, relative to the root, no symlinks; "" = root */
	char todo[PATH_MAX]; /* what is left */
	int links;
};

/* Opens `done`, component by component, none of them a symlink. */
static int open_done(const struct walk *w, int flags)
{
	_cleanup_close_ int at = openat(w->root_fd, ".", O_PATH | O_CLOEXEC);
	const char *p = w->done;

	if (at < 0)
		return -errno;
	if (!*p) {
		int fd = openat(at, ".", flags | O_CLOEXEC);

		return fd < 0 ? -errno : fd;
	}
	for (;;) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(p, "/");
		bool last = p[len] == '\0';
		int fd;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		fd = openat(at, name,
			    (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (last)
			return fd;
		close(at);
		at = fd;
		p += len + 1;
	}
}

/* The last component of `done` is a symlink: puts its target before `todo`. */
static int follow(struct walk *w, int fd)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (!*target)
		return -ENOENT;
	slash = strrchr(w->done, '/');
	*(slash ? slash : w->done) = '\0';
	if (*target == '/')
		*w->done = '\0';
	memcpy(rest, w->todo, sizeof(rest));
	n = snprintf(w->todo, sizeof(w->todo), "%s/%s", target, rest);
	return n < (ssize_t)sizeof(w->todo) ? 0 : -ENAMETOOLONG;
}

/* Takes the first component off `todo` and appends it to `done`. 0 at the end, -errno. */
static int next(struct walk *w)
{
	char *p = w->todo + strspn(w->todo, "/");
	size_t len = strcspn(p, "/"), have = strlen(w->done);

	if (len == 0)
		return 0;
	if (len == 2 && p[0] == '.' && p[1] == '.') {
		char *slash = strrchr(w->done, '/');

		*(slash ? slash : w->done) = '\0';
	} else if (!(len == 1 && p[0] == '.')) {
		if (have + len + 2 > sizeof(w->done))
			return -ENAMETOOLONG;
		if (have)
			w->done[have++] = '/';
		memcpy(w->done + have, p, len);
		w->done[have + len] = '\0';
	}
	memmove(w->todo, p + len, strlen(p + len) + 1);
	return 1;
}

int inroot_walk(int root_fd, const char *path, int flags)
{
	struct walk w = {.root_fd = root_fd};
	int rc;

	if (!*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(w.todo))
		return -ENAMETOOLONG;
	memcpy(w.todo, path, strlen(path) + 1);
	while ((rc = next(&w)) > 0) {
		_cleanup_close_ int fd = open_done(&w, O_PATH);
		bool last = !w.todo[strspn(w.todo, "/")];
		struct stat st;

		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW))) {
			rc = follow(&w, fd);
			if (rc < 0)
				return rc;
		} else if (!last && !S_ISDIR(st.st_mode)) {
			return -ENOTDIR;
		}
	}
	return rc < 0 ? rc : open_done(&w, flags);
}

int inroot_open_file(int root_fd, const char *path)
{
	_cleanup_close_ int fd = inroot_open(root_fd, path, O_PATH);
	char proc[64];
	struct stat st;
	int file;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* The very file that was looked at: opening a device or FIFO would have effects. */
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	file = open(proc, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return file < 0 ? -errno : file;
}
