// SPDX-License-Identifier: MIT
#include "slim/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "rootfs/rootfs.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/holes.h"
#include "util/intern.h"

#define XATTR_SIZE 65536
#define DEPTH_MAX  512

struct unpack {
	struct tkit_rootfs *fs;
	struct err *err;
	struct intern links; /* "DEV INO" of files with several names; id indexes names */
	struct intern names; /* their first names; same ids */
	struct buf path;     /* of what is at hand, inside the root */
	char *data;          /* XATTR_SIZE */
	char *list;          /* XATTR_SIZE */
	int root;
};

static int fail(struct unpack *u, int rc, const char *what)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_escaped(&text, BYTES(u->path.data, u->path.size));
	buf_char(&text, '\0');
	return err_sys(u->err, rc, "unpacking: %s %s", what, text.failed ? "a file" : text.data);
}

static struct tkit_bytes path_of(const struct unpack *u)
{
	return BYTES(u->path.data, u->path.size);
}

static int set_xattrs(struct unpack *u, int dir, const char *name, const struct stat *st)
{
	char link[64];
	_cleanup_close_ int fd = -1;
	long size = u->fs->ops->listxattr(u->fs, path_of(u), u->list, XATTR_SIZE - 1);

	if (size <= 0 || S_ISLNK(st->st_mode))
		return 0;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	u->list[size] = '\0';
	for (const char *p = u->list; p < u->list + size; p += strlen(p) + 1) {
		long n = u->fs->ops->getxattr(u->fs, path_of(u), p, u->data, XATTR_SIZE);

		if (strncmp(p, "trusted.overlay.", 16) == 0 || !strcmp(p, "security.selinux"))
			continue;
		if (n < 0)
			return (int)n;
		if (setxattr(link, p, u->data, (size_t)n, 0) < 0 && errno != ENOTSUP)
			return -errno;
	}
	return 0;
}

/* Owner first: it takes setuid bits and capabilities away. */
static int set_meta(struct unpack *u, int dir, const char *name, const struct stat *st)
{
	struct timespec times[2] = {st->st_mtim, st->st_mtim};
	int rc;

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, -errno, "owner of");
	if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, st->st_mode & 07777, 0) < 0)
		return fail(u, -errno, "mode of");
	rc = set_xattrs(u, dir, name, st);
	if (rc < 0)
		return fail(u, rc, "attributes of");
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, -errno, "time of");
	return 0;
}

/* A file with several names: 1 if it was linked to its first. */
static int link_first(struct unpack *u, int dir, const char *name, const struct stat *st)
{
	uint64_t key[2] = {st->st_dev, st->st_ino};
	char first[PATH_MAX];
	int added = 0;
	uint32_t id;

	if (st->st_nlink < 2)
		return 0;
	id = intern_add(&u->links, BYTES((const char *)key, sizeof(key)), &added);
	if (id == INTERN_NONE)
		return fail(u, -ENOMEM, "linking");
	if (added)
		return intern_add(&u->names, path_of(u), NULL) == INTERN_NONE
			       ? fail(u, -ENOMEM, "linking")
			       : 0;
	if (intern_get(&u->names, id).len >= sizeof(first))
		return fail(u, -ENAMETOOLONG, "linking");
	memcpy(first, intern_get(&u->names, id).ptr, intern_get(&u->names, id).len);
	first[intern_get(&u->names, id).len] = '\0';
	/* All on the way are directories that we made. */
	return linkat(u->root, first + 1, dir, name, 0) < 0 ? fail(u, -errno, "linking") : 1;
}

static int make_file(struct unpack *u, int dir, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct rootfs_content content;
	int rc = rootfs_content(u->fs, path_of(u), &content);

	if (rc < 0)
		return fail(u, rc, "reading");
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : holes_copy(content.fd, content.offset, content.size, fd);
	rootfs_content_done(&content);
	return rc < 0 ? fail(u, rc, "writing") : 0;
}

static int make_one(struct unpack *u, int dir, const char *name, const struct rootfs_node *node)
{
	const struct stat st = node->st;
	int rc;

	if (S_ISLNK(st.st_mode)) {
		if (symlinkat(node->target.ptr, dir, name) < 0)
			return fail(u, -errno, "making");
		return set_meta(u, dir, name, &st);
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return 0;
	rc = link_first(u, dir, name, &st);
	if (rc)
		return rc < 0 ? rc : 0;
	if (S_ISFIFO(st.st_mode))
		rc = mkfifoat(dir, name, 0600) < 0 ? fail(u, -errno, "making") : 0;
	else
		rc = make_file(u, dir, name);
	return rc < 0 ? rc : set_meta(u, dir, name, &st);
}

struct level {
	struct unpack *u;
	int dir;
	unsigned int depth;
};

static int make_dir(struct unpack *u, int dir, unsigned int depth);

static int make_entry(void *arg, struct tkit_bytes name, unsigned char type)
{
	const struct level *level = arg;
	struct unpack *u = level->u;
	size_t before = u->path.size;
	char text[NAME_MAX + 1];
	const struct rootfs_node *node;
	int rc;

	(void)type;
	if (name.len > NAME_MAX)
		return fail(u, -ENAMETOOLONG, "a name below");
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	if (before > 1)
		buf_char(&u->path, '/');
	buf_add(&u->path, name.ptr, name.len);
	if (u->path.failed || u->path.size >= PATH_MAX)
		return fail(u, -ENAMETOOLONG, "a path below");
	node = rootfs_node(u->fs, path_of(u));
	if (!node || node->err) {
		rc = fail(u, node ? node->err : -ENOMEM, "looking at");
	} else if (S_ISDIR(node->st.st_mode)) {
		_cleanup_close_ int fd = -1;
		struct stat st = node->st;

		if (mkdirat(level->dir, text, 0700) < 0)
			return fail(u, -errno, "making");
		fd = openat(level->dir, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return fail(u, -errno, "opening");
		rc = make_dir(u, fd, level->depth + 1);
		if (rc == 0)
			rc = set_meta(u, level->dir, text, &st);
	} else {
		rc = make_one(u, level->dir, text, node);
	}
	u->path.size = before;
	return rc;
}

static int make_dir(struct unpack *u, int dir, unsigned int depth)
{
	struct level level = {.u = u, .dir = dir, .depth = depth};
	int rc;

	if (depth > DEPTH_MAX)
		return fail(u, -ELOOP, "too deep:");
	rc = rootfs_list(u->fs, path_of(u), make_entry, &level);
	return rc < 0 && !u->err->rc ? fail(u, rc, "listing") : rc;
}

int unpack(struct tkit_rootfs *rootfs, int dir, struct err *err)
{
	struct unpack u = {.fs = rootfs,
			   .err = err,
			   .data = malloc(XATTR_SIZE),
			   .list = malloc(XATTR_SIZE),
			   .root = dir};
	struct stat st;
	int rc;

	intern_init(&u.links);
	intern_init(&u.names);
	buf_char(&u.path, '/');
	if (!u.data || !u.list || u.path.failed)
		rc = err_sys(err, -ENOMEM, "unpacking");
	else
		rc = make_dir(&u, dir, 0);
	if (rc == 0 && tkit_rootfs_lstat(rootfs, BYTES_LIT("/"), &st) == 0)
		rc = set_meta(&u, dir, ".", &st);
	intern_done(&u.links);
	intern_done(&u.names);
	buf_done(&u.path);
	free(u.data);
	free(u.list);
	return rc;
}
