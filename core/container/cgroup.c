// SPDX-License-Identifier: MIT
/* From a process to the directory of its control group. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/procfs.h"

#define ID_LEN 64

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Where a component holds 64 hex digits and no 65th; NULL if it does not. */
static const char *digits_in(const char *part, size_t len)
{
	size_t run = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_hex(part[i])) {
			run++;
			continue;
		}
		if (run == ID_LEN)
			return part + i - ID_LEN;
		run = 0;
	}
	return NULL;
}

bool container_id_in_cgroup(const char *path, size_t *ret_path, char id[65])
{
	const char *part = path, *found = NULL;

	while (*part) {
		size_t len = strcspn(part, "/");
		const char *digits = digits_in(part, len);

		/* conmon's own group stands beside that of the container. */
		if (digits && strncmp(part, "libpod-conmon-", 14) != 0) {
			found = digits;
			*ret_path = (size_t)(part + len - path);
		}
		part += len;
		part += *part == '/';
	}
	if (!found)
		return false;
	memcpy(id, found, ID_LEN);
	id[ID_LEN] = '\0';
	return true;
}

/* "ID:CONTROLLERS:PATH", which is cut; the path may hold colons. False if it is none. */
static bool split_group(char *line, const char **ret_controllers, const char **ret_path)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path || path[1] != '/')
		return false;
	*path++ = '\0';
	*ret_controllers = controllers + 1;
	*ret_path = path;
	return true;
}

bool container_id_in_groups(char *groups, char id[65])
{
	const char *controllers, *path;
	size_t len;
	char *line;

	while ((line = strsep(&groups, "\n")))
		if (split_group(line, &controllers, &path) &&
		    container_id_in_cgroup(path, &len, id))
			return true;
	return false;
}

/* Whether it mounts the hierarchy of `controllers` ("" = v2) from its root. */
static bool is_hierarchy(const struct mountinfo *mount, const char *controllers)
{
	bool v2 = strcmp(mount->type, "cgroup2") == 0;
	char first[64];

	if ((!v2 && strcmp(mount->type, "cgroup") != 0) || strcmp(mount->root, "/") != 0 ||
	    v2 != (*controllers == '\0'))
		return false;
	/* "cpu,cpuacct" and "name=systemd" stand in the super block's options. */
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(controllers, ","), controllers);
	return v2 || mountinfo_has(mount->super, first);
}

/* Where it is mounted, a part of `mounts`, which is cut; NULL if it is not. */
static const char *find_hierarchy(char *mounts, const char *controllers)
{
	struct mountinfo mount;

	while (mountinfo_next(&mounts, &mount))
		if (is_hierarchy(&mount, controllers))
			return mount.point;
	return NULL;
}

/* Higher is better: v2, then v1 hierarchies that every runtime uses; 0 = of no use. */
static int rank(const char *controllers, const char *path)
{
	if (strcmp(path, "/") == 0 || strncmp(path, "/..", 3) == 0)
		return 0;
	if (!*controllers)
		return 4;
	if (mountinfo_has(controllers, "freezer"))
		return 3;
	if (mountinfo_has(controllers, "devices") || mountinfo_has(controllers, "pids"))
		return 2;
	return 1;
}

/* The best line of /proc/PID/cgroup. */
static int best_group(char *text, const char **ret_controllers, const char **ret_path)
{
	int best = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		const char *controllers, *path;
		int r;

		if (!split_group(line, &controllers, &path))
			continue;
		r = rank(controllers, path);
		if (r > best) {
			best = r;
			*ret_controllers = controllers;
			*ret_path = path;
		}
	}
	return best ? 0 : -ENOENT;
}

int container_cgroup_in(char *groups, char *mounts, char **ret_dir, struct err *err)
{
	const char *controllers = NULL, *path = NULL, *point;
	char id[65];
	size_t len;

	if (best_group(groups, &controllers, &path) < 0)
		return err_set(err, -ENOENT, "it is in no control group of its own");
	point = find_hierarchy(mounts, controllers);
	if (!point)
		return err_set(err, -ENOENT, "its control groups '%s' are not mounted here",
			       *controllers ? controllers : "v2");
	len = strlen(path);
	/* The container's group, not one that it has made below. */
	container_id_in_cgroup(path, &len, id);
	if (asprintf(ret_dir, "%s%.*s", point, (int)len, path) < 0)
		return err_sys(err, -ENOMEM, "naming its control group");
	return 0;
}

int container_cgroup_own(const char *like, char **ret_dir, struct err *err)
{
	_cleanup_free_ char *groups = NULL, *mounts = NULL;
	char *at, *line;
	int rc = procfs_text(getpid(), "cgroup", &groups);

	if (rc == 0)
		rc = procfs_text(getpid(), "mountinfo", &mounts);
	if (rc < 0 || !mounts)
		return err_sys(err, rc, "reading tkit's own control groups");
	at = groups;
	while ((line = strsep(&at, "\n"))) {
		_cleanup_free_ char *copy = strdup(mounts);
		const char *controllers, *path, *point;
		size_t len;

		if (!copy)
			return err_sys(err, -ENOMEM, "reading tkit's own control groups");
		if (!split_group(line, &controllers, &path) || strncmp(path, "/..", 3) == 0)
			continue;
		point = find_hierarchy(copy, controllers);
		len = point ? strlen(point) : 0;
		if (!point || strncmp(like, point, len) != 0 || like[len] != '/')
			continue;
		if (asprintf(ret_dir, "%s%s", point, path) < 0)
			return err_sys(err, -ENOMEM, "reading tkit's own control groups");
		return 0;
	}
	return err_set(err, -ENOENT, "tkit is in no control group beside %s", like);
}

int container_is_apart(const struct container *c, struct err *err)
{
	_cleanup_free_ char *own = NULL;

	if (container_cgroup_own(c->cgroup, &own, NULL) < 0 ||
	    !bytes_below(bytes_str(own), bytes_str(c->cgroup)))
		return 0;
	return err_set(err, -ENOENT,
		       "it is in no control group of its own, but in that of the engine, %s; "
		       "--backend seccomp_notify needs none",
		       c->cgroup);
}

int container_cgroup_dir(pid_t pid, char **ret_dir, struct err *err)
{
	_cleanup_free_ char *groups = NULL, *mounts = NULL;
	int rc = procfs_text(pid, "cgroup", &groups);

	if (rc == 0)
		rc = procfs_text(getpid(), "mountinfo", &mounts);
	if (rc < 0)
		return err_sys(err, rc, "process %d", (int)pid);
	rc = container_cgroup_in(groups, mounts, ret_dir, err);
	if (rc < 0)
		err_wrap(err, "process %d", (int)pid);
	return rc;
}
