// SPDX-License-Identifier: MIT
/* What all root file systems share: checks, the node cache, the public functions. */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/cleanup.h"

void rootfs_init(struct tkit_rootfs *fs, const struct rootfs_ops *ops)
{
	*fs = (struct tkit_rootfs){.ops = ops};
	intern_init(&fs->names);
}

void tkit_rootfs_free(struct tkit_rootfs *rootfs)
{
	if (!rootfs)
		return;
	for (uint32_t i = 0; i < rootfs->names.count && i < rootfs->node_room; i++)
		free((char *)rootfs->nodes[i].target.ptr);
	free(rootfs->nodes);
	intern_done(&rootfs->names);
	rootfs->ops->free(rootfs);
}

bool rootfs_canonical(struct tkit_bytes path)
{
	size_t start = 1;

	if (!path.len || path.ptr[0] != '/' || memchr(path.ptr, '\0', path.len))
		return false;
	if (path.len == 1)
		return true;
	for (size_t i = 1; i <= path.len; i++) {
		size_t n = i - start;

		if (i < path.len && path.ptr[i] != '/')
			continue;
		if (n == 0 || (n == 1 && path.ptr[start] == '.') ||
		    (n == 2 && path.ptr[start] == '.' && path.ptr[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

static void look_up(struct tkit_rootfs *fs, struct tkit_bytes path, struct rootfs_node *node)
{
	char target[PATH_MAX];
	long n;

	*node = (struct rootfs_node){.known = true};
	node->err = fs->ops->lstat(fs, path, &node->st);
	if (node->err || !S_ISLNK(node->st.st_mode))
		return;
	n = fs->ops->readlink(fs, path, target, sizeof(target));
	if (n < 0) {
		node->err = (int)n;
	} else if ((size_t)n > sizeof(target)) {
		node->err = -ENAMETOOLONG;
	} else {
		char *copy = malloc((size_t)n + 1);

		if (!copy) {
			node->err = -ENOMEM;
			return;
		}
		memcpy(copy, target, (size_t)n);
		copy[n] = '\0';
		node->target = BYTES(copy, (size_t)n);
	}
}

const struct rootfs_node *rootfs_node(struct tkit_rootfs *fs, struct tkit_bytes path)
{
	uint32_t id = intern_add(&fs->names, path, NULL);

	if (id == INTERN_NONE)
		return NULL;
	if (id >= fs->node_room) {
		uint32_t room = fs->node_room ? fs->node_room * 2 : 256;
		struct rootfs_node *nodes = reallocarray(fs->nodes, room, sizeof(*nodes));

		if (!nodes)
			return NULL;
		memset(nodes + fs->node_room, 0, (room - fs->node_room) * sizeof(*nodes));
		fs->nodes = nodes;
		fs->node_room = room;
	}
	if (!fs->nodes[id].known)
		look_up(fs, path, &fs->nodes[id]);
	return &fs->nodes[id];
}

int rootfs_list(struct tkit_rootfs *fs, struct tkit_bytes path, rootfs_list_fn fn, void *arg)
{
	if (!rootfs_canonical(path))
		return -EINVAL;
	return fs->ops->list(fs, path, fn, arg);
}

int tkit_rootfs_lstat(struct tkit_rootfs *rootfs, struct tkit_bytes path, struct stat *ret_st)
{
	const struct rootfs_node *node;

	if (!rootfs_canonical(path))
		return -EINVAL;
	node = rootfs_node(rootfs, path);
	if (!node)
		return -ENOMEM;
	if (!node->err)
		*ret_st = node->st;
	return node->err;
}

long tkit_rootfs_readlink(struct tkit_rootfs *rootfs, struct tkit_bytes path, char *buf,
			  size_t size)
{
	const struct rootfs_node *node;

	if (!rootfs_canonical(path))
		return -EINVAL;
	node = rootfs_node(rootfs, path);
	if (!node)
		return -ENOMEM;
	if (node->err)
		return node->err;
	if (!S_ISLNK(node->st.st_mode))
		return -EINVAL;
	if (node->target.len > size)
		return -ENAMETOOLONG;
	memcpy(buf, node->target.ptr, node->target.len);
	return (long)node->target.len;
}

int tkit_rootfs_openfile(struct tkit_rootfs *rootfs, struct tkit_bytes path)
{
	if (!rootfs_canonical(path))
		return -EINVAL;
	return rootfs->ops->openfile(rootfs, path);
}

int rootfs_content(struct tkit_rootfs *fs, struct tkit_bytes path,
		   struct rootfs_content *ret_content)
{
	struct stat st;
	int fd;

	if (!rootfs_canonical(path))
		return -EINVAL;
	if (fs->ops->content)
		return fs->ops->content(fs, path, ret_content);
	fd = fs->ops->openfile(fs, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	*ret_content = (struct rootfs_content){.fd = fd, .size = (uint64_t)st.st_size};
	return 0;
}

void rootfs_content_done(struct rootfs_content *content)
{
	if (!content->borrowed && content->fd >= 0)
		close(content->fd);
	content->fd = -1;
}

bool rootfs_content_is(struct tkit_rootfs *fs, const struct rootfs_content *content,
		       const struct stat *st)
{
	struct stat now;

	if (content->borrowed)
		return content->size == (uint64_t)st->st_size && fs->ops->unchanged(fs, content);
	return fstat(content->fd, &now) == 0 && now.st_dev == st->st_dev &&
	       now.st_ino == st->st_ino && now.st_mode == st->st_mode && now.st_uid == st->st_uid &&
	       now.st_gid == st->st_gid && now.st_size == st->st_size &&
	       now.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

const struct tkit_image_config *tkit_rootfs_config(const struct tkit_rootfs *rootfs)
{
	return rootfs->ops->config ? rootfs->ops->config(rootfs) : NULL;
}

long tkit_rootfs_resolve(struct tkit_rootfs *rootfs, struct tkit_bytes path, int nofollow,
			 char *buf, size_t size, void (*link)(void *arg, struct tkit_bytes link),
			 void *arg)
{
	struct rootfs_walk walk = {.nofollow = nofollow, .link = link, .arg = arg};
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	int rc = rootfs_resolve(rootfs, &walk, path, &out);

	if (rc < 0)
		return rc;
	if (out.size > size)
		return -ENAMETOOLONG;
	memcpy(buf, out.data, out.size);
	return (long)out.size;
}
