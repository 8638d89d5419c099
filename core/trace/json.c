// SPDX-License-Identifier: MIT
/* One event as one JSON object, the form of `tkit dump` (docs/EVENT_MODEL.md). */
#include <tkit/trace.h>

#include <stdlib.h>
#include <sys/sysmacros.h>
#include <tkit/syscalls.h>

#include "trace/out.h"
#include "util/bytes.h"

#define ABS_ROOM 16384 /* longer paths take the slow way */

/* Inlined, so that the names' lengths are known when this is compiled. */
#define INLINE static inline __attribute__((always_inline)) void

INLINE key(struct out *out, const char *name)
{
	size_t len = strlen(name);

	if (out->len > 1)
		out_char(out, ',');
	if (out->size >= len + 3 && out->len <= out->size - len - 3) {
		char *p = out->data + out->len;

		*p++ = '"';
		memcpy(p, name, len);
		p[len] = '"';
		p[len + 1] = ':';
		out->len += len + 3;
		return;
	}
	out_char(out, '"');
	out_add(out, name, len);
	out_lit(out, "\":");
}

INLINE number(struct out *out, const char *name, uint64_t value)
{
	key(out, name);
	out_u64(out, value);
}

INLINE integer(struct out *out, const char *name, int64_t value)
{
	key(out, name);
	out_i64(out, value);
}

/* A name of tkit's own: there is nothing to escape in it. */
INLINE word(struct out *out, const char *name, const char *value)
{
	key(out, name);
	out_char(out, '"');
	out_str(out, value);
	out_char(out, '"');
}

/* A byte string; with a NAME_raw beside it where JSON cannot carry it. */
INLINE bytes(struct out *out, const char *name, struct tkit_bytes value)
{
	key(out, name);
	if (out_json(out, value))
		return;
	out_lit(out, ",\"");
	out_str(out, name);
	out_lit(out, "_raw\":\"");
	out_base64(out, value);
	out_char(out, '"');
}

/* A name, or the bare number for values that a newer tkit may know. */
INLINE named(struct out *out, const char *what, const char *name, uint64_t value)
{
	if (name)
		word(out, what, name);
	else
		number(out, what, value);
}

static void absolute(struct out *out, const struct tkit_event *event)
{
	char room[ABS_ROOM];
	long n = tkit_event_abs(event, room, sizeof(room));

	if (n > 0) {
		bytes(out, "abs", BYTES(room, (size_t)n));
	} else if (n < 0) {
		size_t size = event->root.len + event->base.len + event->path.len + 16;
		char *large = malloc(size);

		n = large ? tkit_event_abs(event, large, size) : -1;
		if (n > 0)
			bytes(out, "abs", BYTES(large, (size_t)n));
		free(large);
	}
}

static void facts(struct out *out, const struct tkit_event *event)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{TKIT_P_CREATED, "created"},
		{TKIT_P_DELETED, "deleted"},
		{TKIT_P_OUTSIDE_ROOT, "outside_root"},
		{TKIT_P_TRUNCATED, "truncated"},
		{TKIT_P_UNREADABLE, "unreadable"},
		{TKIT_P_CLOBBERED, "clobbered"},
		{TKIT_P_RES_TRUNC, "resolved_cut"},
		{TKIT_P_NOFOLLOW, "nofollow"},
		{TKIT_P_FD, "fd"},
		{TKIT_P_ABSTRACT, "abstract"},
		{TKIT_P_DIRECTORY, "directory"},
		{TKIT_P_REPEAT, "repeat"},
	};

	for (size_t i = 0; event->pflags && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(event->pflags & names[i].bit))
			continue;
		key(out, names[i].name);
		out_lit(out, "true");
	}
	if ((event->valid & TKIT_V_CREATED) && !(event->pflags & TKIT_P_CREATED)) {
		key(out, "created");
		out_lit(out, "false");
	}
}

static void call(struct out *out, const struct tkit_event *event)
{
	const struct tkit_syscall *sys;

	if (!(event->valid & TKIT_V_SYSNO))
		return;
	sys = event->via == TKIT_VIA_IO_URING ? NULL
					      : tkit_syscall_by_nr(event->arch, event->sysno);
	if (sys)
		word(out, "syscall", sys->name);
	else
		integer(out, "sysno", event->sysno);
}

static void paths(struct out *out, const struct tkit_event *event)
{
	if (event->valid & TKIT_V_PATH)
		bytes(out, "path", event->path);
	if (event->valid & TKIT_V_BASE)
		bytes(out, "base", event->base);
	if (event->valid & TKIT_V_ROOT)
		bytes(out, "root", event->root);
	absolute(out, event);
	if (event->valid & TKIT_V_RESOLVED)
		bytes(out, "resolved", event->resolved);
	if (event->valid & TKIT_V_INODE) {
		number(out, "dev", event->dev);
		number(out, "ino", event->ino);
		number(out, "mode", event->mode);
	}
}

static void result(struct out *out, const struct tkit_event *event)
{
	if (event->valid & TKIT_V_ERR)
		integer(out, "errno", event->err);
	if (event->valid & TKIT_V_RET)
		integer(out, "ret", event->ret);
	if (event->valid & TKIT_V_FLAGS)
		number(out, "flags", event->flags);
}

static void task(struct out *out, const struct tkit_event *event)
{
	if (event->valid & TKIT_V_PID)
		integer(out, "pid", event->pid);
	if (event->valid & TKIT_V_TID)
		integer(out, "tid", event->tid);
	if (event->valid & TKIT_V_PPID)
		integer(out, "ppid", event->ppid);
	if (event->valid & TKIT_V_COMM)
		bytes(out, "comm", event->comm);
	if (event->valid & TKIT_V_EXE)
		bytes(out, "exe", event->exe);
	if (event->valid & TKIT_V_CGROUP)
		number(out, "cgroup", event->cgroup);
}

size_t tkit_event_json(const struct tkit_event *event, uint64_t zero_ns, const char *backend,
		       char *buf, size_t size)
{
	struct out out = {.data = buf, .size = size};
	bool access = event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC;

	out_char(&out, '{');
	if (event->valid & TKIT_V_TS)
		integer(&out, "ts", (int64_t)(event->ts_ns - zero_ns));
	named(&out, "type", tkit_event_type_name(event->type), event->type);
	if (event->type == TKIT_EVENT_LOSS) {
		named(&out, "reason", tkit_loss_name((int)event->reason), event->reason);
		if (event->valid & TKIT_V_PATH)
			bytes(&out, "detail", event->path);
	} else {
		if (access || event->op)
			named(&out, "op", tkit_op_name(event->op), event->op);
		paths(&out, event);
	}
	result(&out, event);
	task(&out, event);
	if (access || event->type == TKIT_EVENT_LOSS)
		number(&out, "count", event->count ? event->count : 1);
	if (access) {
		named(&out, "via", tkit_via_name(event->via), event->via);
		call(&out, event);
	}
	facts(&out, event);
	if (backend && *backend) {
		key(&out, "backend");
		out_json(&out, bytes_str(backend));
	}
	out_char(&out, '}');
	return out.len;
}
