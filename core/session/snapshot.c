// SPDX-License-Identifier: MIT
#include "session/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/held.h"
#include "session/members.h"
#include "util/bytes.h"
#include "util/intern.h"
#include "util/log.h"
#include "util/procfs.h"

/*
 * A process that is not known yet can have what a scanned one has closed meanwhile, by a fork in
 * between. So passes are made until one finds nobody new. In a target that forks all the time
 * that may never be; those that come so late have inherited nothing that was not found.
 */
#define PASSES_MAX 8

struct work {
	struct snapshot *snapshot;
	struct held_scope scope;
	struct intern known; /* processes that were looked at, by number and start time */
	pid_t *list;         /* of one pass */
	size_t count, room;
	uint64_t processes, files;
	bool first; /* pass */
	int rc;
};

struct process_key {
	uint64_t pid, start;
};

bool snapshot_wanted(const struct session_config *config)
{
	enum tkit_target_kind kind = config->target;

	if (config->no_snapshot || config->entering)
		return false;
	return kind == TKIT_TARGET_PID || kind == TKIT_TARGET_CGROUP || kind == TKIT_TARGET_ALL;
}

static void lose(struct work *w, enum tkit_loss reason, uint64_t count, const char *detail)
{
	bus_lose(w->snapshot->source, reason, count, detail);
}

static int emit(void *arg, const struct held_process *process, const struct held_file *file)
{
	struct work *w = arg;
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_HELD;
	event.via = TKIT_VIA_SNAPSHOT;
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_PPID | TKIT_V_ERR | TKIT_V_COMM |
		      TKIT_V_RESOLVED;
	event.ts_ns = tkit_now_ns();
	event.pid = event.tid = process->pid;
	event.ppid = process->parent;
	event.comm = process->comm;
	event.resolved = file->path;
	event.pflags = file->pflags;
	if (process->exe.len) {
		event.valid |= TKIT_V_EXE;
		event.exe = process->exe;
	}
	if (file->has_inode) {
		event.valid |= TKIT_V_INODE;
		event.dev = file->dev;
		event.ino = file->ino;
		event.mode = file->mode;
	}
	if (file->has_flags) {
		event.valid |= TKIT_V_FLAGS;
		event.flags = file->flags;
	}
	w->files++;
	return bus_emit(w->snapshot->source, &event);
}

static void tell_result(struct work *w, pid_t pid, const struct held_result *result)
{
	char detail[128];

	if (result->entry) {
		snprintf(detail, sizeof(detail), "what process %d holds: /proc/%d/%s: %s", (int)pid,
			 (int)pid, result->entry, strerror(-result->error));
		lose(w, TKIT_LOSS_UNREADABLE, 1, detail);
	}
	if (result->truncated) {
		snprintf(detail, sizeof(detail), "what process %d holds: longer than 4095 bytes",
			 (int)pid);
		lose(w, TKIT_LOSS_TRUNCATED, result->truncated, detail);
	}
}

/* Only what began before the backends were armed can have held something that they missed. */
static void tell_gone(struct work *w, pid_t pid, uint64_t start)
{
	char detail[128];

	if (start > w->snapshot->armed)
		return;
	snprintf(detail, sizeof(detail),
		 "process %d ended before it was read what it held when the trace began", (int)pid);
	lose(w, TKIT_LOSS_UNTRACED, 1, detail);
}

/* Returns 1 for a process that was not known, 0, or -errno. */
static int look_at(struct work *w, pid_t pid)
{
	struct procfs_stat stat;
	struct held_result result;
	struct process_key key;
	int is_new = 0, rc;

	if (!procfs_stat(pid, &stat)) {
		if (w->first)
			tell_gone(w, pid, 0);
		return 0;
	}
	key = (struct process_key){(uint64_t)pid, stat.start};
	if (intern_add(&w->known, BYTES((char *)&key, sizeof(key)), &is_new) == INTERN_NONE)
		return -ENOMEM;
	/* A zombie whose threads have all ended holds nothing. */
	if (!is_new || stat.kernel || stat.state == 'X' || (stat.state == 'Z' && stat.threads < 2))
		return 0;
	w->processes++;
	rc = held_read(&w->scope, pid, stat.start, emit, w, &result);
	tell_result(w, pid, &result);
	if (rc == -ESRCH)
		tell_gone(w, pid, stat.start);
	else if (rc < 0)
		return rc;
	return 1;
}

static void take(void *arg, pid_t pid)
{
	struct work *w = arg;

	if (w->count == w->room) {
		size_t room = w->room ? w->room * 2 : 256;
		pid_t *list = realloc(w->list, room * sizeof(*list));

		if (!list) {
			w->rc = -ENOMEM;
			return;
		}
		w->list = list;
		w->room = room;
	}
	w->list[w->count++] = pid;
}

/* Returns how many processes were new, or -errno. */
static int make_pass(struct work *w)
{
	struct snapshot *s = w->snapshot;
	struct members members = {.target = s->target, .tree = s->tree, .fn = take, .arg = w};
	int new = 0, rc;

	w->count = 0;
	rc = members_list(&members);
	if (rc == 0)
		rc = w->rc;
	if (members.strangers && w->first)
		lose(w, TKIT_LOSS_UNTRACED, members.strangers,
		     "a process of the control group outside tkit's pid namespace");
	for (size_t i = 0; rc >= 0 && i < w->count; i++) {
		if (atomic_load(&s->canceled))
			return -ECANCELED;
		rc = look_at(w, w->list[i]);
		new += rc > 0;
		if (bus_age(s->source) > 50000000u)
			bus_push(s->source);
	}
	w->first = false;
	return rc < 0 ? rc : new;
}

static void make_snapshot(struct work *w)
{
	uint64_t begin = tkit_now_ns();
	char detail[96];
	int rc = 1;

	for (int i = 0; i < PASSES_MAX && rc > 0; i++)
		rc = make_pass(w);
	if (rc == -ECANCELED)
		lose(w, TKIT_LOSS_FORCED, 1, "the snapshot of what was open already was cut short");
	if (rc < 0 && rc != -ECANCELED) {
		snprintf(detail, sizeof(detail), "the snapshot of what was open already: %s",
			 strerror(-rc));
		lose(w, TKIT_LOSS_UNREADABLE, 1, detail);
	}
	bus_push(w->snapshot->source);
	log_debug("snapshot: %llu processes, %llu files, %llu us", (unsigned long long)w->processes,
		  (unsigned long long)w->files, (unsigned long long)(tkit_now_ns() - begin) / 1000);
}

static void *snapshot_main(void *arg)
{
	struct snapshot *s = arg;
	struct work w = {.snapshot = s, .first = true};

	held_scope_init(&w.scope, s->target);
	intern_init(&w.known);
	make_snapshot(&w);
	intern_done(&w.known);
	free(w.list);
	atomic_store(&s->finished, true);
	s->done(s->arg);
	return NULL;
}

int snapshot_start(struct snapshot *s)
{
	int rc;

	s->armed = procfs_now();
	rc = pthread_create(&s->thread, NULL, snapshot_main, s);
	s->running = rc == 0;
	return -rc;
}

void snapshot_join(struct snapshot *s)
{
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = false;
}
