// SPDX-License-Identifier: MIT
/*
 * Names of files that are known by device and inode only. A name is believed if the file
 * that it leads to has that device and inode, and no other name (directories have none). It is
 * the name of now: a directory that was renamed since the call has its new one.
 */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRS_MAX 16384 /* power of two; the table is emptied when it is half full */

struct entry {
	uint64_t dev, ino;
	char *path; /* NULL: free */
};

struct dirs {
	const struct tkit_target *target;
	struct entry *entries;
	size_t count;
};

int dirs_new(struct tkit_ctx *ctx, const struct tkit_target *target, struct dirs **ret_dirs)
{
	struct dirs *dirs = calloc(1, sizeof(*dirs));

	if (dirs)
		dirs->entries = calloc(DIRS_MAX, sizeof(*dirs->entries));
	if (!dirs || !dirs->entries) {
		free(dirs);
		return tkit_fail(ctx, -ENOMEM, "table of directories");
	}
	dirs->target = target;
	*ret_dirs = dirs;
	return 0;
}

static void empty(struct dirs *dirs)
{
	for (size_t i = 0; dirs->count && i < DIRS_MAX; i++) {
		free(dirs->entries[i].path);
		dirs->entries[i].path = NULL;
	}
	dirs->count = 0;
}

void dirs_free(struct dirs *dirs)
{
	if (!dirs)
		return;
	empty(dirs);
	free(dirs->entries);
	free(dirs);
}

static struct entry *slot_of(struct dirs *dirs, const struct file_id *id)
{
	size_t i = (size_t)((id->ino * 0x9e3779b97f4a7c15ull ^ id->dev) >> 40);

	for (;; i++) {
		struct entry *entry = &dirs->entries[i % DIRS_MAX];

		if (!entry->path || (entry->dev == id->dev && entry->ino == id->ino))
			return entry;
	}
}

static const char *add(struct dirs *dirs, const struct file_id *id, const char *path)
{
	struct entry *entry;
	char *copy = strdup(path);

	if (!copy)
		return NULL;
	if (dirs->count >= DIRS_MAX / 2)
		empty(dirs);
	entry = slot_of(dirs, id);
	dirs->count += entry->path == NULL;
	free(entry->path);
	*entry = (struct entry){.dev = id->dev, .ino = id->ino, .path = copy};
	return copy;
}

static bool has_one_name(const struct stat *st)
{
	return S_ISDIR(st->st_mode) || st->st_nlink == 1;
}

/* What a link of /proc leads to, as a path in the target's root; NULL if it is not `id`. */
static const char *by_link(struct dirs *dirs, const struct file_id *id, const char *link)
{
	char path[PATH_MAX + 16];
	const char *inside;
	struct stat st, now;
	ssize_t n;

	if (stat(link, &st) < 0 || (id && (st.st_dev != id->dev || st.st_ino != id->ino)) ||
	    !has_one_name(&st))
		return NULL;
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	inside = tkit_target_path(dirs->target, path);
	/* " (deleted)", or a name in another mount namespace: not what this leads to here */
	if (!inside || lstat(path, &now) < 0 || now.st_dev != st.st_dev || now.st_ino != st.st_ino)
		return NULL;
	return add(dirs, &(struct file_id){.dev = st.st_dev, .ino = st.st_ino}, inside);
}

const char *dirs_name(struct dirs *dirs, const struct file_id *id, const char *link)
{
	struct entry *entry = slot_of(dirs, id);

	if (entry->path)
		return entry->path;
	return link ? by_link(dirs, id, link) : NULL;
}

void dirs_learn(struct dirs *dirs, const char *path, size_t len)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char name[PATH_MAX], link[64];
	int fd;

	if (len == 0 || len >= sizeof(name))
		return;
	memcpy(name, path, len);
	name[len] = '\0';
	fd = (int)syscall(SYS_openat2, dirs->target->root_fd, name, &how, sizeof(how));
	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	by_link(dirs, NULL, link);
	close(fd);
}

void dirs_forget(struct dirs *dirs, const char *path, size_t len)
{
	bool any = false;

	for (size_t i = 0; i < DIRS_MAX && !any; i++) {
		const char *name = dirs->entries[i].path;

		any = name && !strncmp(name, path, len) && (name[len] == '/' || name[len] == '\0');
	}
	/* Open addressing has no cheap removal, and directories are seldom moved. */
	if (any)
		empty(dirs);
}
