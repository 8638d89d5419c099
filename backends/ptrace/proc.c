// SPDX-License-Identifier: MIT
/* What /proc says of a thread. */
#include "ptrace.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number after `key` in /proc/TID/status; `none` if it is not there. */
long pt_status(pid_t tid, const char *key, long none)
{
	char path[64], line[256];
	long value = none;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0) {
			value = strtol(line + strlen(key), NULL, 10);
			break;
		}
	if (f)
		fclose(f);
	return value;
}

/* Is it traced by this thread, whether by an attach or from its birth on? */
bool pt_is_ours(pid_t tid)
{
	return pt_status(tid, "TracerPid:", 0) == syscall(SYS_gettid);
}

/* State letter of /proc/TID/stat with the parent in *ret_parent; 'X' if it is gone. */
char pt_state(pid_t tid, pid_t *ret_parent)
{
	char path[64], stat[512];
	const char *end;
	size_t n = 0;
	FILE *f;

	*ret_parent = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "re");
	if (f) {
		n = fread(stat, 1, sizeof(stat) - 1, f);
		fclose(f);
	}
	stat[n] = 0;
	end = strrchr(stat, ')'); /* a name may hold anything */
	if (!end || strlen(end) <= 4)
		return 'X';
	*ret_parent = (pid_t)strtol(end + 4, NULL, 10);
	return end[2];
}

/* Calls fn with what each descriptor is a link to, until it returns true. */
bool pt_each_fd(pid_t pid, bool (*fn)(void *arg, int fd, const char *target), void *arg)
{
	char path[64], target[64];
	bool found = false;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = 0;
		found = fn(arg, (int)strtol(e->d_name, NULL, 10), target);
	}
	if (dir)
		closedir(dir);
	return found;
}
