// SPDX-License-Identifier: MIT
/* From what is known to events. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void read_comm(struct pt_tracee *t)
{
	char name[64];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/comm", t->tid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, t->comm, sizeof(t->comm));
	close(fd);
	if (n <= 0)
		return;
	t->comm_len = (uint8_t)(t->comm[n - 1] == '\n' ? n - 1 : n);
	t->comm_known = true;
}

/* Time, ids, name of the thread. */
void pt_event_init(struct tkit_event *event, struct pt_tracee *t, enum tkit_event_type type)
{
	tkit_event_init(event, type);
	event->valid = TKIT_V_TS | TKIT_V_TID;
	event->ts_ns = tkit_now_ns();
	event->tid = t->tid;
	if (t->proc) {
		event->valid |= TKIT_V_PID;
		event->pid = t->proc->pid;
	}
	if (!t->comm_known)
		read_comm(t);
	if (t->comm_known) {
		event->valid |= TKIT_V_COMM;
		event->comm = (struct tkit_bytes){t->comm, t->comm_len};
	}
	if (t->proc && t->proc->exe) {
		event->valid |= TKIT_V_EXE;
		event->exe = (struct tkit_bytes){t->proc->exe->path, t->proc->exe->len};
	}
}

static struct tkit_bytes stored(const struct pt_tracee *t, struct pt_str s)
{
	return (struct tkit_bytes){s.len ? t->store + s.offset : "", s.len};
}

/* The call and one of its paths. */
void pt_event_name(struct tkit_event *event, const struct pt_tracee *t, const struct pt_name *name)
{
	const struct pt_call *call = &t->call;

	event->op = name->op;
	event->valid |= name->valid | TKIT_V_SYSNO;
	event->pflags |= name->pflags;
	event->sysno = call->nr;
	event->arch = call->arch;
	event->via = call->via;
	if (call->sys && (call->sys->flags >= 0 || (call->sys->bits & TKIT_SYS_CREAT))) {
		event->valid |= TKIT_V_FLAGS;
		event->flags = call->flags;
	}
	if (name->valid & TKIT_V_PATH)
		event->path = stored(t, name->path);
	if (name->valid & TKIT_V_BASE)
		event->base = stored(t, name->base);
	if (name->valid & TKIT_V_ROOT)
		event->root = stored(t, name->root);
	if (name->valid & TKIT_V_RESOLVED)
		event->resolved = stored(t, name->resolved);
	if (name->valid & TKIT_V_INODE) {
		event->dev = name->dev;
		event->ino = name->ino;
		event->mode = name->mode;
	}
}

/* Where the call ended up. stx may be NULL. */
void pt_event_place(struct tkit_event *event, const struct pt_place *place, const struct statx *stx)
{
	if (place) {
		event->valid |= TKIT_V_RESOLVED;
		event->resolved = (struct tkit_bytes){place->path, place->len};
		event->pflags |= place->pflags;
	}
	if (stx) {
		event->valid |= TKIT_V_INODE;
		event->dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
		event->ino = stx->stx_ino;
		event->mode = stx->stx_mode;
	}
}

void pt_emit(struct pt *pt, const struct tkit_event *event)
{
	int rc;

	if (pt->emit_error)
		return;
	rc = tkit_emit(pt->ctx, event);
	if (rc < 0)
		pt->emit_error = rc;
	pt->emitted++;
	pt->pumped++;
}

void pt_emit_fork(struct pt *pt, struct pt_tracee *t, pid_t ppid, bool snapshot)
{
	struct tkit_event event;

	if (pt->passing || pt->detaching)
		return;
	pt_event_init(&event, t, TKIT_EVENT_FORK);
	event.valid |= TKIT_V_PPID;
	event.ppid = ppid;
	if (snapshot)
		event.via = TKIT_VIA_SNAPSHOT;
	pt_emit(pt, &event);
}

void pt_emit_exit(struct pt *pt, struct pt_tracee *t, int status)
{
	struct tkit_event event;

	if (!t->proc || t->proc->exited)
		return;
	t->proc->exited = true;
	if (pt->passing || pt->detaching)
		return;
	pt_event_init(&event, t, TKIT_EVENT_EXIT);
	event.valid |= TKIT_V_RET;
	event.tid = event.pid;
	event.ret = status;
	pt_emit(pt, &event);
}

void pt_lose(struct pt *pt, enum tkit_loss reason, const char *detail)
{
	if (pt->emit_error)
		return;
	tkit_lose(pt->ctx, reason, 1, detail);
	pt->lost++;
	pt->pumped++;
}
