// SPDX-License-Identifier: MIT
/* Beginning and end of the trace: seizing processes and letting them go. */
#include "ptrace.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARK_NS   500000000u
#define DETACH_NS 1000000000u

static int seize(struct pt *pt, pid_t tid)
{
	return ptrace(PTRACE_SEIZE, tid, 0, (void *)pt->ptrace_options) < 0 ? -errno : 0;
}

/*
 * Waits until those that were interrupted have stopped, and leaves them stopped for pump().
 * A thread that cannot stop now (a vfork parent, one in uninterruptible sleep) is left: it
 * stops before it gets back to user space.
 */
void pt_park(struct pt *pt)
{
	uint64_t until = tkit_now_ns() + PARK_NS;
	bool missing = true;

	while (missing && tkit_now_ns() < until) {
		missing = false;
		for (size_t i = 0; i < PT_BUCKETS; i++)
			for (struct pt_tracee *t = pt->buckets[i]; t; t = t->next) {
				if (t->parked)
					continue;
				if (waitpid(t->tid, &t->status, __WALL | __WNOTHREAD | WNOHANG) ==
				    t->tid)
					t->parked = true;
				else
					missing = true;
			}
		if (missing)
			usleep(200);
	}
}

int pt_seize_command(struct pt *pt)
{
	pid_t pid = pt->target->pid;
	struct pt_tracee *t;
	int rc = seize(pt, pid);

	if (rc < 0)
		return tkit_fail(pt->ctx, rc,
				 "attaching to the command; is tkit itself being traced?");
	pt->started = true;
	t = pt_tracee_add(pt, pid);
	if (!t || pt_tracee_join(t, NULL) < 0)
		return tkit_fail(pt->ctx, -ENOMEM, "attaching to the command");
	if (pt->filter)
		return 0; /* it stops by itself */
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	pt_park(pt);
	return 0;
}

struct pids {
	pid_t *list;
	size_t count;
};

static bool pids_have(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->count; i++)
		if (pids->list[i] == pid)
			return true;
	return false;
}

static int pids_add(struct pids *pids, pid_t pid)
{
	pid_t *list = reallocarray(pids->list, pids->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	pids->list = list;
	list[pids->count++] = pid;
	return 0;
}

/* Nothing to be told of: it has ended, or was born traced and will report by itself. */
static bool needs_none(pid_t tid)
{
	pid_t parent;
	char state = pt_state(tid, &parent);

	return state == 'Z' || state == 'X' || pt_is_ours(tid);
}

/*
 * A thread that is in the table. An exec of another thread that was not seized yet takes
 * over the id, and is not traced.
 */
static bool still_ours(struct pt *pt, struct pt_tracee *t)
{
	if (needs_none(t->tid))
		return true;
	pt_tracee_drop(pt, t);
	return false;
}

static int seize_thread(struct pt *pt, pid_t pid, pid_t tid, struct pt_proc **proc)
{
	struct pt_tracee *t;
	int rc = seize(pt, tid);

	if (rc < 0)
		return rc;
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	t = pt_tracee_add(pt, tid);
	if (!t || pt_tracee_join(t, *proc) < 0)
		return -ENOMEM;
	if (!*proc) {
		*proc = t->proc;
		t->proc->pid = pid;
		t->announce = true;
	}
	return 0;
}

/*
 * Seizes the threads of a process that are not traced yet. Returns their number or -errno;
 * *ret_refused: how many may not be traced.
 */
static int seize_threads(struct pt *pt, pid_t pid, int *ret_refused)
{
	struct pt_proc *proc = NULL;
	char path[64];
	struct dirent *e;
	int count = 0;
	DIR *dir;

	*ret_refused = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((e = readdir(dir))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		struct pt_tracee *t = tid > 0 ? pt_tracee_find(pt, tid) : NULL;
		int rc;

		if (t && still_ours(pt, t)) {
			proc = t->proc ? t->proc : proc;
			continue;
		}
		if (tid <= 0)
			continue;
		rc = seize_thread(pt, pid, tid, &proc);
		if (rc == 0)
			count++;
		else if (rc == -ENOMEM)
			count = rc;
		else if (rc == -EPERM && !needs_none(tid))
			++*ret_refused;
		if (count < 0)
			break;
	}
	closedir(dir);
	return count;
}

/*
 * Seizes a process. A thread that is not seized yet may make others, and one that ends while
 * the kernel lists them makes it leave others out: so until two passes have found nothing new.
 */
int pt_seize_process(struct pt *pt, pid_t pid)
{
	int total = 0, refused = 0, n = 0;

	for (int quiet = 0; quiet < 2 && n >= 0; quiet = n > 0 ? 0 : quiet + 1) {
		n = seize_threads(pt, pid, &refused);
		total += n > 0 ? n : 0;
	}
	if (n == -ENOMEM)
		return n;
	if (total && refused)
		pt_lose(pt, TKIT_LOSS_UNTRACED, "a thread may not be traced");
	return total || !refused ? total : -EPERM;
}

/* One pass over all processes. Returns the number of new tracees. */
static int seize_children(struct pt *pt, struct pids *known)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int count = 0;

	while (dir && (e = readdir(dir))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		pid_t parent;
		int n;

		if (!isdigit((unsigned char)e->d_name[0]) || pid == pt->target->self_pid ||
		    pids_have(known, pid))
			continue;
		if (pt_state(pid, &parent) == 'X' || !pids_have(known, parent))
			continue;
		if (pids_add(known, pid) < 0)
			break;
		n = pt_seize_process(pt, pid);
		if (n == -EPERM)
			pt_lose(pt, TKIT_LOSS_UNTRACED, "a descendant may not be traced");
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

int pt_seize_pid(struct pt *pt)
{
	struct pids known = {0};
	int rc = pt_seize_process(pt, pt->target->pid);

	if (rc < 0)
		return tkit_fail(pt->ctx, rc, "attaching to process %d", pt->target->pid);
	if (!rc)
		return tkit_fail(pt->ctx, -ESRCH, "process %d has no thread to trace",
				 pt->target->pid);
	pt->started = true;
	if (pids_add(&known, pt->target->pid) < 0)
		return tkit_fail(pt->ctx, -ENOMEM, "attaching to process %d", pt->target->pid);
	for (int quiet = 0; quiet < 2;)
		quiet = seize_children(pt, &known) > 0 ? 0 : quiet + 1;
	free(known.list);
	pt_park(pt);
	return 0;
}

/* A process that was there before the trace. */
static void announce(struct pt *pt, struct pt_tracee *t)
{
	struct pt_place exe;
	char link[64];
	pid_t parent;

	t->announce = false;
	pt_scan_fds(pt, t);
	snprintf(link, sizeof(link), "/proc/%d/exe", t->tid);
	if (pt_place(pt, t, link, &exe) == 0 && !exe.pflags)
		pt_proc_exe(t->proc, exe.path, exe.len);
	pt_state(t->proc->pid, &parent);
	pt_emit_fork(pt, t, parent, true);
}

/* All that were seized since. */
void pt_announce(struct pt *pt)
{
	for (size_t i = 0; i < PT_BUCKETS; i++)
		for (struct pt_tracee *t = pt->buckets[i]; t; t = t->next)
			if (t->announce)
				announce(pt, t);
}

/* The first pump(): looks at the stops that pt_park() collected. */
void pt_unpark(struct pt *pt)
{
	struct pt_tracee *t;

	if (pt->unparked)
		return;
	pt->unparked = true;
	pt_announce(pt);
	for (size_t i = 0; i < PT_BUCKETS; i++) {
	again:
		for (t = pt->buckets[i]; t; t = t->next) {
			if (!t->parked)
				continue;
			t->parked = false;
			pt_stop(pt, t->tid, t->status);
			goto again; /* the list may have changed */
		}
	}
}

void pt_detach_one(struct pt *pt, struct pt_tracee *t, int sig)
{
	ptrace(PTRACE_DETACH, t->tid, 0, (void *)(uintptr_t)sig);
	pt_tracee_drop(pt, t);
}

/* From now on each tracee is let go at its next stop. */
void pt_detach_begin(struct pt *pt)
{
	pt_unpark(pt);
	pt->detaching = true;
	for (size_t i = 0; i < PT_BUCKETS; i++)
		for (struct pt_tracee *next, *t = pt->buckets[i]; t; t = next) {
			next = t->next;
			if (t->held && !t->dead)
				pt_detach_one(pt, t, 0);
			else
				ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		}
}

static void drop_all(struct pt *pt)
{
	for (size_t i = 0; i < PT_BUCKETS; i++)
		while (pt->buckets[i])
			pt_tracee_drop(pt, pt->buckets[i]);
}

/*
 * The end by force with the filter in place. Let go, the tracees could open nothing any more;
 * left attached, they end with this thread (PTRACE_O_EXITKILL). An end is the lesser harm.
 */
void pt_abandon(struct pt *pt)
{
	tkit_log(
		pt->ctx, TKIT_LOG_WARN,
		"%u traced thread(s) still ran and are ended: with the seccomp filter they cannot go "
		"on without tkit (seccomp=no avoids it)",
		pt->count);
	drop_all(pt);
}

/* The end by force: all that can be let go soon. The rest is freed when this thread ends. */
void pt_detach_now(struct pt *pt)
{
	uint64_t until = tkit_now_ns() + DETACH_NS;
	int status;

	if (pt->count && pt->filter)
		tkit_log(pt->ctx, TKIT_LOG_WARN,
			 "%u traced thread(s) still run and are left with the seccomp filter: "
			 "their system calls that take a path fail with ENOSYS from now on "
			 "(seccomp=no avoids it)",
			 pt->count);
	if (pt->count && !pt->detaching)
		pt_detach_begin(pt);
	while (pt->count && tkit_now_ns() < until) {
		pid_t tid = pt_wait(pt, false, &status);

		if (tid > 0)
			pt_stop(pt, tid, status);
		else if (tid < 0)
			break;
		else
			usleep(200);
	}
	drop_all(pt);
}
