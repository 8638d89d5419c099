// SPDX-License-Identifier: MIT
#include "enrich/package.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/enrich.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/log.h"

/* No distribution comes near it; a database of lies does, with a few bytes for each long name. */
#define LEFT_MOST (1ull << 30)

bool owners_spend(struct owners *owners, uint64_t bytes)
{
	if (bytes <= owners->left) {
		owners->left -= bytes;
		return true;
	}
	if (!owners->cut)
		log_warn("the package database is too large to be true: packages may be missing");
	owners->cut = true;
	owners->left = 0;
	return false;
}

void owners_free(struct owners *owners)
{
	if (!owners)
		return;
	intern_done(&owners->files);
	intern_done(&owners->folders);
	intern_done(&owners->texts);
	free(owners->owner_of);
	free(owners->folder_canon);
	free(owners->packages);
	free(owners);
}

static struct tkit_bytes keep(struct owners *owners, struct tkit_bytes text)
{
	uint32_t id = intern_add(&owners->texts, text, NULL);

	return id == INTERN_NONE ? BYTES("", 0) : intern_get(&owners->texts, id);
}

uint32_t owners_package(struct owners *owners, struct tkit_bytes name, struct tkit_bytes version,
			const char *manager)
{
	if (owners->count == owners->room) {
		uint32_t room = owners->room ? owners->room * 2 : 256;
		struct tkit_package *packages =
			reallocarray(owners->packages, room, sizeof(*packages));

		if (!packages)
			return OWNER_NONE;
		owners->packages = packages;
		owners->room = room;
	}
	owners->packages[owners->count] = (struct tkit_package){
		.name = keep(owners, name), .version = keep(owners, version), .manager = manager};
	owners->known = true;
	owners_spend(owners, sizeof(*owners->packages) + name.len + version.len);
	return owners->count++;
}

/* Room for entry `id`, the new ones filled with ones. */
static int grow(uint32_t **array, uint32_t *room, uint32_t id)
{
	uint32_t more = *room ? *room : 1024;
	uint32_t *larger;

	if (id < *room)
		return 0;
	while (more <= id)
		more *= 2;
	larger = reallocarray(*array, more, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	memset(larger + *room, 0xff, (more - *room) * sizeof(*larger));
	*array = larger;
	*room = more;
	return 0;
}

/* Where a folder of a database really is: /lib may be /usr/lib. Resolved once each. */
static int folder_of(struct owners *owners, struct tkit_bytes folder, struct tkit_bytes *ret)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct rootfs_walk walk = {0};
	uint32_t id = intern_add(&owners->folders, folder, NULL);

	if (id == INTERN_NONE || grow(&owners->folder_canon, &owners->folder_room, id) < 0)
		return -ENOMEM;
	if (owners->folder_canon[id] == UINT32_MAX) {
		int rc = rootfs_resolve(owners->fs, &walk, folder, &out);
		struct tkit_bytes real = rc < 0 ? folder : BYTES(out.data, out.size);

		if (rc == -ENOMEM)
			return rc;
		owners->folder_canon[id] = intern_add(&owners->texts, real, NULL);
		if (owners->folder_canon[id] == INTERN_NONE)
			return -ENOMEM;
		owners_spend(owners, folder.len + real.len);
	}
	*ret = intern_get(&owners->texts, owners->folder_canon[id]);
	return 0;
}

int owners_file(struct owners *owners, uint32_t package, struct tkit_bytes path)
{
	char name[PATH_MAX];
	struct tkit_bytes folder;
	size_t at, size;
	int rc, is_new;
	uint32_t id;

	while (path.len && (path.ptr[0] == '/' || path.ptr[0] == '.')) {
		/* "/.", "./x", "/x" */
		if (path.ptr[0] == '.' && path.len > 1 && path.ptr[1] != '/')
			break;
		path = BYTES(path.ptr + 1, path.len - 1);
	}
	if (!path.len || path.len + 2 > sizeof(name) || memchr(path.ptr, '\0', path.len) ||
	    owners->cut)
		return 0; /* the root, or no name at all */
	name[0] = '/';
	memcpy(name + 1, path.ptr, path.len);
	for (at = path.len; name[at] != '/';)
		at--;
	rc = folder_of(owners, at ? BYTES(name, at) : BYTES_LIT("/"), &folder);
	if (rc < 0)
		return rc;
	size = path.len + 1 - at;
	if (folder.len + size > sizeof(name))
		return 0;
	memmove(name + (folder.len > 1 ? folder.len : 0), name + at, size);
	if (folder.len > 1)
		memcpy(name, folder.ptr, folder.len);
	size += folder.len > 1 ? folder.len : 0;
	id = intern_add(&owners->files, BYTES(name, size), &is_new);
	if (id == INTERN_NONE || grow(&owners->owner_of, &owners->owner_room, id) < 0)
		return -ENOMEM;
	if (is_new)
		owners_spend(owners, size);
	if (owners->owner_of[id] == OWNER_NONE)
		owners->owner_of[id] = package;
	else if (owners->owner_of[id] != package)
		owners->owner_of[id] = OWNER_SHARED;
	return 0;
}

const struct tkit_package *owners_find(const struct owners *owners, struct tkit_bytes canonical)
{
	uint32_t id = intern_find(&owners->files, canonical);

	if (id == INTERN_NONE || owners->owner_of[id] >= owners->count)
		return NULL;
	return &owners->packages[owners->owner_of[id]];
}

int owners_read(struct owners *owners, const char *path, size_t most, struct buf *out)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {0};
	int rc = owners->cut ? -EFBIG : rootfs_resolve(owners->fs, &walk, bytes_str(path), &real);

	buf_clear(out);
	if (rc < 0)
		return rc;
	fd = tkit_rootfs_openfile(owners->fs, BYTES(real.data, real.size));
	if (fd < 0)
		return fd;
	for (;;) {
		char *at = buf_reserve(out, 65536);
		ssize_t n = at ? read(fd, at, 65536) : -1;

		if (!at)
			return -ENOMEM;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->size += (size_t)n;
		if (out->size > most || !owners_spend(owners, (uint64_t)n))
			return -EFBIG;
	}
}

int owners_new(struct tkit_rootfs *fs, struct owners **ret_owners, struct err *err)
{
	struct owners *owners = calloc(1, sizeof(*owners));
	int rc = owners ? 0 : -ENOMEM;

	if (owners) {
		owners->fs = fs;
		owners->left = LEFT_MOST;
		intern_init(&owners->files);
		intern_init(&owners->folders);
		intern_init(&owners->texts);
		rc = owners_dpkg(owners);
		if (rc >= 0)
			rc = owners_apk(owners);
		if (rc >= 0)
			rc = owners_rpm(owners);
	}
	if (rc < 0) {
		owners_free(owners);
		return err_sys(err, rc, "reading the package database");
	}
	*ret_owners = owners;
	return 0;
}

const struct tkit_package *tkit_model_owner(const struct tkit_model *model,
					    struct tkit_bytes canonical)
{
	return model->owners ? owners_find(model->owners, canonical) : NULL;
}

/* The canonical name, with a symlink in the last place followed or not. */
static const struct tkit_package *owner_of(struct tkit_model *m, const struct model_path *path)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct rootfs_walk walk = {0};

	if (rootfs_resolve(m->rootfs, &walk, path->pub.name, &out) < 0) {
		walk.nofollow = true;
		if (rootfs_resolve(m->rootfs, &walk, path->pub.name, &out) < 0)
			return owners_find(m->owners, path->pub.name);
	}
	return owners_find(m->owners, BYTES(out.data, out.size));
}

int enrich_packages(struct tkit_model *model, struct err *err)
{
	int rc;

	if (model->owners)
		model->owners_free(model->owners);
	model->owners = NULL;
	rc = owners_new(model->rootfs, &model->owners, err);
	if (rc < 0)
		return rc;
	model->owners_free = owners_free;
	for (uint32_t i = 0; model->owners->known && i < model->path_count; i++) {
		struct tkit_path *path = &model->paths[i].pub;
		const struct tkit_package *package = owner_of(model, &model->paths[i]);

		path->enriched |= TKIT_ENRICHED_PACKAGE;
		path->package = package ? package->name : BYTES("", 0);
		path->package_version = package ? package->version : BYTES("", 0);
	}
	return 0;
}
