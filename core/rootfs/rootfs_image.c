// SPDX-License-Identifier: MIT
/*
 * A root file system that exists only as an index in memory: of a tar, or of an image's layers.
 * Content is read where it lies, see struct source_files.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/imgconfig.h"
#include "rootfs/source.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/tmpfile.h"

#define IMAGE_DEV 1 /* st_dev of all; st_ino is the inode's number */

struct image_rootfs {
	struct tkit_rootfs base;
	struct source_image image;
};

static struct image_rootfs *image_of(const struct tkit_rootfs *fs)
{
	return (struct image_rootfs *)fs; /* base is the first member */
}

/* NULL with *ret_rc negative if it is not there. */
static const struct imgtree_inode *find(struct tkit_rootfs *fs, struct tkit_bytes path, int *ret_rc)
{
	const struct imgtree *tree = &image_of(fs)->image.tree;
	uint32_t node;

	*ret_rc = imgtree_lookup(tree, path, &node);
	return *ret_rc < 0 ? NULL : imgtree_inode(tree, node);
}

static int image_lstat(struct tkit_rootfs *fs, struct tkit_bytes path, struct stat *ret_st)
{
	const struct imgtree *tree = &image_of(fs)->image.tree;
	int rc;
	const struct imgtree_inode *inode = find(fs, path, &rc);

	if (!inode)
		return rc;
	*ret_st = (struct stat){
		.st_dev = IMAGE_DEV,
		.st_ino = (ino_t)(inode - tree->inodes) + 1,
		.st_nlink = inode->nlink,
		.st_mode = inode->mode,
		.st_uid = inode->uid,
		.st_gid = inode->gid,
		.st_size = S_ISLNK(inode->mode) ? (off_t)inode->target_len : (off_t)inode->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((inode->size + 511) / 512),
		.st_mtim = {.tv_sec = inode->mtime, .tv_nsec = inode->mtime_nsec},
	};
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		ret_st->st_rdev = (dev_t)inode->offset;
	ret_st->st_atim = ret_st->st_ctim = ret_st->st_mtim;
	return 0;
}

static long image_readlink(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size)
{
	int rc;
	const struct imgtree_inode *inode = find(fs, path, &rc);
	struct tkit_bytes target;

	if (!inode)
		return rc;
	if (!S_ISLNK(inode->mode))
		return -EINVAL;
	target = imgtree_target(&image_of(fs)->image.tree, inode);
	memcpy(buf, target.ptr, target.len < size ? target.len : size);
	return (long)target.len;
}

static bool image_unchanged(struct tkit_rootfs *fs, const struct rootfs_content *content)
{
	const struct source_files *files = &image_of(fs)->image.files;
	struct stat now;

	if (content->fd == files->fds[UNTAR_SPOOL])
		return true;
	for (uint32_t i = UNTAR_SPOOL + 1; i < files->count; i++) {
		const struct stat *was = &files->stats[i];

		if (content->fd == files->fds[i])
			return fstat(content->fd, &now) == 0 && now.st_size == was->st_size &&
			       now.st_mtim.tv_sec == was->st_mtim.tv_sec &&
			       now.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
	}
	return false;
}

static int image_content(struct tkit_rootfs *fs, struct tkit_bytes path,
			 struct rootfs_content *ret_content)
{
	const struct source_files *files = &image_of(fs)->image.files;
	int rc;
	const struct imgtree_inode *inode = find(fs, path, &rc);

	if (!inode)
		return rc;
	if (!S_ISREG(inode->mode))
		return S_ISLNK(inode->mode) ? -ELOOP : S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
	*ret_content = (struct rootfs_content){.fd = files->fds[inode->size ? inode->file : 0],
					       .borrowed = true,
					       .offset = inode->size ? inode->offset : 0,
					       .size = inode->size};
	return 0;
}

static int image_openfile(struct tkit_rootfs *fs, struct tkit_bytes path)
{
	struct rootfs_content content = {.fd = -1};
	int fd, rc = image_content(fs, path, &content);

	if (rc < 0)
		return rc;
	fd = tmpfile_copy(content.fd, content.offset, content.size);
	if (fd >= 0 && !image_unchanged(fs, &content)) {
		close(fd);
		fd = -ESTALE;
	}
	return fd;
}

static struct tkit_bytes xattrs_of(struct tkit_rootfs *fs, const struct imgtree_inode *inode)
{
	return BYTES(image_of(fs)->image.tree.texts.data + inode->xattrs, inode->xattrs_len);
}

static long image_listxattr(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size)
{
	int rc;
	const struct imgtree_inode *inode = find(fs, path, &rc);
	struct imgtree_xattr xattr = {0};
	size_t at = 0, used = 0;

	if (!inode)
		return rc;
	if (!inode->xattrs_len)
		return 0;
	while (imgtree_xattr_next(xattrs_of(fs, inode), &at, &xattr) > 0) {
		if (size && xattr.name.len + 1 > size - used)
			return -ERANGE;
		if (size) {
			memcpy(buf + used, xattr.name.ptr, xattr.name.len);
			buf[used + xattr.name.len] = '\0';
		}
		used += xattr.name.len + 1;
	}
	return (long)used;
}

static long image_getxattr(struct tkit_rootfs *fs, struct tkit_bytes path, const char *name,
			   void *buf, size_t size)
{
	int rc;
	const struct imgtree_inode *inode = find(fs, path, &rc);
	struct imgtree_xattr xattr = {0};
	size_t at = 0;

	if (!inode)
		return rc;
	while (inode->xattrs_len && imgtree_xattr_next(xattrs_of(fs, inode), &at, &xattr) > 0) {
		if (!xattr.name.len || !bytes_is(xattr.name, name))
			continue;
		if (size && xattr.value.len > size)
			return -ERANGE;
		if (size && xattr.value.len)
			memcpy(buf, xattr.value.ptr, xattr.value.len);
		return (long)xattr.value.len;
	}
	return -ENODATA;
}

static int image_list(struct tkit_rootfs *fs, struct tkit_bytes path, rootfs_list_fn fn, void *arg)
{
	const struct imgtree *tree = &image_of(fs)->image.tree;
	uint32_t dir, node = 0;
	int rc = imgtree_lookup(tree, path, &dir);

	if (rc == 0 && !S_ISDIR(imgtree_inode(tree, dir)->mode))
		rc = -ENOTDIR;
	while (rc >= 0 && (node = imgtree_next(tree, dir, node)) != IMGTREE_NONE)
		rc = fn(arg, imgtree_name(tree, node),
			(unsigned char)IFTODT(imgtree_inode(tree, node)->mode));
	return rc < 0 ? rc : 0;
}

static const struct tkit_image_config *image_config(const struct tkit_rootfs *fs)
{
	return imgconfig_get(image_of(fs)->image.config);
}

static void image_free(struct tkit_rootfs *fs)
{
	struct image_rootfs *self = image_of(fs);

	source_image_done(&self->image);
	free(self);
}

static const struct rootfs_ops image_ops = {
	.lstat = image_lstat,
	.readlink = image_readlink,
	.openfile = image_openfile,
	.content = image_content,
	.unchanged = image_unchanged,
	.config = image_config,
	.listxattr = image_listxattr,
	.getxattr = image_getxattr,
	.list = image_list,
	.free = image_free,
};

int rootfs_image_new(struct source_image *image, struct tkit_rootfs **ret_rootfs)
{
	struct image_rootfs *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	rootfs_init(&self->base, &image_ops);
	self->image = *image;
	*image = (struct source_image){0};
	*ret_rootfs = &self->base;
	return 0;
}
