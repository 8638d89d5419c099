// SPDX-License-Identifier: MIT
/* The table of threads that are traced. */
#include "ptrace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct pt_tracee **bucket(struct pt *pt, pid_t tid)
{
	return &pt->buckets[(uint32_t)tid % PT_BUCKETS];
}

struct pt_tracee *pt_tracee_find(struct pt *pt, pid_t tid)
{
	for (struct pt_tracee *t = *bucket(pt, tid); t; t = t->next)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct pt_tracee *pt_tracee_add(struct pt *pt, pid_t tid)
{
	struct pt_tracee *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->tid = tid;
	t->call.exec_fd = -1;
	t->proc_dir = -1;
	t->next = *bucket(pt, tid);
	*bucket(pt, tid) = t;
	pt->count++;
	return t;
}

static void exe_unref(struct pt_exe *exe)
{
	if (exe && --exe->refs == 0)
		free(exe);
}

/* The process runs another program now; NULL: one that has no path. */
void pt_proc_exe(struct pt_proc *proc, const char *path, size_t len)
{
	struct pt_exe *exe = path ? malloc(sizeof(*exe) + len) : NULL;

	if (exe) {
		exe->refs = 1;
		exe->len = (uint32_t)len;
		memcpy(exe->path, path, len);
	}
	exe_unref(proc->exe);
	proc->exe = exe;
}

/* The process is a child of `from` and runs the same program. */
void pt_proc_inherit(struct pt_proc *proc, const struct pt_proc *from)
{
	if (proc->exe || !from->exe)
		return;
	proc->exe = from->exe;
	proc->exe->refs++;
}

static void unlink_tracee(struct pt *pt, struct pt_tracee *t)
{
	struct pt_tracee **p = bucket(pt, t->tid);

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
}

void pt_tracee_drop(struct pt *pt, struct pt_tracee *t)
{
	unlink_tracee(pt, t);
	pt->count--;
	pt_tracee_hold(pt, t, false);
	pt_call_drop(pt, t);
	if (t->proc && --t->proc->refs == 0) {
		exe_unref(t->proc->exe);
		free(t->proc);
	}
	if (t->proc_dir >= 0) {
		close(t->proc_dir);
		pt->proc_dirs--;
	}
	free(t->root_host);
	free(t->root_target);
	free(t->store);
	free(t);
}

int pt_tracee_join(struct pt_tracee *t, struct pt_proc *proc)
{
	if (!proc) {
		proc = calloc(1, sizeof(*proc));
		if (!proc)
			return -ENOMEM;
		proc->pid = t->tid;
	}
	proc->refs++;
	t->proc = proc;
	return 0;
}

void pt_tracee_hold(struct pt *pt, struct pt_tracee *t, bool held)
{
	if (t->held == held)
		return;
	t->held = held;
	pt->held_count += held ? 1 : (uint32_t)-1;
	t->held_since = tkit_now_ns();
}

int pt_store(struct pt_tracee *t, const char *bytes, size_t len, struct pt_str *ret)
{
	if (t->store_size - t->store_len < len) {
		size_t size = t->store_len + len + 512;
		char *store = realloc(t->store, size);

		if (!store)
			return -ENOMEM;
		t->store = store;
		t->store_size = (uint32_t)size;
	}
	if (len)
		memcpy(t->store + t->store_len, bytes, len);
	ret->offset = t->store_len;
	ret->len = (uint32_t)len;
	t->store_len += (uint32_t)len;
	return 0;
}

/* Ends the call's record, whatever became of the call. */
void pt_call_drop(struct pt *pt, struct pt_tracee *t)
{
	struct pt_call *call = &t->call;

	if (call->moves_root) {
		pt->roots_moving--;
		pt->root_gen++;
		call->moves_root = false;
	}
	if (call->exec_fd >= 0)
		close(call->exec_fd);
	call->exec_fd = -1;
	call->unstrip = false;
	call->ring = false;
	call->traces = false;
	call->messages = 0;
	call->name_count = 0;
	call->sys = NULL;
	t->in_call = false;
	t->store_len = 0;
	if (t->store_size > 16384) {
		free(t->store);
		t->store = NULL;
		t->store_size = 0;
	}
}
