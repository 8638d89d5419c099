// SPDX-License-Identifier: MIT
#include "session/entry.h"

#include <errno.h>
#include <stdlib.h>

#define PID_LIMIT (4u << 20) /* the kernel's PID_MAX_LIMIT */

int entry_init(struct entry *entry)
{
	*entry = (struct entry){0};
	/* Mostly untouched, so mostly not there. */
	entry->inside = calloc(PID_LIMIT / 64, sizeof(*entry->inside));
	return entry->inside ? 0 : -ENOMEM;
}

void entry_done(struct entry *entry)
{
	free(entry->inside);
	entry->inside = NULL;
}

static bool valid(pid_t pid)
{
	return pid > 0 && (unsigned int)pid < PID_LIMIT;
}

static bool has(const struct entry *entry, pid_t pid)
{
	return valid(pid) && entry->inside[(unsigned int)pid / 64] >> ((unsigned int)pid % 64) & 1;
}

void entry_add(struct entry *entry, pid_t pid)
{
	if (entry->inside && valid(pid))
		entry->inside[(unsigned int)pid / 64] |= 1ull << ((unsigned int)pid % 64);
}

static void leave(struct entry *entry, pid_t pid)
{
	if (valid(pid))
		entry->inside[(unsigned int)pid / 64] &= ~(1ull << ((unsigned int)pid % 64));
}

/* Runs a program of the container's file system, not the runtime's own binary. */
static bool runs_inside(const struct tkit_event *event)
{
	return !(event->pflags & TKIT_P_OUTSIDE_ROOT) &&
	       (event->valid & (TKIT_V_EXE | TKIT_V_RESOLVED));
}

static bool judge(struct entry *entry, const struct tkit_event *event)
{
	switch (event->type) {
	case TKIT_EVENT_FORK:
		if (!(event->valid & TKIT_V_PPID) || has(entry, event->ppid))
			entry_add(entry, event->pid);
		break;
	case TKIT_EVENT_EXEC:
		if (runs_inside(event))
			entry_add(entry, event->pid);
		break;
	case TKIT_EVENT_EXIT:
		if (!has(entry, event->pid))
			return false;
		leave(entry, event->pid);
		return true;
	default:
		break;
	}
	return has(entry, event->pid) || entry->lossy;
}

bool entry_passes(struct entry *entry, const struct tkit_event *event)
{
	bool passes;

	/* What was lost can have been the exec by which some process entered. */
	if (event->type == TKIT_EVENT_LOSS)
		entry->lossy = true;
	if (event->type == TKIT_EVENT_LOSS || !entry->inside || !(event->valid & TKIT_V_PID))
		return true;
	/*
	 * Comes when its process may have entered or ended since. Before it enters, a process runs
	 * the runtime, which is no program in the target's root.
	 */
	if (event->pflags & TKIT_P_REPEAT)
		passes = entry->lossy || (event->valid & TKIT_V_EXE);
	else
		passes = judge(entry, event);
	if (!passes)
		entry->dropped++;
	return passes;
}
