// SPDX-License-Identifier: MIT
/* Everything in a root, in one order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/rootfs.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define DEPTH_MAX 512

struct names {
	struct buf text; /* NUL-terminated names */
	size_t count;
};

static int add_name(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct names *names = arg;

	buf_add(&names->text, name.ptr, name.len);
	buf_char(&names->text, '\0');
	names->count++;
	return names->text.failed ? -ENOMEM : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in order; pointers into names->text. */
static int sorted(struct names *names, const char ***ret)
{
	const char **list = calloc(names->count + 1, sizeof(*list));
	const char *at = names->text.data;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++, at += strlen(at) + 1)
		list[i] = at;
	if (names->count)
		qsort(list, names->count, sizeof(*list), compare_names);
	*ret = list;
	return 0;
}

static bool is_mount(struct tkit_bytes path)
{
	return bytes_is(path, "/proc") || bytes_is(path, "/sys") || bytes_is(path, "/dev");
}

static int walk(struct tkit_rootfs *fs, struct buf *path, int depth, tkit_rootfs_fn fn, void *arg)
{
	_cleanup_free_ const char **list = NULL;
	struct names names = {.text = BUF_INIT};
	size_t size = path->size;
	int rc = rootfs_list(fs, size ? BYTES(path->data, size) : BYTES_LIT("/"), add_name, &names);

	if (rc == 0)
		rc = sorted(&names, &list);
	else if (rc != -ENOMEM)
		rc = 0; /* not ours to read */
	for (size_t i = 0; rc == 0 && list && i < names.count; i++) {
		struct tkit_bytes name;
		struct stat st;

		path->size = size;
		buf_char(path, '/');
		buf_str(path, list[i]);
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
	buf_done(&names.text);
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
