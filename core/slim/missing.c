// SPDX-License-Identifier: MIT
#include "slim/missing.h"

#include <errno.h>
#include <limits.h>

#include <tkit/image.h>

#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

void missing_init(struct missing *missing)
{
	*missing = (struct missing){0};
	intern_init(&missing->names);
}

void missing_done(struct missing *missing)
{
	intern_done(&missing->names);
}

const char *missing_name(const struct missing *missing, size_t i)
{
	return i < missing->names.count ? intern_get(&missing->names, (uint32_t)i).ptr : NULL;
}

/* What a runtime mounts, and no image holds. */
static bool runtime_path(struct tkit_bytes path)
{
	return bytes_below(path, BYTES_LIT("/proc")) || bytes_below(path, BYTES_LIT("/sys")) ||
	       bytes_below(path, BYTES_LIT("/dev")) || bytes_is(path, "/etc/hosts") ||
	       bytes_is(path, "/etc/hostname") || bytes_is(path, "/etc/resolv.conf");
}

/* How far the path leads: 2 = to a file, 1 = to a link that leads nowhere, 0 = to nothing. */
static int leads(struct tkit_rootfs *fs, struct tkit_bytes path)
{
	char real[PATH_MAX];

	if (tkit_rootfs_resolve(fs, path, 0, real, sizeof(real), NULL, NULL) >= 0)
		return 2;
	return tkit_rootfs_resolve(fs, path, 1, real, sizeof(real), NULL, NULL) >= 0;
}

static int add(struct missing *missing, struct tkit_bytes name, bool seen)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int added;

	buf_add(&text, name.ptr, name.len);
	buf_char(&text, '\0'); /* part of the name, so that it can be taken as a string */
	if (text.failed ||
	    intern_add(&missing->names, BYTES(text.data, text.size), &added) == INTERN_NONE)
		return -ENOMEM;
	if (added && !seen)
		missing->unseen++;
	return 0;
}

static bool looked_in_vain(const struct tkit_model *model, const struct tkit_path *path)
{
	const struct tkit_access *access;

	for (size_t i = 0; (access = tkit_model_access(model, path, i)); i++)
		if (access->err == ENOENT || access->err == ENOTDIR)
			return true;
	return false;
}

/* Was there before the run, and was used. */
static bool used(const struct tkit_model *model, const struct tkit_path *path)
{
	if (!(path->state & TKIT_PATH_SUCCEEDED) ||
	    (path->state & TKIT_PATH_CREATED && !(path->state & TKIT_PATH_EXISTED)))
		return false;
	return !tkit_model_created(model, path->name);
}

int missing_from_run(const struct tkit_model *before, const struct tkit_model *after,
		     struct tkit_rootfs *source, struct tkit_rootfs *image, struct missing *missing)
{
	const struct tkit_path *path;

	for (size_t i = 0; (path = tkit_model_path(after, i)); i++) {
		const struct tkit_path *known;
		int rc, expected;

		if (!(path->state & TKIT_PATH_FAILED) || runtime_path(path->name) ||
		    memchr(path->name.ptr, '\0', path->name.len) || !looked_in_vain(after, path))
			continue;
		known = tkit_model_find(before, path->name);
		expected = source ? leads(source, path->name) : known && used(before, known);
		if (leads(image, path->name) >= expected)
			continue;
		rc = add(missing, path->name, known && known->state & TKIT_PATH_SUCCEEDED);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int missing_from_image(const struct tkit_model *before, struct tkit_rootfs *source,
		       struct tkit_rootfs *image, struct missing *missing)
{
	const struct tkit_path *path;

	for (size_t i = 0; (path = tkit_model_path(before, i)); i++) {
		int rc;

		if (!used(before, path) || runtime_path(path->name) ||
		    memchr(path->name.ptr, '\0', path->name.len) ||
		    leads(image, path->name) >= (source ? leads(source, path->name) : 1))
			continue;
		rc = add(missing, path->name, true);
		if (rc < 0)
			return rc;
	}
	return 0;
}
