// SPDX-License-Identifier: MIT
/* What lines of strace's have told that later ones need. */
#include "strace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void task_done(struct strace_task *task)
{
	free(task->cwd);
	free(task->args);
	*task = (struct strace_task){0};
}

void strace_free(struct strace *strace)
{
	if (!strace)
		return;
	for (uint32_t i = 0; i < strace->room; i++)
		task_done(&strace->tasks[i]);
	for (size_t i = 0; i < 3; i++)
		free(strace->text[i]);
	free(strace->tasks);
	free(strace->joined);
	free(strace);
}

struct strace *strace_state(struct import *import)
{
	struct strace *strace = import->strace;

	if (strace)
		return strace;
	strace = import->strace = calloc(1, sizeof(*strace));
	/* A short read leaves a weaker seed, never a wrong table. */
	if (strace && getrandom(&strace->seed, sizeof(strace->seed), GRND_NONBLOCK) < 0)
		strace->seed = (uint64_t)(uintptr_t)strace;
	return strace;
}

bool strace_room(struct strace *strace, size_t len)
{
	if (len + 1 <= strace->text_room)
		return true;
	for (size_t i = 0; i < 3; i++) {
		char *text = realloc(strace->text[i], len + 1);

		if (!text)
			return false;
		strace->text[i] = text;
	}
	strace->text_room = len + 1;
	return true;
}

/* Where the search for a pid starts. */
static uint32_t home(const struct strace *strace, int32_t pid)
{
	uint64_t hash = (uint64_t)(uint32_t)pid * (strace->seed | 1);

	return (uint32_t)(hash >> 32) & (strace->room - 1);
}

/* The pid's task, or the free one where it belongs. */
static struct strace_task *slot(const struct strace *strace, int32_t pid)
{
	uint32_t at = home(strace, pid);

	while (strace->tasks[at].used && strace->tasks[at].pid != pid)
		at = (at + 1) & (strace->room - 1);
	return &strace->tasks[at];
}

static struct strace_task *find(const struct strace *strace, int32_t pid)
{
	struct strace_task *task = strace->room ? slot(strace, pid) : NULL;

	return task && task->used ? task : NULL;
}

static bool grow(struct strace *strace)
{
	struct strace larger = *strace;

	larger.room = strace->room ? strace->room * 2 : 64;
	larger.tasks = larger.room ? calloc(larger.room, sizeof(*larger.tasks)) : NULL;
	if (!larger.tasks)
		return false;
	for (uint32_t i = 0; i < strace->room; i++)
		if (strace->tasks[i].used)
			*slot(&larger, strace->tasks[i].pid) = strace->tasks[i];
	free(strace->tasks);
	*strace = larger;
	return true;
}

/* The pid's task, made if need be. NULL: no memory. */
static struct strace_task *make(struct strace *strace, int32_t pid)
{
	struct strace_task *task = find(strace, pid);

	if (task)
		return task;
	if (strace->count >= strace->room / 2 && !grow(strace))
		return NULL;
	task = slot(strace, pid);
	*task = (struct strace_task){.pid = pid, .used = true};
	strace->count++;
	return task;
}

void strace_forget(struct strace *strace, int32_t pid)
{
	struct strace_task *task = find(strace, pid);
	uint32_t mask = strace->room - 1, hole;

	if (!task)
		return;
	task_done(task);
	strace->count--;
	/* Those behind it that it pushed on move back. */
	hole = (uint32_t)(task - strace->tasks);
	for (uint32_t at = (hole + 1) & mask; strace->tasks[at].used; at = (at + 1) & mask) {
		uint32_t want = home(strace, strace->tasks[at].pid);

		if (((at - want) & mask) >= ((at - hole) & mask)) {
			strace->tasks[hole] = strace->tasks[at];
			strace->tasks[at] = (struct strace_task){0};
			hole = at;
		}
	}
}

const char *strace_cwd(const struct strace *strace, int32_t pid)
{
	const struct strace_task *task = find(strace, pid);

	return task ? task->cwd : NULL;
}

void strace_set_cwd(struct strace *strace, int32_t pid, const char *path, size_t len)
{
	struct strace_task *task = path ? make(strace, pid) : find(strace, pid);
	char *copy = task && path ? strndup(path, len) : NULL;

	if (!task)
		return;
	free(task->cwd);
	task->cwd = copy;
}

int strace_keep(struct import *import, const struct strace_parts *parts)
{
	struct strace_task *task;
	char *args;

	if (parts->name_len >= sizeof(task->name))
		return LINE_BAD;
	task = make(import->strace, parts->pid);
	args = task ? strndup(parts->args, parts->args_len) : NULL;
	if (!args)
		return -ENOMEM;
	free(task->args);
	task->args = args;
	task->args_len = strlen(args); /* a NUL ends what there is of it */
	memcpy(task->name, parts->name, parts->name_len);
	task->name[parts->name_len] = '\0';
	return LINE_USED;
}

int strace_join(struct import *import, struct strace_parts *parts)
{
	struct strace *strace = import->strace;
	struct strace_task *task = find(strace, parts->pid);
	char *joined;

	if (!task || !task->args || strlen(task->name) != parts->name_len ||
	    memcmp(task->name, parts->name, parts->name_len) != 0)
		return LINE_BAD;
	joined = realloc(strace->joined, task->args_len + parts->args_len + 1);
	if (!joined)
		return -ENOMEM;
	strace->joined = joined;
	memcpy(joined, task->args, task->args_len);
	memcpy(joined + task->args_len, parts->args, parts->args_len);
	parts->args = joined;
	parts->args_len += task->args_len;
	free(task->args);
	task->args = NULL;
	return LINE_USED;
}
