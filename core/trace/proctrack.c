// SPDX-License-Identifier: MIT
#include "trace/proctrack.h"

#include <errno.h>
#include <stdlib.h>

#include "util/bytes.h"

/* No system has more processes at once (PID_MAX_LIMIT); a hostile trace may claim so. */
#define PROCESSES_MAX (4u << 20)

void proctrack_init(struct proctrack *track)
{
	*track = (struct proctrack){0};
	intern_init(&track->names);
}

void proctrack_done(struct proctrack *track)
{
	intern_done(&track->names);
	free(track->entries);
	*track = (struct proctrack){0};
}

/* Slot where the search for a pid starts. */
static uint32_t home(const struct proctrack *track, int32_t pid)
{
	return (uint32_t)bytes_hash(BYTES((const char *)&pid, sizeof(pid)), track->names.seed) &
	       (track->room - 1);
}

/* Entry of `pid`, or the free one where it belongs. */
static struct proctrack_entry *slot(const struct proctrack *track, int32_t pid)
{
	uint32_t at = home(track, pid);

	while (track->entries[at].used && track->entries[at].pid != pid)
		at = (at + 1) & (track->room - 1);
	return &track->entries[at];
}

static int grow(struct proctrack *track)
{
	struct proctrack larger = *track;

	larger.room = track->room ? track->room * 2 : 256;
	larger.entries = calloc(larger.room, sizeof(*larger.entries));
	if (!larger.entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < track->room; i++)
		if (track->entries[i].used)
			*slot(&larger, track->entries[i].pid) = track->entries[i];
	free(track->entries);
	*track = larger;
	return 0;
}

/* Entry of `pid`, made if need be. NULL: no memory, or more processes than can be. */
static struct proctrack_entry *make(struct proctrack *track, int32_t pid)
{
	struct proctrack_entry *entry;

	if (track->count >= track->room / 2 && (track->count >= PROCESSES_MAX || grow(track) < 0))
		return NULL;
	entry = slot(track, pid);
	if (!entry->used) {
		*entry = (struct proctrack_entry){
			.pid = pid, .exe = INTERN_NONE, .comm = INTERN_NONE, .used = true};
		track->count++;
	}
	return entry;
}

/* Takes an entry out and moves back the ones behind it that it pushed on. */
static void take_out(struct proctrack *track, struct proctrack_entry *entry)
{
	uint32_t mask = track->room - 1;
	uint32_t hole = (uint32_t)(entry - track->entries);

	for (uint32_t at = (hole + 1) & mask; track->entries[at].used; at = (at + 1) & mask) {
		uint32_t want = home(track, track->entries[at].pid);

		if (((at - want) & mask) >= ((at - hole) & mask)) {
			track->entries[hole] = track->entries[at];
			hole = at;
		}
	}
	track->entries[hole] = (struct proctrack_entry){0};
	track->count--;
}

const struct proctrack_entry *proctrack_find(const struct proctrack *track, int32_t pid)
{
	const struct proctrack_entry *entry = track->room ? slot(track, pid) : NULL;

	return entry && entry->used ? entry : NULL;
}

struct tkit_bytes proctrack_name(const struct proctrack *track, uint32_t number)
{
	return number == INTERN_NONE ? BYTES(NULL, 0) : intern_get(&track->names, number);
}

static int learn_names(struct proctrack *track, const struct tkit_event *event)
{
	struct proctrack_entry *entry = make(track, event->pid);

	if (!entry)
		return -ENOMEM;
	/* An exec whose program is not told: what ran before does not run any more. */
	if (event->type == TKIT_EVENT_EXEC)
		entry->exe = entry->comm = INTERN_NONE;
	if (event->valid & TKIT_V_EXE) {
		entry->exe = intern_add(&track->names, event->exe, NULL);
		if (entry->exe == INTERN_NONE)
			return -ENOMEM;
	}
	if (event->valid & TKIT_V_COMM) {
		entry->comm = intern_add(&track->names, event->comm, NULL);
		if (entry->comm == INTERN_NONE)
			return -ENOMEM;
	}
	return 0;
}

static int learn_fork(struct proctrack *track, const struct tkit_event *event)
{
	const struct proctrack_entry *parent = NULL;
	struct proctrack_entry inherited = {.exe = INTERN_NONE, .comm = INTERN_NONE};
	struct proctrack_entry *entry;

	if (event->valid & TKIT_V_PPID)
		parent = proctrack_find(track, event->ppid);
	if (parent)
		inherited = *parent; /* making the child's entry may move the parent's */
	entry = make(track, event->pid);
	if (!entry)
		return -ENOMEM;
	entry->exe = inherited.exe;
	entry->comm = inherited.comm;
	entry->ppid = event->ppid;
	entry->has_ppid = event->valid & TKIT_V_PPID;
	return event->valid & (TKIT_V_EXE | TKIT_V_COMM) ? learn_names(track, event) : 0;
}

int proctrack_event(struct proctrack *track, const struct tkit_event *event)
{
	if (!(event->valid & TKIT_V_PID))
		return 0;
	if (event->type == TKIT_EVENT_FORK)
		return learn_fork(track, event);
	if (event->type == TKIT_EVENT_EXEC)
		return learn_names(track, event);
	if (event->type == TKIT_EVENT_EXIT && track->room) {
		struct proctrack_entry *entry = slot(track, event->pid);

		if (entry->used)
			take_out(track, entry);
	}
	return 0;
}

void proctrack_fill(const struct proctrack *track, struct tkit_event *event)
{
	const struct proctrack_entry *entry;

	if ((event->valid & TKIT_V_EXE) || !(event->valid & TKIT_V_PID))
		return;
	entry = proctrack_find(track, event->pid);
	if (!entry || entry->exe == INTERN_NONE)
		return;
	event->exe = proctrack_name(track, entry->exe);
	event->valid |= TKIT_V_EXE;
}
