// SPDX-License-Identifier: MIT
/*
 * Files of another mount namespace. What /proc/PID/fd/N shows is a path there; where the file is
 * in the target's root is told by the mount that it was reached through: mountinfo (proc(5)) has
 * which directory of which file system is mounted where.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace.h"

/* A mount: directory `root` of file system `dev` is at `point`. */
struct pt_mount {
	unsigned int major, minor;
	char root[PATH_MAX];
	char point[PATH_MAX];
};

/* Octal escapes of mountinfo. -ENAMETOOLONG if it does not fit. */
static int unescape(const char *text, size_t len, char out[PATH_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (n == PATH_MAX - 1)
			return -ENAMETOOLONG;
		if (text[i] == '\\' && len - i > 3) {
			out[n++] = (char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
					  (text[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = '\0';
	return 0;
}

/* "ID PARENT MAJOR:MINOR ROOT POINT ..." of that id. */
static int read_line(const char *line, uint64_t id, struct pt_mount *ret)
{
	unsigned long long number;
	const char *root, *point;
	int at = 0;

	if (sscanf(line, "%llu %*u %u:%u %n", &number, &ret->major, &ret->minor, &at) < 3 || !at ||
	    number != id)
		return -ENOENT;
	root = line + at;
	point = strchr(root, ' ');
	if (!point)
		return -ENOENT;
	if (unescape(root, (size_t)(point - root), ret->root) < 0)
		return -ENAMETOOLONG;
	point++;
	return unescape(point, strcspn(point, " \n"), ret->point);
}

static int find_mount(const char *table, uint64_t id, struct pt_mount *ret)
{
	FILE *f = fopen(table, "re");
	char *line = NULL;
	size_t room = 0;
	int rc = -ENOENT;

	if (!f)
		return -errno;
	while (rc == -ENOENT && getline(&line, &room, f) > 0)
		rc = read_line(line, id, ret);
	free(line);
	fclose(f);
	return rc;
}

static int mount_id(int dir_fd, const char *path, uint64_t *ret)
{
	struct statx stx;
	int flags = *path ? 0 : AT_EMPTY_PATH;

	if (statx(dir_fd, path, flags, STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID)) /* before Linux 5.8 */
		return -ENOSYS;
	*ret = stx.stx_mnt_id;
	return 0;
}

/* `path` below `dir`: what follows, with its slash, or "". NULL if it is not. */
static const char *below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len && dir[len - 1] == '/')
		len--;
	if (strncmp(path, dir, len) != 0)
		return NULL;
	return path[len] == '/' || !path[len] ? path + len : NULL;
}

/* Where `path`, which lies on the mount, is in its file system. */
static int path_in_fs(const struct pt_mount *mount, const char *path, char out[PATH_MAX])
{
	const char *rest = below(path, mount->point);
	const char *root = strcmp(mount->root, "/") == 0 ? "" : mount->root;
	int n;

	if (!rest)
		return -ENOENT;
	if (strcmp(rest, "/") == 0)
		rest = "";
	n = snprintf(out, PATH_MAX, "%s%s", root, rest);
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!n)
		memcpy(out, "/", 2);
	return 0;
}

static int target_place(struct pt *pt, struct pt_mount *mount, char in_fs[PATH_MAX])
{
	uint64_t id = 0;
	int rc = mount_id(pt->target->root_fd, "", &id);

	if (rc == 0)
		rc = find_mount("/proc/self/mountinfo", id, mount);
	return rc == 0 ? path_in_fs(mount, pt->target->root, in_fs) : rc;
}

int pt_translate(struct pt *pt, const struct pt_tracee *t, const char *link, char path[PATH_MAX])
{
	struct {
		struct pt_mount there, here;
		char file[PATH_MAX], root[PATH_MAX];
	} *w = malloc(sizeof(*w));
	const char *rest = NULL;
	char table[64];
	uint64_t id = 0;
	int rc;

	if (!w)
		return -ENOMEM;
	snprintf(table, sizeof(table), "/proc/%d/mountinfo", t->tid);
	rc = mount_id(AT_FDCWD, link, &id);
	if (rc == 0)
		rc = find_mount(table, id, &w->there);
	if (rc == 0)
		rc = path_in_fs(&w->there, path, w->file);
	if (rc == 0)
		rc = target_place(pt, &w->here, w->root);
	if (rc == 0 && (w->there.major != w->here.major || w->there.minor != w->here.minor))
		rc = -EXDEV;
	if (rc == 0)
		rest = below(w->file, w->root);
	if (rc == 0 && !rest)
		rc = -ENOENT;
	if (rc == 0)
		snprintf(path, PATH_MAX, "%s", *rest ? rest : "/");
	free(w);
	return rc;
}
