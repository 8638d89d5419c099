// SPDX-License-Identifier: MIT
/*
 * What was mounted over the image when the container ran. The programs did not see what the image
 * has there, and what they saw is no part of the image: it gets the place for the mount. But for
 * volumes: engines fill a new one with what the image has at that place.
 */
#include <errno.h>

#include "image/closure.h"
#include "util/bytes.h"

/* It was hidden below a mount, or (a root that is in use) belongs to one. */
bool closure_mounted(struct closure_job *job, struct tkit_bytes path)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(job->model, path);
	const struct rootfs_node *node, *top;

	if (!mount || closure_runtime(path))
		return false;
	if (bytes_is(path, mount->destination) && !(mount->flags & TKIT_MOUNT_FILE))
		return false;
	if (mount->kind != TKIT_MOUNT_VOLUME)
		return true;
	node = rootfs_node(job->fs, path);
	top = rootfs_node(job->fs, BYTES_LIT("/"));
	return node && top && !node->err && !top->err && node->st.st_dev != top->st.st_dev;
}

bool closure_on_mount(const struct closure_job *job, struct tkit_bytes path)
{
	return tkit_model_mount_of(job->model, path) != NULL;
}

static int make_place(struct closure_job *job, const struct tkit_mount_info *mount)
{
	const struct cause cause = {.reason = TKIT_REASON_RUNTIME};
	const struct stat top = job->closure->entries[0].st;
	struct tkit_bytes path = bytes_str(mount->destination);
	const struct rootfs_node *node = rootfs_node(job->fs, path);
	struct stat like = {.st_mode = S_IFREG | 0644, .st_mtim = top.st_mtim};
	struct buf empty = BUF_INIT;
	int rc;

	if (!node)
		return -ENOMEM;
	/* Below another mount: no place of the image. */
	if (closure_on_mount(job, closure_parent(path)))
		return 0;
	/* The runtime makes the places of its own files where they are missing. */
	if (node->err && mount->kind == TKIT_MOUNT_RUNTIME)
		return 0;
	if (!node->err && S_ISDIR(node->st.st_mode))
		return mount->flags & TKIT_MOUNT_FILE ? 0 : closure_add(job, path, &cause);
	if (!node->err && !(mount->flags & TKIT_MOUNT_FILE))
		return 0; /* a symlink or file: the runtime did not mount there in this root */
	if (!node->err && node->st.st_dev == top.st_dev)
		like = node->st;
	rc = closure_make(job, path, &like, mount->flags & TKIT_MOUNT_FILE ? &empty : NULL, &cause);
	buf_done(&empty);
	return rc == -ENOTDIR ? 0 : rc;
}

int closure_mounts(struct closure_job *job)
{
	const struct tkit_mount_info *mount;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (mount = tkit_model_mount(job->model, i)); i++)
		if (!closure_runtime(bytes_str(mount->destination)))
			rc = make_place(job, mount);
	return rc;
}
