// SPDX-License-Identifier: MIT
/* Who is in a control group, see cgroups(7). */
#include "fanotify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 64

/*
 * A path of /proc/PID/cgroup is that of the group or of one below it: as this is told in relation
 * to where the hierarchy is mounted, the directory ends in it.
 */
static bool is_within(const char *group, const char *path)
{
	size_t group_len = strlen(group), len = strlen(path);

	while (len > 1) {
		if (group_len > len && strncmp(group + group_len - len, path, len) == 0)
			return true;
		while (len > 0 && path[len - 1] != '/')
			len--;
		len -= len > 0;
	}
	return false;
}

int census_in_group(const char *group, pid_t pid)
{
	char name[64], *line = NULL;
	size_t room = 0;
	int found = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	file = fopen(name, "re");
	if (!file)
		return -errno;
	while (!found && getline(&line, &room, file) > 0) {
		char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (!path)
			continue;
		path[strcspn(path, "\n")] = '\0';
		found = is_within(group, path + 1);
	}
	free(line);
	fclose(file);
	return found;
}

static void visit(int fd, void (*fn)(struct family *family, pid_t pid), struct family *family,
		  int depth)
{
	int procs = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = procs < 0 ? NULL : fdopen(procs, "r");
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int pid;

	while (file && fscanf(file, "%d", &pid) == 1) // NOLINT(cert-err34-c): kernel's text
		if (pid > 0)
			fn(family, pid);
	if (file)
		fclose(file);
	else if (procs >= 0)
		close(procs);
	while (dir && depth < DEPTH_MAX && (entry = readdir(dir))) {
		int sub = entry->d_type != DT_DIR || entry->d_name[0] == '.'
				  ? -1
				  : openat(fd, entry->d_name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (sub >= 0)
			visit(sub, fn, family, depth + 1);
	}
	if (dir)
		closedir(dir);
	else
		close(fd);
}

void census_group(const char *group, void (*fn)(struct family *family, pid_t pid),
		  struct family *family)
{
	int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		visit(fd, fn, family, 0);
}
