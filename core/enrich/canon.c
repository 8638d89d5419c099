// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/enrich.h"
#include "rootfs/rootfs.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* Bytes of `name` without its last component; 0 for "/x". */
static size_t parent_len(struct tkit_bytes name)
{
	size_t len = name.len;

	while (len && name.ptr[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

/*
 * The canonical name of something that may be gone: as much of the way to it as there is,
 * resolved, and the rest as it is written. 1 if `out` has it, 0 if it cannot be told.
 */
static int canonical(struct tkit_rootfs *fs, struct tkit_bytes root, struct tkit_bytes name,
		     struct buf *out)
{
	struct rootfs_walk walk = {.root = root};
	size_t len = parent_len(name);

	for (;;) {
		struct tkit_bytes rest = BYTES(name.ptr + len, name.len - len);
		int rc = 0;

		if (rest.len >= 3 && name_has_dotdot(rest))
			return 0;
		buf_clear(out);
		if (len)
			rc = rootfs_resolve(fs, &walk, BYTES(name.ptr, len), out);
		else if (root.len > 1)
			buf_add(out, root.ptr, root.len);
		if (rc == -ENOMEM)
			return rc;
		if (rc == 0) {
			if (out->size == 1 && out->data[0] == '/')
				out->size = 0;
			buf_add(out, rest.ptr, rest.len);
			return out->failed ? -ENOMEM : 1;
		}
		if (rc != -ENOENT || !len)
			return 0;
		len = parent_len(BYTES(name.ptr, len));
	}
}

/* Fills canon[name] for the path of one cell, once. */
static int canon_of_cell(struct tkit_model *m, uint32_t *canon, const struct cell *cell,
			 struct buf *out)
{
	uint32_t path = cell->key.path, id;
	struct tkit_bytes name, root = {"", 0};
	int rc;

	if (path == INTERN_NONE || canon[path] != INTERN_NONE)
		return 0;
	canon[path] = path;
	name = intern_get(&m->names, path);
	/* A process's own root: its part of the name is canonical, the rest lies below. */
	if (cell->root != INTERN_NONE && bytes_below(name, intern_get(&m->names, cell->root)) &&
	    intern_get(&m->names, cell->root).len > 1) {
		root = intern_get(&m->names, cell->root);
		name.ptr += root.len;
		name.len -= root.len;
		if (!name.len)
			return 0;
	}
	rc = canonical(m->rootfs, root, name, out);
	if (rc <= 0)
		return rc;
	id = intern_add(&m->names, BYTES(out->data, out->size), NULL);
	if (id == INTERN_NONE)
		return -ENOMEM;
	canon[path] = id;
	return 0;
}

/* The arrays by name grow with the new names. */
static int grow(struct tkit_model *m, uint32_t *canon, uint32_t old)
{
	uint32_t *path_of = realloc(m->path_of, m->names.count * sizeof(*path_of));

	if (!path_of)
		return -ENOMEM;
	m->path_of = path_of;
	for (uint32_t i = 0; i < old; i++)
		if (canon[i] == INTERN_NONE)
			canon[i] = i;
	for (uint32_t i = old; i < m->names.count; i++) {
		path_of[i] = INTERN_NONE;
		canon[i] = i;
	}
	free(m->canon);
	m->canon = canon;
	return model_index(m);
}

int enrich_canon(struct tkit_model *model, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	uint32_t old = model->name_count, *canon, *larger;
	int rc = 0;

	canon = malloc(old * sizeof(*canon));
	if (!canon)
		return err_sys(err, -ENOMEM, "no memory");
	memset(canon, 0xff, old * sizeof(*canon));
	for (uint32_t i = 0; !rc && i < model->cells.count; i++)
		rc = canon_of_cell(model, canon, model_cell(model, i), &out);
	larger = rc ? NULL : realloc(canon, model->names.count * sizeof(*canon));
	if (!larger) {
		free(canon);
		return err_sys(err, rc ? rc : -ENOMEM, "no memory");
	}
	rc = grow(model, larger, old);
	if (!rc)
		rc = model_states(model);
	return rc ? err_sys(err, rc, "no memory") : 0;
}
