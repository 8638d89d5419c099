// SPDX-License-Identifier: MIT
#include "bench/settle.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/procfs.h"

#define MS 1000000ull
#define S  (1000 * MS)

#define SETTLE_LEAST  (500 * MS)
#define SETTLE_QUIET  (300 * MS)
#define SETTLE_ENOUGH (2 * S)
#define SETTLE_MOST   (10 * S)

/* CPU time of a process so far, in ticks. */
static uint64_t ticks_of(pid_t pid)
{
	unsigned long long user = 0, system = 0;
	_cleanup_free_ char *text = NULL;
	const char *at;

	if (procfs_text(pid, "stat", &text) < 0)
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			  &system) != 2)
		return 0;
	return user + system;
}

/* How many descriptors a process has; 0 if it cannot be known. */
static size_t descriptors_of(pid_t pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return n;
}

/* How long the value has been the same. */
static uint64_t steady_for(struct settle_value *steady, uint64_t value, uint64_t now)
{
	if (steady->value != value)
		*steady = (struct settle_value){value, now};
	return now - steady->since;
}

bool settle_done(struct settle *state, pid_t pid, uint64_t now)
{
	uint64_t cpu_for, files_for;

	if (!state->begin)
		*state = (struct settle){now, {0, now}, {0, now}};
	cpu_for = steady_for(&state->cpu, ticks_of(pid), now);
	files_for = steady_for(&state->files, descriptors_of(pid), now);
	if (now - state->begin > SETTLE_MOST)
		return true;
	return now - state->begin > SETTLE_LEAST && files_for > SETTLE_QUIET &&
	       (cpu_for > SETTLE_QUIET || files_for > SETTLE_ENOUGH);
}
