// SPDX-License-Identifier: MIT
#include "session/held_name.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "session/inroot.h"
#include "util/cleanup.h"

#define DELETED " (deleted)"

static uint64_t device_of_memfd(unsigned int flags)
{
	_cleanup_close_ int fd = memfd_create("tkit", MFD_CLOEXEC | flags);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_dev : 0;
}

void held_scope_init(struct held_scope *scope, const struct tkit_target *target)
{
	char path[64] = "/proc/self/ns/mnt";
	struct stat st;

	*scope = (struct held_scope){.target = target};
	if (target->pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)target->pid);
	if (stat(path, &st) == 0)
		scope->mnt_ns = st.st_ino;
	if (target->root_fd >= 0 && fstat(target->root_fd, &st) == 0) {
		scope->root_dev = st.st_dev;
		scope->root_ino = st.st_ino;
	}
	scope->unnamed[0] = device_of_memfd(0);
	scope->unnamed[1] = device_of_memfd(MFD_HUGETLB);
}

struct identity identify(int at, const char *name, int flags)
{
	struct identity id = {0};
	struct statx stx;

	if (statx(at, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | flags,
		  STATX_TYPE | STATX_MODE | STATX_INO | STATX_NLINK, &stx) < 0)
		return id;
	id.known = id.full = true;
	id.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	id.ino = stx.stx_ino;
	id.mode = stx.stx_mode;
	id.links = stx.stx_nlink;
	return id;
}

static bool same_file(const struct identity *a, const struct identity *b)
{
	return a->known && b->known && a->dev == b->dev && a->ino == b->ino;
}

/* Whether the name leads to this very file, seen from the process or from here. */
static bool leads_to(int dir, const char *text, const struct identity *id)
{
	char path[PATH_MAX + 64];
	struct identity found = identify(AT_FDCWD, text, AT_SYMLINK_NOFOLLOW);

	if (same_file(&found, id))
		return true;
	snprintf(path, sizeof(path), "root%s", text);
	found = identify(dir, path, AT_SYMLINK_NOFOLLOW);
	return same_file(&found, id);
}

bool held_cut_deleted(int dir, char *text, size_t len, const struct identity *id)
{
	size_t rest = len - (sizeof(DELETED) - 1);

	if (len < sizeof(DELETED) || strcmp(text + rest, DELETED) != 0 ||
	    (!(id->full && !id->links) && leads_to(dir, text, id)))
		return false;
	text[rest] = '\0';
	return true;
}

bool held_is_unnamed(const struct held_scope *scope, const char *text, const struct identity *id)
{
	const uint64_t *unnamed = scope->unnamed;

	if (strcmp(text, "/[aio]" DELETED) == 0)
		return true;
	return id->known && id->dev && (id->dev == unnamed[0] || id->dev == unnamed[1]);
}

const char *held_inside(const struct held_scope *scope, bool foreign, const char *text,
			const struct identity *id)
{
	const char *path = tkit_target_path(scope->target, text);
	struct identity found;
	int fd;

	if (!path || !foreign)
		return path;
	fd = inroot_open(scope->target->root_fd, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	found = identify(fd, "", AT_EMPTY_PATH);
	close(fd);
	return same_file(&found, id) ? path : NULL;
}
