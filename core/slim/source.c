// SPDX-License-Identifier: MIT
#include "slim/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "plugin/ctx.h"
#include "rootfs/rootfs.h"
#include "slim/storage.h"
#include "slim/unpack.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/intern.h"

#define DEPTH_MAX 512

static const char *const prefixes[] = {
	"dir:", "tar:", "docker-archive:", "oci-archive:", "oci:", "docker:", "podman:", NULL};

static bool in_path(const char *name)
{
	const char *dirs = getenv("PATH");

	while (dirs && *dirs) {
		int len = (int)strcspn(dirs, ":");
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%.*s/%s", len, dirs, name);
		if (len && access(path, X_OK) == 0)
			return true;
		dirs += len;
		dirs += *dirs == ':';
	}
	return false;
}

char *slim_source_name(const char *word, const char *engine)
{
	char *name;

	for (size_t i = 0; prefixes[i]; i++)
		if (strncmp(word, prefixes[i], strlen(prefixes[i])) == 0)
			return strdup(word);
	if (!engine && access(word, F_OK) == 0)
		return strdup(word);
	if (!engine)
		engine = !in_path("docker") && in_path("podman") ? "podman" : "docker";
	return asprintf(&name, "%s:%s", engine, word) < 0 ? NULL : name;
}

/* Below our own directory no byte of its name means anything to overlay. */
static int mount_dir(const char *source, const char *point, struct err *err)
{
	if (strncmp(source, "dir:", 4) == 0)
		source += 4;
	if (mount(source, point, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, -errno, "mounting %s", source);
	return 0;
}

static int unpack_to(struct tkit_rootfs *rootfs, const char *point, struct err *err)
{
	_cleanup_close_ int fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, -errno, "opening %s", point) : unpack(rootfs, fd, err);
}

/* 1 = it is open; 0 = it is not in an engine's storage here. */
static int open_stored(struct proc_set *procs, const char *source, struct slim_source *ret,
		       struct tkit_ctx *ctx, struct err *err)
{
	int rc;

	if (strncmp(source, "docker:", 7) != 0)
		return 0;
	rc = storage_mount(procs, source + 7, ret->lower, &ret->own);
	if (rc < 0)
		return err_set(err, rc, "interrupted");
	if (rc == 0)
		return 0;
	ret->config = imgconfig_get(ret->own);
	rc = tkit_rootfs_open_dir(ctx, ret->lower, &ret->rootfs);
	return rc < 0 ? err_set(err, rc, "%s", err_text(&ctx->err)) : 1;
}

static int open_any(const char *source, struct slim_source *ret, struct tkit_ctx *ctx,
		    struct err *err)
{
	int rc = tkit_rootfs_open(ctx, source, NULL, &ret->rootfs);

	if (rc < 0)
		return err_set(err, rc, "%s", err_text(&ctx->err));
	ret->config = tkit_rootfs_config(ret->rootfs);
	return ret->rootfs->ops->config ? unpack_to(ret->rootfs, ret->lower, err)
					: mount_dir(source, ret->lower, err);
}

int slim_source_open(const struct workdir *dir, struct proc_set *procs, const char *name,
		     const char *source, struct slim_source *ret, struct err *err)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	int rc;

	*ret = (struct slim_source){0};
	ret->lower = workdir_path(dir, name, 0700, err);
	if (!ret->lower)
		return err->rc;
	rc = open_stored(procs, source, ret, &ctx, err);
	if (rc == 0)
		rc = open_any(source, ret, &ctx, err);
	ctx_done(&ctx);
	return rc < 0 ? rc : 0;
}

void slim_source_done(struct slim_source *source)
{
	if (!source->borrowed)
		tkit_rootfs_free(source->rootfs);
	if (source->lower)
		umount2(source->lower, MNT_DETACH | UMOUNT_NOFOLLOW);
	free(source->lower);
	imgconfig_free(source->own);
	*source = (struct slim_source){0};
}

/* ---- size ---- */

struct count {
	struct tkit_rootfs *fs;
	struct intern links;
	struct buf path;
	unsigned int depth;
	size_t entries;
	uint64_t bytes;
};

static int count_entry(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct count *c = arg;
	size_t before = c->path.size;
	struct stat st;
	int rc, added = 1;

	(void)type;
	if (before > 1)
		buf_char(&c->path, '/');
	buf_add(&c->path, name.ptr, name.len);
	rc = c->path.failed ? -ENOMEM
			    : c->fs->ops->lstat(c->fs, BYTES(c->path.data, c->path.size), &st);
	if (rc == 0) {
		uint64_t key[2] = {st.st_dev, st.st_ino};

		c->entries++;
		if (S_ISREG(st.st_mode) && st.st_nlink > 1)
			intern_add(&c->links, BYTES((const char *)key, sizeof(key)), &added);
		if (S_ISREG(st.st_mode) && added)
			c->bytes += (uint64_t)st.st_size;
		if (S_ISDIR(st.st_mode) && c->depth < DEPTH_MAX) {
			c->depth++;
			rc = rootfs_list(c->fs, BYTES(c->path.data, c->path.size), count_entry, c);
			c->depth--;
		}
	}
	c->path.size = before;
	return rc;
}

int slim_source_size(struct tkit_rootfs *rootfs, size_t *ret_count, uint64_t *ret_bytes)
{
	struct count c = {.fs = rootfs};
	int rc;

	intern_init(&c.links);
	buf_char(&c.path, '/');
	rc = c.path.failed ? -ENOMEM : rootfs_list(rootfs, BYTES_LIT("/"), count_entry, &c);
	*ret_count = c.entries + 1;
	*ret_bytes = c.bytes;
	intern_done(&c.links);
	buf_done(&c.path);
	return rc;
}
