// SPDX-License-Identifier: MIT
/* Everything in a root, in one order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/names.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define DEPTH_MAX 512

static bool is_mount(struct tkit_bytes path)
{
	return bytes_is(path, "/proc") || bytes_is(path, "/sys") || bytes_is(path, "/dev");
}

static int walk(struct tkit_rootfs *fs, struct buf *path, int depth, tkit_rootfs_fn fn, void *arg)
{
	_cleanup_(names_done) struct names names = {0};
	size_t size = path->size;
	int rc = names_read(&names, fs, size ? BYTES(path->data, size) : BYTES_LIT("/"));

	if (rc < 0 && rc != -ENOMEM)
		rc = 0; /* not ours to read */
	for (size_t i = 0; rc == 0 && names.items && i < names.count; i++) {
		struct tkit_bytes name;
		struct stat st;

		path->size = size;
		buf_char(path, '/');
		buf_str(path, names_at(&names, i));
		name = BYTES(path->data, path->size);
		if (path->failed)
			rc = -ENOMEM;
		else if (!is_mount(name) && fs->ops->lstat(fs, name, &st) == 0) {
			rc = fn(arg, name, &st);
			if (rc == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
				rc = walk(fs, path, depth + 1, fn, arg);
		}
	}
	path->size = size;
	return rc;
}

int tkit_rootfs_walk(struct tkit_rootfs *rootfs, struct tkit_bytes path, tkit_rootfs_fn fn,
		     void *arg)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT;

	if (!rootfs_canonical(path))
		return -EINVAL;
	if (path.len > 1)
		buf_add(&name, path.ptr, path.len);
	return walk(rootfs, &name, 0, fn, arg);
}
