// SPDX-License-Identifier: MIT
/* What is seen of a box from outside: whether something listens in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slim/box.h"
#include "util/cleanup.h"

/* A line of /proc/net/FILE that says so, from its second line on. */
static bool has_line(pid_t pid, const char *file, bool (*match)(const char *line))
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	char path[64];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, file);
	f = fopen(path, "re");
	if (!f || getline(&line, &room, f) < 0)
		return false;
	while (!found && getline(&line, &room, f) > 0)
		found = match(line);
	return found;
}

static bool tcp_listens(const char *line)
{
	char state[3];

	return sscanf(line, " %*s %*s %*s %2s", state) == 1 && strcmp(state, "0A") == 0;
}

static bool udp_bound(const char *line)
{
	char state[3];

	return sscanf(line, " %*s %*s %*s %2s", state) == 1 && strcmp(state, "07") == 0;
}

static bool unix_listens(const char *line)
{
	unsigned int flags;

	return sscanf(line, " %*s %*s %*s %x", &flags) == 1 && (flags & 0x10000);
}

bool box_listens(const struct box *box)
{
	pid_t pid = box->init.pid;

	return has_line(pid, "tcp", tcp_listens) || has_line(pid, "tcp6", tcp_listens) ||
	       has_line(pid, "udp", udp_bound) || has_line(pid, "udp6", udp_bound) ||
	       has_line(pid, "unix", unix_listens);
}
