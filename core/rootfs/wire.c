// SPDX-License-Identifier: MIT
#include "rootfs/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/cleanup.h"

/*
 * A name: this, its bytes, and where the inode was not told before, struct imgtree_inode with
 * the bytes of target and attributes. Names and inodes are numbered in this order from 0; the
 * root is name 0 without bytes. A record with parent TREE_END ends it, its inode is their count.
 */
struct tree_record {
	uint32_t parent;
	uint32_t inode;
	uint32_t name_len;
};

#define TREE_END UINT32_MAX

void wire_flush(struct wire_out *out)
{
	size_t done = 0;

	while (!out->failed && done < out->size) {
		ssize_t n = write(out->fd, out->buf + done, out->size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			out->failed = -errno;
	}
	out->size = 0;
}

void wire_put(struct wire_out *out, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		size_t n = sizeof(out->buf) - out->size;

		if (n > size)
			n = size;
		memcpy(out->buf + out->size, p, n);
		out->size += n;
		p += n;
		size -= n;
		if (out->size == sizeof(out->buf))
			wire_flush(out);
	}
}

void wire_put_u32(struct wire_out *out, uint32_t value)
{
	wire_put(out, &value, sizeof(value));
}

static int refill(struct wire_in *in)
{
	ssize_t n;

	if (in->fd < 0)
		return -ENODATA;
	do
		n = read(in->fd, in->buf, sizeof(in->buf));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : -ENODATA;
	in->data = in->buf;
	in->size = (size_t)n;
	return 0;
}

int wire_get(struct wire_in *in, void *data, size_t size)
{
	char *p = data;

	while (size) {
		size_t n = in->size < size ? in->size : size;

		if (!n) {
			int rc = refill(in);

			if (rc < 0)
				return rc;
			continue;
		}
		memcpy(p, in->data, n);
		in->data += n;
		in->size -= n;
		p += n;
		size -= n;
	}
	return 0;
}

int wire_get_u32(struct wire_in *in, uint32_t *ret)
{
	return wire_get(in, ret, sizeof(*ret));
}

struct numbering {
	struct wire_out *out;
	const struct imgtree *tree;
	uint32_t *nodes, *inodes; /* old number to new; IMGTREE_NONE = none yet */
	uint32_t node_count, inode_count;
};

static void put_text(struct numbering *n, uint32_t at, uint32_t size)
{
	if (size)
		wire_put(n->out, n->tree->texts.data + at, size);
}

static void put_node(struct numbering *n, uint32_t node)
{
	const struct imgtree_node *from = &n->tree->nodes[node];
	const struct imgtree_inode *inode = &n->tree->inodes[from->inode];
	bool is_new = n->inodes[from->inode] == IMGTREE_NONE;
	struct tree_record record = {.parent = n->nodes[from->parent], .name_len = from->name_len};

	if (is_new)
		n->inodes[from->inode] = n->inode_count++;
	n->nodes[node] = n->node_count++;
	record.inode = n->inodes[from->inode];
	if (node == IMGTREE_ROOT)
		record.parent = 0;
	wire_put(n->out, &record, sizeof(record));
	put_text(n, from->name, from->name_len);
	if (!is_new)
		return;
	wire_put(n->out, inode, sizeof(*inode));
	put_text(n, inode->target, inode->target_len);
	put_text(n, inode->xattrs, inode->xattrs_len);
}

/* The next living name behind `at` in a walk with parents first. */
static uint32_t walk_on(const struct imgtree *tree, uint32_t at)
{
	uint32_t next = imgtree_next(tree, at, 0);

	while (next == IMGTREE_NONE && at != IMGTREE_ROOT) {
		next = imgtree_next(tree, 0, at);
		at = tree->nodes[at].parent;
	}
	return next;
}

int wire_put_tree(struct wire_out *out, const struct imgtree *tree)
{
	_cleanup_free_ uint32_t *nodes = malloc(tree->node_count * sizeof(*nodes));
	_cleanup_free_ uint32_t *inodes = malloc(tree->inode_count * sizeof(*inodes));
	struct numbering n = {.out = out, .tree = tree, .nodes = nodes, .inodes = inodes};
	struct tree_record end = {.parent = TREE_END};

	if (!nodes || !inodes)
		return -ENOMEM;
	memset(nodes, 0xff, tree->node_count * sizeof(*nodes));
	memset(inodes, 0xff, tree->inode_count * sizeof(*inodes));
	wire_put_u32(out, WIRE_TREE);
	for (uint32_t at = IMGTREE_ROOT; at != IMGTREE_NONE; at = walk_on(tree, at))
		put_node(&n, at);
	end.inode = n.inode_count;
	wire_put(out, &end, sizeof(end));
	return 0;
}

/* ---- the parent's side ---- */

struct tree_reader {
	struct wire_in *in;
	struct imgtree *tree;
	const uint64_t *sizes;
	uint32_t files;
	struct buf text;
};

/* Reads `size` bytes into the tree's texts. */
static int get_text(struct tree_reader *r, uint32_t size, uint32_t *ret_at)
{
	char *data;
	int rc;

	buf_clear(&r->text);
	data = buf_reserve(&r->text, size);
	if (!data)
		return -ENOMEM;
	rc = wire_get(r->in, data, size);
	return rc < 0 ? rc : imgtree_text(r->tree, data, size, ret_at);
}

static bool valid_xattrs(struct tkit_bytes list)
{
	struct imgtree_xattr xattr;
	size_t at = 0, names = 0, count = 0;
	int rc;

	while ((rc = imgtree_xattr_next(list, &at, &xattr)) > 0) {
		names += xattr.name.len + 1;
		if (++count > IMGTREE_XATTRS_MAX || names > IMGTREE_XATTR_MAX)
			return false;
	}
	return rc == 0;
}

static bool valid_content(const struct tree_reader *r, const struct imgtree_inode *inode)
{
	if (!inode->size)
		return true;
	return inode->file < r->files && inode->size <= INT64_MAX &&
	       inode->offset <= r->sizes[inode->file] &&
	       inode->size <= r->sizes[inode->file] - inode->offset;
}

static bool valid_inode(const struct tree_reader *r, const struct imgtree_inode *inode)
{
	if (inode->mtime_nsec >= 1000000000 || inode->mode & ~(S_IFMT | 07777u) ||
	    inode->xattrs_len > IMGTREE_XATTRS_MAX * (uint64_t)IMGTREE_XATTR_MAX)
		return false;
	if (S_ISLNK(inode->mode) != (inode->target_len != 0) ||
	    inode->target_len >= IMGTREE_PATH_MAX)
		return false;
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		return valid_content(r, inode);
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return inode->size == 0;
	default:
		return false;
	}
}

static int get_inode(struct tree_reader *r, uint32_t *ret_id)
{
	struct imgtree_inode inode;
	int rc = wire_get(r->in, &inode, sizeof(inode));

	if (rc == 0 && !valid_inode(r, &inode))
		rc = -EBADMSG;
	if (rc == 0 && inode.target_len)
		rc = get_text(r, inode.target_len, &inode.target);
	if (rc == 0 && inode.target_len &&
	    memchr(r->tree->texts.data + inode.target, '\0', inode.target_len))
		rc = -EBADMSG;
	if (rc == 0 && inode.xattrs_len)
		rc = get_text(r, inode.xattrs_len, &inode.xattrs);
	if (rc == 0 && inode.xattrs_len &&
	    !valid_xattrs(BYTES(r->tree->texts.data + inode.xattrs, inode.xattrs_len)))
		rc = -EBADMSG;
	return rc < 0 ? rc : imgtree_inode_add(r->tree, &inode, ret_id);
}

static bool valid_name(struct tkit_bytes name)
{
	return name.len && !memchr(name.ptr, '/', name.len) && !memchr(name.ptr, '\0', name.len) &&
	       !bytes_is(name, ".") && !bytes_is(name, "..");
}

static int get_node(struct tree_reader *r, const struct tree_record *record)
{
	char text[IMGTREE_NAME_MAX];
	struct tkit_bytes name = BYTES(text, record->name_len);
	struct imgtree *tree = r->tree;
	uint32_t id = record->inode, node;
	int rc;

	if (record->name_len > sizeof(text) || record->parent >= tree->node_count ||
	    id > tree->inode_count)
		return -EBADMSG;
	rc = wire_get(r->in, text, name.len);
	if (rc == 0 && !(valid_name(name) && S_ISDIR(imgtree_inode(tree, record->parent)->mode)))
		rc = -EBADMSG;
	if (rc == 0 && id == tree->inode_count)
		rc = get_inode(r, &id);
	else if (rc == 0 && S_ISDIR(tree->inodes[id].mode))
		rc = -EBADMSG;
	if (rc == 0 && imgtree_find(tree, record->parent, name) != IMGTREE_NONE)
		rc = -EBADMSG;
	return rc < 0 ? rc : imgtree_add(tree, record->parent, name, id, 0, &node);
}

/* The root replaces the tree's own. */
static int get_root(struct tree_reader *r)
{
	struct tree_record record;
	uint32_t id;
	int rc = wire_get(r->in, &record, sizeof(record));

	if (rc == 0 && (record.parent || record.inode || record.name_len))
		rc = -EBADMSG;
	r->tree->inode_count = 0;
	if (rc == 0)
		rc = get_inode(r, &id);
	if (rc == 0 && !S_ISDIR(r->tree->inodes[0].mode))
		rc = -EBADMSG;
	return rc;
}

int wire_get_tree(struct wire_in *in, struct imgtree *tree, const uint64_t *sizes, uint32_t files)
{
	struct tree_reader r = {.in = in, .tree = tree, .sizes = sizes, .files = files};
	struct tree_record record;
	int rc = get_root(&r);

	while (rc == 0) {
		rc = wire_get(in, &record, sizeof(record));
		if (rc == 0 && record.parent == TREE_END)
			break;
		if (rc == 0)
			rc = get_node(&r, &record);
	}
	if (rc == 0 && record.inode != tree->inode_count)
		rc = -EBADMSG;
	buf_done(&r.text);
	if (rc == 0)
		imgtree_count_links(tree);
	return rc;
}
