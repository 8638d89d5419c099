// SPDX-License-Identifier: MIT
#include "rootfs/layering.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "util/bytes.h"
#include "util/cleanup.h"

#define SYMLINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define WH           ".wh."
#define WH_META      ".wh..wh."
#define WH_OPAQUE    ".wh..wh..opq"

static int fail(struct err *err, int rc, struct tkit_bytes name, const char *what)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (name.len > 200) {
		buf_escaped(&text, BYTES(name.ptr, 200));
		buf_str(&text, "...");
	} else {
		buf_escaped(&text, name);
	}
	buf_char(&text, '\0');
	return err_set(err, rc, "member %s: %s", text.failed ? "?" : text.data, what);
}

/* A limit or memory. */
static int fail_room(struct err *err, int rc)
{
	if (rc == -EDQUOT)
		return err_set(err, -E2BIG,
			       "more entries, or longer names and attributes in all, than the "
			       "limit allows (--image-max-entries)");
	return err_sys(err, rc, "reading the archive");
}

/* The next component of *rest, which is shortened. False at the end. */
static bool component(struct tkit_bytes *rest, struct tkit_bytes *ret_name)
{
	const char *slash;

	while (rest->len && *rest->ptr == '/') {
		rest->ptr++;
		rest->len--;
	}
	if (!rest->len)
		return false;
	slash = memchr(rest->ptr, '/', rest->len);
	*ret_name = BYTES(rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len);
	rest->ptr += ret_name->len;
	rest->len -= ret_name->len;
	return true;
}

/* "./a//b/" to "a/b". ".." is refused: no tool writes it, and it could lead out. */
static int clean_name(struct tkit_bytes name, struct buf *out, struct err *err)
{
	struct tkit_bytes rest = name, part;

	buf_clear(out);
	if (memchr(name.ptr, '\0', name.len))
		return fail(err, -EBADMSG, name, "a NUL byte in its name");
	while (component(&rest, &part)) {
		if (bytes_is(part, "."))
			continue;
		if (bytes_is(part, ".."))
			return fail(err, -EBADMSG, name, "\"..\" in its name");
		if (part.len > IMGTREE_NAME_MAX)
			return fail(err, -ENAMETOOLONG, name,
				    "a name longer than 255 bytes, which Linux cannot hold");
		if (out->size)
			buf_char(out, '/');
		buf_add(out, part.ptr, part.len);
		if (out->size >= IMGTREE_PATH_MAX)
			return fail(err, -ENAMETOOLONG, name, "its name is longer than 4095 bytes");
	}
	return out->failed ? fail_room(err, -ENOMEM) : 0;
}

/* An implied directory in place of nothing, or of what a lower layer has there. */
static int make_dir(struct layering *l, uint32_t dir, struct tkit_bytes name, uint32_t *ret_node)
{
	struct imgtree_inode inode = {.mode = S_IFDIR | 0755};
	uint32_t id;
	int rc = imgtree_inode_add(&l->tree, &inode, &id);

	return rc < 0 ? rc : imgtree_add(&l->tree, dir, name, id, l->layer, ret_node);
}

struct walk {
	struct layering *l;
	struct buf todo;
	bool make;         /* directories that are missing */
	bool nofollow;     /* a symlink in the last place */
	unsigned int seen; /* symlinks */
};

static int follow(struct walk *w, uint32_t node, struct tkit_bytes *rest, uint32_t *at)
{
	struct tkit_bytes target = imgtree_target(&w->l->tree, imgtree_inode(&w->l->tree, node));
	struct buf next = BUF_INIT;

	if (++w->seen > SYMLINKS_MAX)
		return -ELOOP;
	buf_add(&next, target.ptr, target.len);
	buf_add(&next, rest->ptr, rest->len);
	buf_done(&w->todo);
	w->todo = next;
	*rest = BYTES(next.data, next.size);
	*at = target.ptr[0] == '/' ? IMGTREE_ROOT : w->l->tree.nodes[node].parent;
	return next.failed ? -ENOMEM : 0;
}

/* Walks to `path` from the root, inside the tree, as a kernel would in a chroot. */
static int walk(struct walk *w, struct tkit_bytes path, uint32_t *ret_node)
{
	struct imgtree *tree = &w->l->tree;
	struct tkit_bytes rest, name;
	uint32_t at = IMGTREE_ROOT, node;
	int rc;

	buf_add(&w->todo, path.ptr, path.len);
	if (w->todo.failed)
		return -ENOMEM;
	rest = BYTES(w->todo.data, w->todo.size);
	while (component(&rest, &name)) {
		if (bytes_is(name, "."))
			continue;
		if (bytes_is(name, "..")) {
			at = tree->nodes[at].parent;
			continue;
		}
		if (name.len > IMGTREE_NAME_MAX)
			return -ENAMETOOLONG;
		node = imgtree_find(tree, at, name);
		if (node != IMGTREE_NONE && S_ISLNK(imgtree_inode(tree, node)->mode) &&
		    !(w->nofollow && !rest.len)) {
			rc = follow(w, node, &rest, &at);
			if (rc < 0)
				return rc;
			continue;
		}
		if (w->make && node != IMGTREE_NONE && !S_ISDIR(imgtree_inode(tree, node)->mode) &&
		    tree->nodes[node].layer < w->l->layer) {
			imgtree_remove(tree, node);
			node = IMGTREE_NONE;
		}
		if (node == IMGTREE_NONE && !w->make)
			return -ENOENT;
		if (node == IMGTREE_NONE) {
			rc = make_dir(w->l, at, name, &node);
			if (rc < 0)
				return rc;
		}
		if ((rest.len || w->make) && !S_ISDIR(imgtree_inode(tree, node)->mode))
			return -ENOTDIR;
		if (w->make)
			tree->nodes[node].layer = w->l->layer;
		at = node;
	}
	*ret_node = at;
	return 0;
}

static struct tkit_bytes dir_of(struct tkit_bytes name, struct tkit_bytes *ret_last)
{
	size_t at = name.len;

	while (at && name.ptr[at - 1] != '/')
		at--;
	*ret_last = at ? BYTES(name.ptr + at, name.len - at) : name; /* a name may be NULL */
	return BYTES(name.ptr, at ? at - 1 : 0);
}

/* The directory that a member goes into. Neighbours share theirs. */
static int find_dir(struct layering *l, struct tkit_bytes dir, struct tkit_bytes name,
		    uint32_t *ret_node, struct err *err)
{
	struct walk w = {.l = l, .make = true};
	int rc;

	if (!dir.len) {
		*ret_node = IMGTREE_ROOT;
		return 0;
	}
	if (bytes_eq(dir, BYTES(l->last_dir.data, l->last_dir.size))) {
		*ret_node = l->last_node;
		return 0;
	}
	rc = walk(&w, dir, ret_node);
	buf_done(&w.todo);
	if (rc == -ELOOP)
		return fail(err, rc, name, "its directory lies behind a circle of symbolic links");
	if (rc == -ENOTDIR)
		return fail(err, rc, name, "what should be its directory is none");
	if (rc == -ENAMETOOLONG)
		return fail(err, rc, name, "a symbolic link on its way has too long a name in it");
	if (rc < 0)
		return fail_room(err, rc);
	buf_clear(&l->last_dir);
	buf_add(&l->last_dir, dir.ptr, dir.len);
	l->last_node = *ret_node;
	return l->last_dir.failed ? fail_room(err, -ENOMEM) : 0;
}

/* What a removal or a link may have made untrue. */
static void forget_dir(struct layering *l)
{
	buf_clear(&l->last_dir);
}

static void whiteout(struct layering *l, uint32_t dir, struct tkit_bytes name)
{
	uint32_t node;

	forget_dir(l);
	if (bytes_is(name, WH_OPAQUE)) {
		imgtree_sweep(&l->tree, dir, l->layer);
		return;
	}
	if (bytes_starts(name, BYTES_LIT(WH_META)))
		return; /* an old engine's own notes */
	name = BYTES(name.ptr + strlen(WH), name.len - strlen(WH));
	node = imgtree_find(&l->tree, dir, name);
	if (node == IMGTREE_NONE)
		return;
	/* The same layer has it anew: only what lies below goes. */
	if (l->tree.nodes[node].layer == l->layer)
		imgtree_sweep(&l->tree, node, l->layer);
	else
		imgtree_remove(&l->tree, node);
}

static int keep_texts(struct layering *l, struct layer_member *m, struct err *err)
{
	struct imgtree_inode *inode = &m->inode;
	int rc = 0;

	if (S_ISLNK(inode->mode)) {
		if (!m->target.len || memchr(m->target.ptr, '\0', m->target.len))
			return fail(err, -EBADMSG, m->name, "a symbolic link to nothing");
		if (m->target.len >= IMGTREE_PATH_MAX)
			return fail(err, -ENAMETOOLONG, m->name,
				    "a symbolic link to more than 4095 bytes");
		inode->target_len = (uint32_t)m->target.len;
		rc = imgtree_text(&l->tree, m->target.ptr, m->target.len, &inode->target);
	}
	if (rc == 0 && m->xattrs.len) {
		inode->xattrs_len = (uint32_t)m->xattrs.len;
		rc = imgtree_text(&l->tree, m->xattrs.ptr, m->xattrs.len, &inode->xattrs);
	}
	return rc < 0 ? fail_room(err, rc) : 0;
}

static int hard_link(struct layering *l, const struct layer_member *m, uint32_t *ret_inode,
		     struct err *err)
{
	_cleanup_(buf_done) struct buf clean = BUF_INIT;
	struct walk w = {.l = l, .nofollow = true};
	uint32_t node;
	int rc = clean_name(m->hardlink, &clean, err);

	if (rc < 0)
		return rc;
	rc = walk(&w, BYTES(clean.data, clean.size), &node);
	buf_done(&w.todo);
	if (rc == -ENOMEM)
		return fail_room(err, rc);
	if (rc < 0)
		return fail(err, -EBADMSG, m->name,
			    "a hard link to something that was not there before it");
	if (S_ISDIR(imgtree_inode(&l->tree, node)->mode))
		return fail(err, -EBADMSG, m->name, "a hard link to a directory");
	*ret_inode = l->tree.nodes[node].inode;
	return 0;
}

/* Directory over directory: the same with new metadata. All else replaces what was there. */
static int place(struct layering *l, uint32_t dir, struct tkit_bytes last, struct layer_member *m,
		 struct err *err)
{
	uint32_t old = last.len ? imgtree_find(&l->tree, dir, last) : IMGTREE_ROOT, id, node;
	int rc;

	if (m->hardlink.len) {
		if (!last.len)
			return fail(err, -EBADMSG, m->name, "the root is a hard link");
		rc = hard_link(l, m, &id, err);
		if (rc < 0)
			return rc;
		if (old != IMGTREE_NONE && l->tree.nodes[old].inode == id) {
			l->tree.nodes[old].layer = l->layer;
			return 0;
		}
	} else {
		rc = keep_texts(l, m, err);
		if (rc < 0)
			return rc;
		if (old != IMGTREE_NONE && S_ISDIR(m->inode.mode) &&
		    S_ISDIR(imgtree_inode(&l->tree, old)->mode)) {
			*imgtree_inode(&l->tree, old) = m->inode;
			l->tree.nodes[old].layer = l->layer;
			return 0;
		}
		if (!last.len)
			return fail(err, -EBADMSG, m->name, "the root is no directory");
		rc = imgtree_inode_add(&l->tree, &m->inode, &id);
		if (rc < 0)
			return fail_room(err, rc);
	}
	if (old != IMGTREE_NONE) {
		imgtree_remove(&l->tree, old);
		forget_dir(l);
	}
	rc = imgtree_add(&l->tree, dir, last, id, l->layer, &node);
	return rc < 0 ? fail_room(err, rc) : 0;
}

int layering_add(struct layering *l, struct layer_member *m, struct err *err)
{
	_cleanup_(buf_done) struct buf clean = BUF_INIT;
	struct tkit_bytes dir, last;
	uint32_t node;
	int rc = clean_name(m->name, &clean, err);

	if (rc < 0)
		return rc;
	dir = dir_of(BYTES(clean.data, clean.size), &last);
	rc = find_dir(l, dir, m->name, &node, err);
	if (rc < 0)
		return rc;
	if (l->whiteouts && bytes_starts(last, BYTES_LIT(WH)) && last.len > strlen(WH)) {
		whiteout(l, node, last);
		return 0;
	}
	return place(l, node, last, m, err);
}

int layering_find(struct layering *l, struct tkit_bytes name, uint32_t *ret_node)
{
	struct walk w = {.l = l};
	int rc = walk(&w, name, ret_node);

	buf_done(&w.todo);
	return rc;
}

void layering_next(struct layering *l)
{
	l->layer++;
	forget_dir(l);
}

void layering_done(struct layering *l)
{
	imgtree_done(&l->tree);
	buf_done(&l->last_dir);
	*l = (struct layering){0};
}
