/* SPDX-License-Identifier: MIT */
/* Small file trees in temporary directories, for tests that need a root file system. */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char dir[64];
};

/* Host path of `path` in the tree; static buffer, one at a time. */
static inline const char *tree_path(const struct tree *tree, const char *path)
{
	static char buf[4096];

	if (strlen(tree->dir) + strlen(path) >= sizeof(buf))
		abort();
	strcpy(buf, tree->dir);
	return strcat(buf, path);
}

static inline int tree_new(struct tree *tree)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(tree->dir, sizeof(tree->dir), "%.40s/tkit-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(tree->dir) && chmod(tree->dir, 0755) == 0 ? 0 : -1;
}

/* By way of the directories: there are paths that are longer than the kernel takes. */
static inline void tree_done(struct tree *tree)
{
	char *dirs[] = {tree->dir, NULL};
	FTS *fts = fts_open(dirs, FTS_PHYSICAL, NULL);
	FTSENT *entry;

	while (fts && (entry = fts_read(fts)))
		if (entry->fts_info != FTS_D)
			remove(entry->fts_accpath);
	if (fts)
		fts_close(fts);
}

static inline void tree_die_(const char *what)
{
	perror(what);
	abort();
}

/* Makes a directory and its parents, all 0755. */
static inline void tree_dir(const struct tree *tree, const char *path)
{
	char buf[4096];

	strcpy(buf, tree_path(tree, path));
	for (char *p = buf + strlen(tree->dir) + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(buf, 0755);
			*p = '/';
		}
	mkdir(buf, 0755);
	if (access(buf, F_OK) < 0)
		tree_die_(buf);
}

static inline void tree_parents_(const struct tree *tree, const char *path)
{
	char buf[4096] = "";
	const char *slash = strrchr(path, '/');

	if (slash && slash != path && (size_t)(slash - path) < sizeof(buf)) {
		memcpy(buf, path, (size_t)(slash - path));
		tree_dir(tree, buf);
	}
}

/* Makes a file (and its parents) with these bytes. */
static inline void tree_data(const struct tree *tree, const char *path, const void *data,
			     size_t size)
{
	int fd;

	tree_parents_(tree, path);
	fd = open(tree_path(tree, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		tree_die_(path);
	close(fd);
}

static inline void tree_file(const struct tree *tree, const char *path, const char *text)
{
	tree_data(tree, path, text, strlen(text));
}

/* Makes a symlink (and its parents). */
static inline void tree_link(const struct tree *tree, const char *target, const char *path)
{
	tree_parents_(tree, path);
	if (symlink(target, tree_path(tree, path)) < 0)
		tree_die_(path);
}

#endif
