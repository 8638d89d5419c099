// SPDX-License-Identifier: MIT
/*
 * Path resolution as the kernel does it, but inside a root and one component at a time, so
 * that each symlink on the way is seen.
 */
#include <errno.h>
#include <string.h>

#include "rootfs/rootfs.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define SYMLINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

struct walker {
	struct tkit_rootfs *fs;
	const struct rootfs_walk *how;
	size_t root_size;  /* bytes of `out` that are the process's root; 0 for "/" */
	struct buf todo;   /* what is still to be walked */
	size_t at;         /* in todo */
	unsigned int seen; /* symlinks followed */
	struct buf *out;   /* canonical so far; "" is the root of the file system */
};

static void go_up(struct walker *w)
{
	if (w->out->size <= w->root_size)
		return;
	while (w->out->size > w->root_size && w->out->data[w->out->size - 1] != '/')
		w->out->size--;
	if (w->out->size > w->root_size)
		w->out->size--;
}

/* Replaces what was walked of `todo`, with the link itself, by the link's target. */
static int follow(struct walker *w, const struct rootfs_node *node)
{
	struct buf next = BUF_INIT;

	if (w->how->link)
		w->how->link(w->how->arg, BYTES(w->out->data, w->out->size));
	if (++w->seen > SYMLINKS_MAX)
		return -ELOOP;
	if (!node->target.len)
		return -ENOENT;
	buf_add(&next, node->target.ptr, node->target.len);
	buf_add(&next, w->todo.data + w->at, w->todo.size - w->at);
	if (next.failed) {
		buf_done(&next);
		return -ENOMEM;
	}
	buf_done(&w->todo);
	w->todo = next;
	w->at = 0;
	if (next.data[0] == '/')
		w->out->size = w->root_size;
	else
		go_up(w);
	return 0;
}

/* Walks one named component. On failure `out` is what existed before it. */
static int step(struct walker *w, const char *name, size_t len)
{
	size_t before = w->out->size;
	bool last = w->at == w->todo.size;
	const struct rootfs_node *node;
	int rc;

	buf_char(w->out, '/');
	buf_add(w->out, name, len);
	if (w->out->failed)
		return -ENOMEM;
	node = rootfs_node(w->fs, BYTES(w->out->data, w->out->size));
	rc = node ? node->err : -ENOMEM;
	if (rc < 0) {
		w->out->size = before;
		return rc;
	}
	if (S_ISLNK(node->st.st_mode) && !(last && w->how->nofollow)) {
		rc = follow(w, node);
		if (rc < 0)
			w->out->size = before;
		return rc;
	}
	/* Anything behind it, even a lone slash, asks for a directory. */
	if (!last && !S_ISDIR(node->st.st_mode))
		return -ENOTDIR;
	return 0;
}

static int walk_all(struct walker *w)
{
	while (w->at < w->todo.size) {
		const char *name;
		size_t len, start;
		int rc;

		while (w->at < w->todo.size && w->todo.data[w->at] == '/')
			w->at++;
		start = w->at;
		while (w->at < w->todo.size && w->todo.data[w->at] != '/')
			w->at++;
		name = w->todo.data + start;
		len = w->at - start;
		if (len == 0 || (len == 1 && name[0] == '.'))
			continue;
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			go_up(w);
			continue;
		}
		rc = step(w, name, len);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int rootfs_resolve(struct tkit_rootfs *fs, const struct rootfs_walk *walk, struct tkit_bytes path,
		   struct buf *out)
{
	struct walker w = {.fs = fs, .how = walk, .out = out};
	int rc;

	buf_clear(out);
	if (!path.len)
		return -ENOENT;
	if (path.ptr[0] != '/' || memchr(path.ptr, '\0', path.len))
		return -EINVAL;
	if (walk->root.len > 1)
		buf_add(out, walk->root.ptr, walk->root.len);
	w.root_size = out->size;
	buf_add(&w.todo, path.ptr, path.len);
	rc = w.todo.failed || out->failed ? -ENOMEM : walk_all(&w);
	if (!out->size)
		buf_char(out, '/');
	if (out->failed)
		rc = -ENOMEM;
	buf_done(&w.todo);
	return rc;
}
