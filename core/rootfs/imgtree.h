/* SPDX-License-Identifier: MIT */
/*
 * A file system tree in memory: what an image holds, without its content. Built by the
 * sandboxed reader (core/rootfs/layering.h) and again, from what that reader sends, by its
 * parent. About 90 bytes an entry plus its name.
 */
#ifndef ROOTFS_IMGTREE_H
#define ROOTFS_IMGTREE_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/event.h>

#include "util/buf.h"

#define IMGTREE_NONE       UINT32_MAX
#define IMGTREE_ROOT       0u
#define IMGTREE_NAME_MAX   255
#define IMGTREE_PATH_MAX   4096
#define IMGTREE_XATTR_MAX  65536 /* bytes of one value, and of all names: the kernel's limits */
#define IMGTREE_XATTRS_MAX 512   /* attributes of one file */

/* A file, whatever names it has. */
struct imgtree_inode {
	uint64_t size;   /* regular files */
	uint64_t offset; /* regular files: of the content in `file`; devices: st_rdev */
	int64_t mtime;
	uint32_t mtime_nsec;
	uint32_t mode; /* st_mode */
	uint32_t uid;
	uint32_t gid;
	uint32_t file;       /* regular files: number of the file that holds the content */
	uint32_t nlink;      /* names; see imgtree_count_links() */
	uint32_t target;     /* symlinks: offset in texts */
	uint32_t target_len; /* symlinks */
	uint32_t xattrs;     /* offset in texts, see imgtree_xattr_next(); valid if xattrs_len */
	uint32_t xattrs_len;
};

/* A name in a directory. */
struct imgtree_node {
	uint32_t parent;
	uint32_t name;    /* offset in texts */
	uint32_t chain;   /* next of the same hash */
	uint32_t sibling; /* next of the same directory */
	uint32_t child;   /* directories: first name */
	uint32_t inode;   /* IMGTREE_NONE: removed */
	uint16_t layer;   /* that made it */
	uint16_t swept;   /* layer + 1 in which names of lower layers were removed from it */
	uint8_t name_len;
	bool linked; /* is in its directory's list */
};

struct imgtree {
	struct imgtree_node *nodes; /* the first is the root */
	struct imgtree_inode *inodes;
	uint32_t *heads; /* hash table; power of two */
	uint32_t head_count;
	uint32_t node_count, node_room;
	uint32_t inode_count, inode_room;
	uint32_t max_entries; /* -EDQUOT beyond */
	uint32_t max_texts;   /* bytes of names, targets, attributes; -EDQUOT beyond */
	struct buf texts;
	uint64_t seed;
};

/* Makes a tree with nothing but "/": 0755, root's, of the epoch. 0 or -ENOMEM. */
int imgtree_init(struct imgtree *tree, uint32_t max_entries, uint32_t max_texts);
void imgtree_done(struct imgtree *tree); /* a zeroed one is fine, too */

static inline struct tkit_bytes imgtree_name(const struct imgtree *tree, uint32_t node)
{
	return (struct tkit_bytes){tree->texts.data + tree->nodes[node].name,
				   tree->nodes[node].name_len};
}

static inline struct imgtree_inode *imgtree_inode(const struct imgtree *tree, uint32_t node)
{
	return &tree->inodes[tree->nodes[node].inode];
}

static inline struct tkit_bytes imgtree_target(const struct imgtree *tree,
					       const struct imgtree_inode *inode)
{
	return (struct tkit_bytes){tree->texts.data + inode->target, inode->target_len};
}

/* Keeps bytes; *ret_at is their offset in texts. 0, -ENOMEM, -EDQUOT. */
int imgtree_text(struct imgtree *tree, const void *data, size_t size, uint32_t *ret_at);

/* Keeps an inode. 0, -ENOMEM, -EDQUOT. */
int imgtree_inode_add(struct imgtree *tree, const struct imgtree_inode *inode, uint32_t *ret_id);

/* The name in a directory, or IMGTREE_NONE. */
uint32_t imgtree_find(const struct imgtree *tree, uint32_t dir, struct tkit_bytes name);

/* Adds a name that is not there. 0, -ENOMEM, -EDQUOT. */
int imgtree_add(struct imgtree *tree, uint32_t dir, struct tkit_bytes name, uint32_t inode,
		uint16_t layer, uint32_t *ret_node);

/* Removes a name with everything below it; the root's children only, if it is the root. */
void imgtree_remove(struct imgtree *tree, uint32_t node);

/* Removes what layers below `layer` put into a directory, at any depth. */
void imgtree_sweep(struct imgtree *tree, uint32_t dir, uint16_t layer);

/* The node of a canonical path. 0, -ENOENT, -ENOTDIR. */
int imgtree_lookup(const struct imgtree *tree, struct tkit_bytes path, uint32_t *ret_node);

/* The next name of a directory in its list; `node` 0 begins. IMGTREE_NONE at the end. */
uint32_t imgtree_next(const struct imgtree *tree, uint32_t dir, uint32_t node);

/* Sets nlink of all inodes from the names that there are. */
void imgtree_count_links(struct imgtree *tree);

/* One extended attribute in a list: u16 length and name, u32 length and value. */
struct imgtree_xattr {
	struct tkit_bytes name; /* no NUL byte in it */
	struct tkit_bytes value;
};

void imgtree_xattr_put(struct buf *list, struct tkit_bytes name, struct tkit_bytes value);

/* Reads the attribute at *at and moves on. 1, 0 at the end, -EBADMSG. */
int imgtree_xattr_next(struct tkit_bytes list, size_t *at, struct imgtree_xattr *ret_xattr);

#endif
