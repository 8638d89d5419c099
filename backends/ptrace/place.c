// SPDX-License-Identifier: MIT
/*
 * Where a tracee's descriptors and directories are. /proc tells it as a path from tkit's
 * root directory, or from the root of a mount namespace that tkit is not in.
 */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DELETED     " (deleted)"
#define DELETED_LEN (sizeof(DELETED) - 1)

#define PROC_NAME  32  /* room for the name of a directory in /proc */
#define PROC_DIRS  128 /* most of them that are kept open */
#define MANY_LINKS 16  /* looks after which one is */

/* Always true. AT_FDCWD is the working directory. */
bool pt_fd_link(char link[64], pid_t tid, int fd)
{
	if (fd == AT_FDCWD)
		snprintf(link, 64, "/proc/%d/cwd", tid);
	else
		snprintf(link, 64, "/proc/%d/fd/%d", tid, fd);
	return true;
}

/*
 * A link of /proc as a name in *ret_dir. The directory of a tracee that makes many calls is kept
 * open: to find it in /proc takes a fifth of a look at a link. It stands for the process, not for
 * its number, so that it never leads to another one.
 */
static const char *in_directory(struct pt *pt, struct pt_tracee *t, const char *link, int *ret_dir)
{
	char name[PROC_NAME];
	int len;

	*ret_dir = AT_FDCWD;
	if (t->proc_dir < 0 && (t->links++ < MANY_LINKS || pt->proc_dirs >= PROC_DIRS))
		return link;
	len = snprintf(name, sizeof(name), "/proc/%d/", t->tid);
	if (strncmp(link, name, (size_t)len) != 0)
		return link;
	if (t->proc_dir < 0) {
		t->proc_dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (t->proc_dir < 0)
			return link;
		pt->proc_dirs++;
	}
	*ret_dir = t->proc_dir;
	return link + len;
}

/*
 * What the link leads to. Attributes may be cached ones: asking a file system that a tracee
 * itself serves would wait for ever.
 */
int pt_stat_link(struct pt *pt, struct pt_tracee *t, const char *link, struct statx *stx)
{
	int dir;

	link = in_directory(pt, t, link, &dir);
	if (statx(dir, link, AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME, stx) < 0)
		return -errno;
	return 0;
}

/* Sets root_own: paths mean the same to the tracee as to tkit. */
static void root_is_own(struct pt *pt, struct pt_tracee *t, const struct stat *root)
{
	char link[64];
	struct stat ns;

	snprintf(link, sizeof(link), "/proc/%d/ns/mnt", t->tid);
	t->root_own = root->st_dev == pt->own_root.st_dev && root->st_ino == pt->own_root.st_ino &&
		      stat(link, &ns) == 0 && ns.st_ino == pt->own_mnt_ns;
}

static void root_read(struct pt *pt, struct pt_tracee *t)
{
	char link[64], host[PATH_MAX];
	struct stat root;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/root", t->tid);
	if (stat(link, &root) < 0)
		return; /* it is dying: what was known stays */
	n = readlink(link, host, sizeof(host) - 1);
	if (n <= 0)
		return;
	host[n] = 0;
	free(t->root_target);
	t->root_target = NULL;
	free(t->root_host);
	t->root_host = n > 1 ? strdup(host) : NULL;
	t->root_gen = pt->root_gen;
	root_is_own(pt, t, &root);
	if (root.st_dev == pt->target_root.st_dev && root.st_ino == pt->target_root.st_ino) {
		t->root_kind = PT_ROOT_SAME;
	} else {
		const char *in_target = tkit_target_path(pt->target, host);

		/* By name the target's root, yet another directory: of another namespace. */
		t->root_kind =
			in_target && strcmp(in_target, "/") != 0 ? PT_ROOT_INSIDE : PT_ROOT_OUTSIDE;
		if (t->root_kind == PT_ROOT_OUTSIDE && pt_translate(pt, t, link, host) == 0)
			t->root_target = strdup(host);
	}
}

/*
 * Brings what is known of the tracee's root directory up to date. Only "the same as the
 * target's" is remembered, and only until some tracee makes a call that can change a root:
 * a directory that is a root elsewhere may be renamed by anyone.
 */
void pt_root(struct pt *pt, struct pt_tracee *t)
{
	if (t->root_kind == PT_ROOT_SAME && t->root_gen == pt->root_gen && !pt->roots_moving)
		return;
	root_read(pt, t);
}

/* `path` without the directory `prefix` before it; NULL if it does not lie below. */
static const char *strip(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(path, prefix, len) != 0)
		return NULL;
	if (!path[len])
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

/* Whether a file that is called `host`, with what looks like the kernel's mark, exists. */
static bool name_is_real(struct pt *pt, const struct pt_tracee *t, const char *host,
			 const struct statx *stx)
{
	dev_t dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
	char path[PATH_MAX + 64];
	struct stat st;

	if (pt->fuse)
		return false;
	if (lstat(host, &st) == 0 && st.st_dev == dev && st.st_ino == stx->stx_ino)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/root%s", t->tid, host);
	return lstat(path, &st) == 0 && st.st_dev == dev && st.st_ino == stx->stx_ino;
}

/*
 * Cuts off the kernel's mark. `link` may be NULL. Returns 1 if it was there, -ENODATA if
 * there never was a name.
 */
static int cut_deleted(struct pt *pt, struct pt_tracee *t, const char *link, char *host)
{
	size_t len = strlen(host);
	struct statx stx;
	struct stat st;

	if (len <= DELETED_LEN || memcmp(host + len - DELETED_LEN, DELETED, DELETED_LEN) != 0)
		return 0;
	if (link && pt_stat_link(pt, t, link, &stx) == 0 && stx.stx_nlink > 0 &&
	    name_is_real(pt, t, host, &stx))
		return 0;
	if (!link && !pt->fuse && lstat(host, &st) == 0)
		return 0;
	host[len - DELETED_LEN] = 0;
	return strncmp(host, "/memfd:", 7) == 0 ? -ENODATA : 1;
}

/*
 * "/" of something that is no directory: the file itself is mounted, and its mount hangs nowhere
 * any more (runc executes its own copy like that). It has no path. `link` NULL: from maps, where
 * there are no directories.
 */
static bool is_no_root(struct pt *pt, struct pt_tracee *t, const char *link, const char *host)
{
	struct statx stx;

	if (strcmp(host, "/") != 0)
		return false;
	return !link || (pt_stat_link(pt, t, link, &stx) == 0 && !S_ISDIR(stx.stx_mode));
}

/* place->host is there: the rest of it. `verify`: whether that is its path here. */
static int complete(struct pt *pt, struct pt_tracee *t, const char *link, bool verify,
		    struct pt_place *place)
{
	struct statx stx;
	int rc;

	place->pflags = 0;
	if (place->host[0] != '/' || is_no_root(pt, t, link, place->host))
		return -ENODATA;
	rc = cut_deleted(pt, t, link, place->host);
	if (rc < 0)
		return rc;
	if (rc)
		place->pflags |= TKIT_P_DELETED;
	else if ((pt->detached || verify) && link && pt_stat_link(pt, t, link, &stx) == 0 &&
		 !name_is_real(pt, t, place->host, &stx))
		place->pflags |= TKIT_P_OUTSIDE_ROOT; /* a path from the root of its mount */

	pt_root(pt, t);
	if (t->root_kind == PT_ROOT_OUTSIDE)
		place->path = NULL;
	else if (t->root_kind == PT_ROOT_SAME)
		place->path = t->root_host ? strip(place->host, t->root_host) : place->host;
	else
		place->path = tkit_target_path(pt->target, place->host);
	if (!place->path) {
		place->path = place->host;
		if (!link || (place->pflags & TKIT_P_DELETED) ||
		    pt_translate(pt, t, link, place->host) < 0)
			place->pflags |= TKIT_P_OUTSIDE_ROOT;
	}
	place->len = strlen(place->path);
	return 0;
}

/*
 * Reads a link of /proc/TID. Returns 0, -ENODATA for what has no path (pipes, sockets),
 * -ENAMETOOLONG for one that /proc cannot tell, else what readlink(2) says.
 */
static int read_place(struct pt *pt, struct pt_tracee *t, const char *link, bool verify,
		      struct pt_place *place)
{
	int dir;
	const char *name = in_directory(pt, t, link, &dir);
	ssize_t n = readlinkat(dir, name, place->host, sizeof(place->host) - 1);

	if (n < 0)
		return -errno;
	place->host[n] = 0;
	return complete(pt, t, link, verify, place);
}

int pt_place(struct pt *pt, struct pt_tracee *t, const char *link, struct pt_place *place)
{
	return read_place(pt, t, link, false, place);
}

/* The same for what may lie in another mount namespace: then it is outside. */
int pt_place_verified(struct pt *pt, struct pt_tracee *t, const char *link, struct pt_place *place)
{
	return read_place(pt, t, link, true, place);
}

/* The same for a path as /proc/TID/maps has it. */
int pt_place_host(struct pt *pt, struct pt_tracee *t, const char *host, struct pt_place *place)
{
	size_t len = strlen(host);

	if (len >= sizeof(place->host))
		return -ENAMETOOLONG;
	memcpy(place->host, host, len + 1);
	return complete(pt, t, NULL, false, place);
}

/* The same for a descriptor; AT_FDCWD is the working directory. */
int pt_place_fd(struct pt *pt, struct pt_tracee *t, int fd, struct pt_place *place)
{
	char link[64];

	if (fd < 0 && fd != AT_FDCWD)
		return -EBADF;
	pt_fd_link(link, t->tid, fd);
	return pt_place(pt, t, link, place);
}
