// SPDX-License-Identifier: MIT
/* What lines of strace's have told that later ones need. */
#include "strace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void strace_free(struct strace *strace)
{
	if (!strace)
		return;
	for (size_t i = 0; i < strace->pending_count; i++)
		free(strace->pending[i].args);
	for (size_t i = 0; i < strace->cwd_count; i++)
		free(strace->cwds[i].path);
	for (size_t i = 0; i < 3; i++)
		free(strace->text[i]);
	free(strace->pending);
	free(strace->cwds);
	free(strace->joined);
	free(strace);
}

struct strace *strace_state(struct import *import)
{
	if (!import->strace)
		import->strace = calloc(1, sizeof(*import->strace));
	return import->strace;
}

bool strace_room(struct strace *strace, size_t len)
{
	if (len + 1 <= strace->room)
		return true;
	for (size_t i = 0; i < 3; i++) {
		char *text = realloc(strace->text[i], len + 1);

		if (!text)
			return false;
		strace->text[i] = text;
	}
	strace->room = len + 1;
	return true;
}

struct strace_cwd *strace_cwd(struct strace *strace, int32_t pid, bool make)
{
	struct strace_cwd *cwds;

	for (size_t i = 0; i < strace->cwd_count; i++)
		if (strace->cwds[i].pid == pid)
			return &strace->cwds[i];
	if (!make)
		return NULL;
	cwds = realloc(strace->cwds, (strace->cwd_count + 1) * sizeof(*cwds));
	if (!cwds)
		return NULL;
	strace->cwds = cwds;
	cwds[strace->cwd_count] = (struct strace_cwd){.pid = pid};
	return &cwds[strace->cwd_count++];
}

void strace_set_cwd(struct strace *strace, int32_t pid, const char *path, size_t len)
{
	struct strace_cwd *cwd = strace_cwd(strace, pid, true);
	char *copy = cwd && path ? strndup(path, len) : NULL;

	if (!cwd)
		return;
	free(cwd->path);
	cwd->path = copy;
}

int strace_keep(struct import *import, const struct strace_parts *parts)
{
	struct strace *strace = import->strace;
	struct strace_pending *slot = NULL;

	for (size_t i = 0; i < strace->pending_count && !slot; i++)
		if (strace->pending[i].pid == 0)
			slot = &strace->pending[i];
	if (!slot) {
		struct strace_pending *more =
			realloc(strace->pending, (strace->pending_count + 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		strace->pending = more;
		slot = &more[strace->pending_count++];
		memset(slot, 0, sizeof(*slot));
	}
	if (parts->name_len >= sizeof(slot->name))
		return LINE_BAD;
	free(slot->args); /* a line without a pid leaves its slot free */
	slot->args = strndup(parts->args, parts->args_len);
	if (!slot->args)
		return -ENOMEM;
	slot->args_len = parts->args_len;
	slot->pid = parts->pid;
	memcpy(slot->name, parts->name, parts->name_len);
	slot->name[parts->name_len] = '\0';
	return LINE_USED;
}

int strace_join(struct import *import, struct strace_parts *parts)
{
	struct strace *strace = import->strace;

	for (size_t i = 0; i < strace->pending_count; i++) {
		struct strace_pending *slot = &strace->pending[i];
		char *joined;

		if (slot->pid != parts->pid || strlen(slot->name) != parts->name_len ||
		    memcmp(slot->name, parts->name, parts->name_len) != 0)
			continue;
		joined = realloc(strace->joined, slot->args_len + parts->args_len + 1);
		if (!joined)
			return -ENOMEM;
		strace->joined = joined;
		memcpy(joined, slot->args, slot->args_len);
		memcpy(joined + slot->args_len, parts->args, parts->args_len);
		parts->args = joined;
		parts->args_len += slot->args_len;
		slot->pid = 0;
		free(slot->args);
		slot->args = NULL;
		return LINE_USED;
	}
	return LINE_BAD;
}
