// SPDX-License-Identifier: MIT
/* From a process to the directory of its control group. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/procfile.h"
#include "util/cleanup.h"

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

/* One mounted hierarchy. */
struct hierarchy {
	char point[4096];
	bool v2;
};

/* Octal escapes of mountinfo, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0' || p[n] == '\n'))
			return true;
	return false;
}

/*
 * Takes a line of mountinfo apart: "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG...] - TYPE SOURCE
 * SUPER". Returns whether it mounts the hierarchy of `controllers` ("" = v2) from its root.
 */
static bool is_hierarchy(char *line, const char *controllers, struct hierarchy *ret)
{
	char *tail = strstr(line, " - "), *field[5], *at = line;
	const char *type, *super;
	bool v2;

	if (!tail)
		return false;
	*tail = '\0';
	for (size_t i = 0; i < 5; i++) {
		field[i] = strsep(&at, " ");
		if (!field[i])
			return false;
	}
	tail += 3;
	type = strsep(&tail, " ");
	strsep(&tail, " "); /* source */
	super = tail ? tail : "";
	v2 = strcmp(type, "cgroup2") == 0;
	if ((!v2 && strcmp(type, "cgroup") != 0) || strcmp(field[3], "/") != 0)
		return false;
	if (v2 != (*controllers == '\0'))
		return false;
	if (!v2) {
		char first[64];

		/* "cpu,cpuacct" and "name=systemd" stand in the super block's options. */
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(controllers, ","), controllers);
		if (!has_word(super, first))
			return false;
	}
	unescape(field[4]);
	ret->v2 = v2;
	snprintf(ret->point, sizeof(ret->point), "%s", field[4]);
	return true;
}

static bool find_hierarchy(char *mounts, const char *controllers, struct hierarchy *ret)
{
	char *line;

	while ((line = strsep(&mounts, "\n")))
		if (is_hierarchy(line, controllers, ret))
			return true;
	return false;
}

/* Higher is better: v2, then v1 hierarchies that every runtime uses; 0 = of no use. */
static int rank(const char *controllers, const char *path)
{
	if (strcmp(path, "/") == 0 || strncmp(path, "/..", 3) == 0)
		return 0;
	if (!*controllers)
		return 4;
	if (has_word(controllers, "freezer"))
		return 3;
	if (has_word(controllers, "devices") || has_word(controllers, "pids"))
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
	const char *controllers = NULL, *path = NULL;
	struct hierarchy hierarchy;
	char id[65];
	size_t len;

	if (best_group(groups, &controllers, &path) < 0)
		return err_set(err, -ENOENT, "it is in no control group of its own");
	if (!find_hierarchy(mounts, controllers, &hierarchy))
		return err_set(err, -ENOENT, "its control groups '%s' are not mounted here",
			       *controllers ? controllers : "v2");
	len = strlen(path);
	/* The container's group, not one that it has made below. */
	container_id_in_cgroup(path, &len, id);
	if (asprintf(ret_dir, "%s%.*s", hierarchy.point, (int)len, path) < 0)
		return err_sys(err, -ENOMEM, "naming its control group");
	return 0;
}

int container_cgroup_own(const char *like, char **ret_dir, struct err *err)
{
	_cleanup_free_ char *groups = NULL, *mounts = NULL;
	char *at, *line;
	int rc = procfile_read(getpid(), "cgroup", &groups);

	if (rc == 0)
		rc = procfile_read(getpid(), "mountinfo", &mounts);
	if (rc < 0 || !mounts)
		return err_sys(err, rc, "reading tkit's own control groups");
	at = groups;
	while ((line = strsep(&at, "\n"))) {
		const char *controllers, *path;
		struct hierarchy hierarchy;
		size_t len;

		_cleanup_free_ char *copy = strdup(mounts);

		if (!copy)
			return err_sys(err, -ENOMEM, "reading tkit's own control groups");
		if (!split_group(line, &controllers, &path) || strncmp(path, "/..", 3) == 0 ||
		    !find_hierarchy(copy, controllers, &hierarchy))
			continue;
		len = strlen(hierarchy.point);
		if (strncmp(like, hierarchy.point, len) != 0 || like[len] != '/')
			continue;
		if (asprintf(ret_dir, "%s%s", hierarchy.point, path) < 0)
			return err_sys(err, -ENOMEM, "reading tkit's own control groups");
		return 0;
	}
	return err_set(err, -ENOENT, "tkit is in no control group beside %s", like);
}

int container_cgroup_dir(pid_t pid, char **ret_dir, struct err *err)
{
	_cleanup_free_ char *groups = NULL, *mounts = NULL;
	int rc = procfile_read(pid, "cgroup", &groups);

	if (rc == 0)
		rc = procfile_read(getpid(), "mountinfo", &mounts);
	if (rc < 0)
		return err_sys(err, rc, "process %d", (int)pid);
	rc = container_cgroup_in(groups, mounts, ret_dir, err);
	if (rc < 0)
		err_wrap(err, "process %d", (int)pid);
	return rc;
}
