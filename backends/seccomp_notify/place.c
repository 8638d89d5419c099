// SPDX-License-Identifier: MIT
/* Where the directories and descriptors of a waiting thread are, as /proc tells it. */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DELETED     " (deleted)"
#define DELETED_LEN (sizeof(DELETED) - 1)

#define LINK_SIZE 64

/* Newer than some headers. */
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000u /* Linux 6.8; before it stx_mnt_id is filled in unasked */
#endif

/* What in /proc/TID is called `what`, as a name in *ret_dir. */
static const char *name_of(struct sn *sn, const char *what, char buf[LINK_SIZE], int *ret_dir)
{
	const struct sn_thread *t = sn_thread(sn);

	*ret_dir = t->dir;
	if (t->dir >= 0)
		return what;
	*ret_dir = AT_FDCWD;
	snprintf(buf, LINK_SIZE, "/proc/%d/%s", sn->tid, what);
	return buf;
}

static ssize_t read_link(struct sn *sn, const char *what, char host[SN_PATH])
{
	char buf[LINK_SIZE];
	int dir;
	const char *name = name_of(sn, what, buf, &dir);
	ssize_t n = readlinkat(dir, name, host, SN_PATH - 1);

	if (n < 0)
		return -errno;
	host[n] = '\0';
	return n;
}

/*
 * What the link leads to. Attributes may be cached ones: asking a file system that the program
 * itself serves would wait for ever.
 */
static int stat_link(struct sn *sn, const char *what, struct statx *stx)
{
	char buf[LINK_SIZE];
	int dir;
	const char *name = name_of(sn, what, buf, &dir);

	return statx(dir, name, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_MNT_ID_UNIQUE,
		     stx) < 0
		       ? -errno
		       : 0;
}

static bool is_same(const struct statx *stx, const struct stat *st)
{
	return st->st_dev == makedev(stx->stx_dev_major, stx->stx_dev_minor) &&
	       st->st_ino == stx->stx_ino;
}

/* ---- the root directory ---- */

static void root_is_target(struct sn *sn)
{
	strcpy(sn->root_host, "/");
	sn->root_kind = SN_ROOT_SAME;
}

static bool is_seen(const struct sn *sn, const struct statx *root)
{
	return sn->root_seen.known && sn->root_seen.dev_major == root->stx_dev_major &&
	       sn->root_seen.dev_minor == root->stx_dev_minor &&
	       sn->root_seen.ino == root->stx_ino && sn->root_seen.mount == root->stx_mnt_id;
}

static void remember(struct sn *sn, const struct statx *root)
{
	sn->root_seen.known = true;
	sn->root_seen.dev_major = root->stx_dev_major;
	sn->root_seen.dev_minor = root->stx_dev_minor;
	sn->root_seen.ino = root->stx_ino;
	sn->root_seen.mount = root->stx_mnt_id;
}

/*
 * The root directory of the thread that waits. Remembered is only that it is the target's, and that
 * /proc calls it "/": any other directory can be renamed by anyone. All processes have the root of
 * the command until one of them asks for a call that changes roots (sn->roots_watched); from then
 * on it is looked at each time whether this is still the same directory by the same mount.
 */
void sn_root_read(struct sn *sn)
{
	const char *in_target;
	struct statx root;

	if (sn->root_seen.known && !sn->roots_watched) {
		root_is_target(sn);
		return;
	}
	if (stat_link(sn, "root", &root) < 0 || is_seen(sn, &root) ||
	    read_link(sn, "root", sn->root_host) <= 0) {
		/* Or it is gone, or we may not look: paths are taken for what they are. */
		root_is_target(sn);
		return;
	}
	if (is_same(&root, &sn->target_root)) {
		sn->root_kind = SN_ROOT_SAME;
		if (strcmp(sn->root_host, "/") == 0)
			remember(sn, &root);
		return;
	}
	in_target = tkit_target_path(sn->target, sn->root_host);
	/* By name the target's root, yet another directory: of another mount namespace. */
	sn->root_kind = in_target && strcmp(in_target, "/") != 0 ? SN_ROOT_INSIDE : SN_ROOT_OUTSIDE;
}

/* ---- places ---- */

/* `path` without the directory `prefix` before it; NULL if it does not lie below. */
static const char *strip(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len == 1)
		return path; /* "/" */
	if (strncmp(path, prefix, len) != 0)
		return NULL;
	if (!path[len])
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

/* Cuts off the kernel's mark; -ENODATA for what never had a name. */
static int cut_deleted(struct sn *sn, const char *what, struct sn_place *place, size_t *len)
{
	struct statx linked;
	struct stat named;

	if (*len <= DELETED_LEN ||
	    memcmp(place->host + *len - DELETED_LEN, DELETED, DELETED_LEN) != 0)
		return 0;
	if (lstat(place->host, &named) == 0 && stat_link(sn, what, &linked) == 0 &&
	    is_same(&linked, &named))
		return 0; /* a file that is called so */
	*len -= DELETED_LEN;
	place->host[*len] = '\0';
	if (strncmp(place->host, "/memfd:", 7) == 0)
		return -ENODATA;
	place->pflags |= TKIT_P_DELETED;
	return 0;
}

/* "/" of something that is no directory: mounted by itself, on a mount that hangs nowhere any more.
 */
static bool is_no_root(struct sn *sn, const char *what, const char *host)
{
	struct statx linked;

	return strcmp(host, "/") == 0 && strcmp(what, "cwd") != 0 &&
	       stat_link(sn, what, &linked) == 0 && !S_ISDIR(linked.stx_mode);
}

int sn_place_read(struct sn *sn, const char *what, struct sn_place *place)
{
	ssize_t n = read_link(sn, what, place->host);
	size_t len;
	int rc;

	if (n < 0)
		return (int)n;
	place->pflags = 0;
	if (place->host[0] != '/' || is_no_root(sn, what, place->host))
		return -ENODATA;
	len = (size_t)n;
	rc = cut_deleted(sn, what, place, &len);
	if (rc < 0)
		return rc;
	if (sn->root_kind == SN_ROOT_SAME)
		place->path = strip(place->host, sn->root_host);
	else if (sn->root_kind == SN_ROOT_INSIDE)
		place->path = tkit_target_path(sn->target, place->host);
	else
		place->path = NULL;
	if (!place->path) {
		place->path = place->host;
		place->pflags |= TKIT_P_OUTSIDE_ROOT;
	}
	place->len = strlen(place->path);
	return 0;
}

int sn_place_fd(struct sn *sn, int fd, struct sn_place *place)
{
	char what[16];

	if (fd < 0 && fd != AT_FDCWD)
		return -EBADF;
	if (fd == AT_FDCWD)
		return sn_place_read(sn, "cwd", place);
	snprintf(what, sizeof(what), "fd/%d", fd);
	return sn_place_read(sn, what, place);
}
