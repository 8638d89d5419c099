/* SPDX-License-Identifier: MIT */
/*
 * Root file systems inside core. A source (a directory; an
 * archive or image) fills in struct rootfs_ops with single steps on canonical paths; walking,
 * symlinks and caching are done once, above it, so that every source has the same rules.
 *
 * A root is taken to be at rest while it is open: what was looked up is remembered.
 * One thread at a time.
 */
#ifndef ROOTFS_ROOTFS_H
#define ROOTFS_ROOTFS_H

#include <stdbool.h>

#include <tkit/image.h>

#include "util/buf.h"
#include "util/intern.h"

/* Where the bytes of a regular file are: `size` of them from `offset` of fd. */
struct rootfs_content {
	int fd;
	bool borrowed; /* fd is the root's own and may hold other files, too */
	uint64_t offset;
	uint64_t size;
};

/* One name of a directory. `type` is the DT_* of dirent(3). <0 ends the listing with it. */
typedef int (*rootfs_list_fn)(void *arg, struct tkit_bytes name, unsigned char type);

/*
 * What a source can do. Paths are canonical: absolute, no "." or "..", no double or
 * trailing slash, no NUL byte (checked by the caller), and every parent must be a real
 * directory, else -ENOTDIR. All return -errno on failure.
 */
struct rootfs_ops {
	int (*lstat)(struct tkit_rootfs *fs, struct tkit_bytes path, struct stat *ret_st);
	/* The target's whole length, of which at most `size` bytes were written. */
	long (*readlink)(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size);
	/* A regular file only, never waiting: -ELOOP symlink, -EISDIR, -EINVAL others. */
	int (*openfile)(struct tkit_rootfs *fs, struct tkit_bytes path);
	/* As openfile, without a copy. NULL: by openfile. */
	int (*content)(struct tkit_rootfs *fs, struct tkit_bytes path,
		       struct rootfs_content *ret_content);
	/* Borrowed content is still what it was when the root was opened. */
	bool (*unchanged)(struct tkit_rootfs *fs, const struct rootfs_content *content);
	const struct tkit_image_config *(*config)(const struct tkit_rootfs *fs); /* or NULL */
	/* As listxattr(2), of the object itself. 0 where there are none. */
	long (*listxattr)(struct tkit_rootfs *fs, struct tkit_bytes path, char *buf, size_t size);
	long (*getxattr)(struct tkit_rootfs *fs, struct tkit_bytes path, const char *name,
			 void *buf, size_t size);
	/* Names of a directory, in any order, without "." and "..". */
	int (*list)(struct tkit_rootfs *fs, struct tkit_bytes path, rootfs_list_fn fn, void *arg);
	void (*free)(struct tkit_rootfs *fs);
};

/* What is known of a canonical path. */
struct rootfs_node {
	struct stat st;
	struct tkit_bytes target; /* symlinks */
	int err;                  /* negative errno of the look-up; 0 = st is valid */
	bool known;               /* was looked up */
};

/* Head of each source's own struct. */
struct tkit_rootfs {
	const struct rootfs_ops *ops;
	struct intern names; /* canonical paths looked up so far; id indexes nodes */
	struct rootfs_node *nodes;
	uint32_t node_room;
};

void rootfs_init(struct tkit_rootfs *fs, const struct rootfs_ops *ops);

/* The remembered node of a canonical path, looked up if new. NULL when memory is short. The
 * pointer is valid until the next call. */
const struct rootfs_node *rootfs_node(struct tkit_rootfs *fs, struct tkit_bytes path);

/* Names of a directory, see struct rootfs_ops. */
int rootfs_list(struct tkit_rootfs *fs, struct tkit_bytes path, rootfs_list_fn fn, void *arg);

/* A regular file's bytes; 0 or -errno as openfile. Released with rootfs_content_done(). */
int rootfs_content(struct tkit_rootfs *fs, struct tkit_bytes path,
		   struct rootfs_content *ret_content);
void rootfs_content_done(struct rootfs_content *content);

/* The file is still the one that `st` tells of. To be asked after reading. */
bool rootfs_content_is(struct tkit_rootfs *fs, const struct rootfs_content *content,
		       const struct stat *st);

/* A path as struct rootfs_ops wants it. */
bool rootfs_canonical(struct tkit_bytes path);

/* How to walk. */
struct rootfs_walk {
	struct tkit_bytes root; /* canonical directory that acts as "/" (chroot); empty = "/" */
	bool nofollow;          /* a symlink in the last place is left as it is */
	void (*link)(void *arg, struct tkit_bytes link); /* may be NULL */
	void *arg;
};

/*
 * tkit_rootfs_resolve() with a process's own root. `path` is as that process would have
 * written it, absolute. The canonical path goes to `out`; on failure `out` has the deepest
 * existing object on the way (with -ENOTDIR: what is not a directory). 0 or -errno.
 */
int rootfs_resolve(struct tkit_rootfs *fs, const struct rootfs_walk *walk, struct tkit_bytes path,
		   struct buf *out);

/* Tests: makes a directory root do without openat2(2), as on kernels before 5.6. */
void rootfs_dir_no_openat2(struct tkit_rootfs *fs);

#endif
