// SPDX-License-Identifier: MIT
/*
 * A directory as root file system. The root is held open by descriptor; every access goes
 * from there, and the kernel itself is told to follow no symlink and to leave by no way,
 * so that a root that changes under our hands can at worst give an error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "rootfs/rootfs.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define DIR_SLOTS  64   /* directories kept open; neighbours in a trace share theirs */
#define CHUNK_SIZE 4000 /* longest piece of a path given to the kernel at once */

struct dir_slot {
	char *path; /* NULL = free */
	size_t len;
	int fd;
};

struct dir_rootfs {
	struct tkit_rootfs base;
	int fd;
	bool no_openat2;
	struct dir_slot slots[DIR_SLOTS];
};

static struct dir_rootfs *dir_of(struct tkit_rootfs *fs)
{
	return (struct dir_rootfs *)fs; /* base is the first member */
}

/* A name as C string: steps are single components, thus short. */
struct name {
	char text[NAME_MAX + 2];
};

static int last_name(struct tkit_bytes path, struct tkit_bytes *ret_parent, struct name *ret_name)
{
	size_t at = path.len;

	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	if (path.len - at > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_name->text, path.ptr + at, path.len - at);
	ret_name->text[path.len - at] = '\0';
	if (path.len == 1)
		strcpy(ret_name->text, ".");
	*ret_parent = BYTES(path.ptr, at > 1 ? at - 1 : 1);
	return 0;
}

/* Opens `text`, at most CHUNK_SIZE bytes, below fd. */
static int open_chunk(struct dir_rootfs *self, int fd, const char *text)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long rc;

	rc = syscall(SYS_openat2, fd, text, &how, sizeof(how));
	if (rc >= 0)
		return (int)rc;
	if (errno == ENOSYS || errno == EPERM) {
		/* Too old, or a seccomp filter that does not know it. */
		self->no_openat2 = true;
		return -ENOSYS;
	}
	/* A symlink where a directory was promised. */
	return errno == ELOOP || errno == EXDEV ? -ENOTDIR : -errno;
}

/* Length of the first piece of `path`: whole components, CHUNK_SIZE at most, one at least. */
static size_t chunk_length(struct tkit_bytes path, bool single)
{
	const char *slash = memchr(path.ptr, '/', path.len);
	size_t len = slash ? (size_t)(slash - path.ptr) : path.len;

	if (single)
		return len;
	if (path.len <= CHUNK_SIZE)
		return path.len;
	for (size_t i = len; i <= CHUNK_SIZE; i++)
		if (path.ptr[i] == '/')
			len = i;
	return len;
}

/* Opens the directory `path` (canonical) from the root. Never "/" itself. */
static int open_dir(struct dir_rootfs *self, struct tkit_bytes path)
{
	_cleanup_close_ int fd = -1;
	char text[CHUNK_SIZE + 1];

	path.ptr++;
	path.len--;
	while (path.len) {
		size_t len = chunk_length(path, self->no_openat2);
		int next;

		if (len > CHUNK_SIZE)
			return -ENAMETOOLONG;
		memcpy(text, path.ptr, len);
		text[len] = '\0';
		if (self->no_openat2) {
			next = openat(fd < 0 ? self->fd : fd, text,
				      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (next < 0)
				return errno == ELOOP ? -ENOTDIR : -errno;
		} else {
			next = open_chunk(self, fd < 0 ? self->fd : fd, text);
			if (next == -ENOSYS)
				continue; /* the same again, by single components */
			if (next < 0)
				return next;
		}
		cleanup_close(&fd);
		fd = next;
		path.ptr += len;
		path.len -= len;
		if (path.len) {
			path.ptr++;
			path.len--;
		}
	}
	return TAKE_FD(fd);
}

/* Descriptor of the directory `path`, owned by the cache until the next call. */
static int dir_fd(struct dir_rootfs *self, struct tkit_bytes path)
{
	struct dir_slot *slot;
	char *copy;
	int fd;

	if (path.len == 1)
		return self->fd;
	slot = &self->slots[bytes_hash(path, 0) % DIR_SLOTS];
	if (slot->path && slot->len == path.len && memcmp(slot->path, path.ptr, path.len) == 0)
		return slot->fd;
	fd = open_dir(self, path);
	if (fd < 0)
		return fd;
	copy = malloc(path.len);
	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	memcpy(copy, path.ptr, path.len);
	if (slot->path)
		close(slot->fd);
	free(slot->path);
	*slot = (struct dir_slot){copy, path.len, fd};
	return fd;
}

/* Descriptor of the parent, and the name in it. For "/" the root and ".". */
static int parent_fd(struct tkit_rootfs *fs, struct tkit_bytes path, struct name *ret_name)
{
	struct tkit_bytes parent;
	int rc = last_name(path, &parent, ret_name);

	return rc < 0 ? rc : dir_fd(dir_of(fs), parent);
}

static int dir_lstat(struct tkit_rootfs *fs, struct tkit_bytes path, struct stat *ret_st)
{
	struct name name;
	int fd = parent_fd(fs, path, &name);

	if (fd < 0)
		return fd;
	if (fstatat(fd, name.text, ret_st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -errno;
	return 0;
}

static long dir_readlink(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size)
{
	struct name name;
	int fd = parent_fd(fs, path, &name);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, name.text, buf, size);
	if (n < 0)
		return -errno;
	/* A full buffer may be a cut target. */
	return (size_t)n == size ? n + 1 : n;
}

/* Opens by way of an O_PATH descriptor: a FIFO or device is seen before it is touched. */
static int dir_openfile(struct tkit_rootfs *fs, struct tkit_bytes path)
{
	_cleanup_close_ int at = -1, fd = -1;
	struct stat st, opened;
	char link[32];
	struct name name;
	int parent = parent_fd(fs, path, &name);

	if (parent < 0)
		return parent;
	at = openat(parent, name.text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0 || fstat(at, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	fd = open(link, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) /* no /proc here */
		fd = openat(parent, name.text,
			    O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &opened) < 0)
		return -errno;
	if (opened.st_dev != st.st_dev || opened.st_ino != st.st_ino)
		return -ESTALE;
	return TAKE_FD(fd);
}

/* The only way to the xattrs of a symlink or FIFO below a descriptor. */
static int xattr_path(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size)
{
	struct name name;
	int fd = parent_fd(fs, path, &name);

	if (fd < 0)
		return fd;
	snprintf(buf, size, "/proc/self/fd/%d/%s", fd, name.text);
	return 0;
}

static long dir_listxattr(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size)
{
	char at[NAME_MAX + 64];
	int rc = xattr_path(fs, path, at, sizeof(at));
	ssize_t n;

	if (rc < 0)
		return rc;
	n = llistxattr(at, buf, size);
	if (n < 0 && errno == ENOTSUP)
		return 0;
	return n < 0 ? -errno : n;
}

static long dir_getxattr(struct tkit_rootfs *fs, struct tkit_bytes path, const char *name,
			 void *buf, size_t size)
{
	char at[NAME_MAX + 64];
	int rc = xattr_path(fs, path, at, sizeof(at));
	ssize_t n;

	if (rc < 0)
		return rc;
	n = lgetxattr(at, name, buf, size);
	return n < 0 ? -errno : n;
}

/*
 * A file system that the kernel makes up: nothing of it can be kept, and its links lead anywhere
 * (N/exe). On a running system there are more of them than those in /proc, /sys: chroots, builds.
 */
static bool made_up(int fd)
{
	static const unsigned long kinds[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC,        CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		DEBUGFS_MAGIC,    TRACEFS_MAGIC,      SECURITYFS_MAGIC,   BPF_FS_MAGIC,
		SELINUX_MAGIC,    DEVPTS_SUPER_MAGIC,
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if ((unsigned long)st.f_type == kinds[i])
			return true;
	return false;
}

/* A directory of a made-up file system has no names. */
static int dir_list(struct tkit_rootfs *fs, struct tkit_bytes path, rootfs_list_fn fn, void *arg)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	struct name name;
	int parent = parent_fd(fs, path, &name), fd;

	if (parent < 0)
		return parent;
	fd = openat(parent, name.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ENOTDIR : made_up(parent) ? 0 : -errno;
	if (made_up(fd)) {
		close(fd);
		return 0;
	}
	dir = fdopendir(fd);
	if (!dir) {
		int saved = errno;

		close(fd);
		return -saved;
	}
	while (errno = 0, (entry = readdir(dir))) {
		int rc;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		rc = fn(arg, bytes_str(entry->d_name), entry->d_type);
		if (rc < 0)
			return rc;
	}
	return -errno;
}

static void dir_free(struct tkit_rootfs *fs)
{
	struct dir_rootfs *self = dir_of(fs);

	for (size_t i = 0; i < DIR_SLOTS; i++) {
		if (self->slots[i].path)
			close(self->slots[i].fd);
		free(self->slots[i].path);
	}
	close(self->fd);
	free(self);
}

void rootfs_dir_no_openat2(struct tkit_rootfs *fs)
{
	dir_of(fs)->no_openat2 = true;
}

static const struct rootfs_ops dir_ops = {
	.lstat = dir_lstat,
	.readlink = dir_readlink,
	.openfile = dir_openfile,
	.listxattr = dir_listxattr,
	.getxattr = dir_getxattr,
	.list = dir_list,
	.free = dir_free,
};

int tkit_rootfs_open_dir(struct tkit_ctx *ctx, const char *dir, struct tkit_rootfs **ret_rootfs)
{
	struct dir_rootfs *self;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return tkit_fail(ctx, -errno, "opening root %s", dir);
	self = calloc(1, sizeof(*self));
	if (!self) {
		close(fd);
		return tkit_fail(ctx, -ENOMEM, "opening root %s", dir);
	}
	rootfs_init(&self->base, &dir_ops);
	self->fd = fd;
	*ret_rootfs = &self->base;
	return 0;
}
