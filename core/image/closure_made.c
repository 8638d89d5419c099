// SPDX-License-Identifier: MIT
/* Files of an image that the root does not have, or has with other content. */
#include <errno.h>
#include <stdlib.h>

#include "image/closure.h"
#include "util/bytes.h"

/* Takes the text over. Its number + 1, 0 when memory is short. */
static uint32_t keep_text(struct tkit_closure *closure, struct buf *data)
{
	struct buf *made = reallocarray(closure->made, closure->made_count + 1, sizeof(*made));

	if (!made)
		return 0;
	closure->made = made;
	made[closure->made_count] = *data;
	*data = (struct buf)BUF_INIT;
	return ++closure->made_count;
}

/* The nearest directory above, in; those that the root does not have are made. */
static int make_parents(struct closure_job *job, struct tkit_bytes path, const struct stat *like,
			const struct cause *cause)
{
	const struct rootfs_node *node = rootfs_node(job->fs, path);

	if (!node)
		return -ENOMEM;
	if (!node->err)
		return S_ISDIR(node->st.st_mode) ? closure_add(job, path, cause) : -ENOTDIR;
	return closure_make(job, path, like, NULL, cause);
}

int closure_make(struct closure_job *job, struct tkit_bytes path, const struct stat *like,
		 struct buf *data, const struct cause *cause)
{
	struct cause parent = {.reason = TKIT_REASON_PARENT, .because = path};
	struct rootfs_node node = {.known = true};
	uint32_t made = 0;
	bool is_new;
	int rc;

	if (closure_left_out(job, path, cause->reason))
		return 0;
	rc = make_parents(job, closure_parent(path), like, &parent);
	if (rc < 0)
		return rc;
	node.st.st_mode = data ? S_IFREG | (like->st_mode & 0777) : S_IFDIR | 0755;
	node.st.st_nlink = 1;
	node.st.st_uid = like->st_uid;
	node.st.st_gid = like->st_gid;
	node.st.st_mtim = like->st_mtim;
	if (data) {
		if (data->failed)
			return -ENOMEM;
		node.st.st_size = (off_t)data->size;
		made = keep_text(job->closure, data);
		if (!made)
			return -ENOMEM;
	}
	rc = closure_put(job, path, &node, cause, &is_new);
	if (rc == 0 && is_new)
		job->closure->entries[job->closure->count - 1].made = data ? made : UINT32_MAX;
	return rc;
}

struct tkit_bytes tkit_closure_content(const struct tkit_closure *closure,
				       const struct tkit_closure_entry *entry)
{
	if (!entry->made || entry->made > closure->made_count)
		return BYTES("", 0);
	return BYTES(closure->made[entry->made - 1].data, closure->made[entry->made - 1].size);
}
