// SPDX-License-Identifier: MIT
/* Looking a path up as the tracee would, just before it does. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_link(pid_t tid, const char *what)
{
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/%s", tid, what);
	fd = open(link, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_in_root(struct pt_tracee *t, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int root = open_link(t->tid, "root");
	long fd;

	if (root < 0)
		return root;
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return (int)fd;
}

/* A relative path of a tracee that has another root than tkit: by its absolute form. */
static int open_joined(struct pt *pt, struct pt_tracee *t, int dirfd, const char *path)
{
	struct pt_place place;
	const char *base;
	size_t skip;
	char *joined;
	int fd = pt_place_fd(pt, t, dirfd, &place);

	if (fd < 0)
		return fd;
	skip = t->root_host ? strlen(t->root_host) : 0;
	if ((place.pflags & TKIT_P_DELETED) ||
	    (skip && strncmp(place.host, t->root_host, skip) != 0))
		return -EXDEV;
	base = place.host + skip;
	if (asprintf(&joined, "%s/%s", base, path) < 0)
		return -ENOMEM;
	fd = open_in_root(t, joined);
	free(joined);
	return fd;
}

/*
 * Opens what the tracee would reach as O_PATH. dirfd is one of the tracee's. "" is dirfd
 * itself. `magic`: it may lead through a magic link. Returns a descriptor or -errno; only -ENOENT
 * and -ENOTDIR say that there is nothing.
 */
int pt_lookup(struct pt *pt, struct pt_tracee *t, int dirfd, const char *path, bool magic)
{
	char what[32], last[NAME_MAX + 2];
	bool was_magic;
	int dir, fd;

	if (pt->fuse)
		return -EAGAIN;
	if (dirfd == AT_FDCWD)
		snprintf(what, sizeof(what), "cwd");
	else
		snprintf(what, sizeof(what), "fd/%d", dirfd);
	if (!path[0])
		return open_link(t->tid, what);
	if (magic)
		return pt_walk(t, dirfd, path, PT_WALK_FOLLOW, last, &was_magic);
	pt_root(pt, t);
	if (!t->root_own)
		return path[0] == '/' ? open_in_root(t, path) : open_joined(pt, t, dirfd, path);

	dir = path[0] == '/' ? AT_FDCWD : open_link(t->tid, what);
	if (dir < 0 && dir != AT_FDCWD)
		return dir == -ENOENT ? -EBADF : dir;
	fd = openat(dir, path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	if (dir >= 0)
		close(dir);
	return fd;
}

/* 1: what the path leads to exists; 0: it does not; -1: cannot be told. */
int pt_exists(struct pt *pt, struct pt_tracee *t, int dirfd, const char *path, bool magic)
{
	int fd = pt_lookup(pt, t, dirfd, path, magic);

	if (fd >= 0) {
		close(fd);
		return 1;
	}
	return fd == -ENOENT || fd == -ENOTDIR ? 0 : -1;
}

/*
 * After a successful open with O_CREAT: 1 if it made the file, 0 if not, -1 unknown. The
 * lookup before the call may have gone astray (magic links mean something else to tkit),
 * so a birth time before the call overrules it. A later one proves nothing: copying a file up
 * into an overlay's upper layer gives it a new one.
 */
int pt_created(const struct pt_call *call, const struct statx *stx)
{
	bool born = stx && (stx->stx_mask & STATX_BTIME);
	bool older = born && (stx->stx_btime.tv_sec < call->entered.tv_sec ||
			      (stx->stx_btime.tv_sec == call->entered.tv_sec &&
			       stx->stx_btime.tv_nsec < (uint32_t)call->entered.tv_nsec));

	if ((call->flags & O_PATH) || (stx && S_ISDIR(stx->stx_mode)))
		return 0;
	if ((call->flags & O_EXCL) && stx && S_ISREG(stx->stx_mode))
		return 1;
	if (older)
		return 0;
	return call->existed < 0 ? -1 : !call->existed;
}
