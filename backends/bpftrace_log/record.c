// SPDX-License-Identifier: MIT
/*
 * The records of tkit's own bpftrace program (see tkit.bt.in for their form). Names come in
 * pieces before the call that they belong to, and are collected by thread.
 */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

bool record_field(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;
	int digits = 0;

	while (p < end && *p == ' ')
		p++;
	for (; p < end && digits < 17; p++, digits++) {
		char c = *p;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			break;
		value = value << 4 | (uint64_t)digit;
	}
	if (!digits || digits > 16 || (p < end && *p != ' '))
		return false;
	*at = p;
	*ret = value;
	return true;
}

bool records_is(const struct line *line, uint64_t *ret_ts)
{
	const char *at = line->text + 1, *end = line->text + line->len;

	*ret_ts = 0;
	if (line->len > 7 && !memcmp(line->text, "tkit 1 ", 7))
		return true;
	return line->len > 3 && strchr("cdefpqx", line->text[0]) && at[0] == ' ' &&
	       record_field(&at, end, ret_ts);
}

int records_new(struct import *import, const struct tkit_target *target,
		struct records **ret_records)
{
	struct records *records = calloc(1, sizeof(*records));
	int rc = 0;

	if (!records)
		return tkit_fail(import->ctx, -ENOMEM, "records");
	records->import = import;
	records->target = target;
	records->arch = tkit_native_arch();
	if (target)
		rc = dirs_new(import->ctx, target, &records->dirs);
	if (rc < 0) {
		free(records);
		return rc;
	}
	*ret_records = records;
	return 0;
}

static void drop(struct thread **slot)
{
	struct thread *thread = *slot;

	*slot = thread->next;
	free(thread->names[0].text);
	free(thread->names[1].text);
	free(thread);
}

void records_free(struct records *records)
{
	if (!records)
		return;
	for (size_t i = 0; i < RECORD_THREADS; i++)
		while (records->threads[i])
			drop(&records->threads[i]);
	dirs_free(records->dirs);
	free(records);
}

bool records_ready(const struct records *records, pid_t *ret_pid)
{
	*ret_pid = records->tracer;
	return records->ready;
}

static struct thread **slot_of(struct records *records, uint64_t tid)
{
	struct thread **slot = &records->threads[tid % RECORD_THREADS];

	while (*slot && (*slot)->tid != tid)
		slot = &(*slot)->next;
	return slot;
}

static struct thread *thread_of(struct records *records, uint64_t tid)
{
	struct thread **slot = slot_of(records, tid);

	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (*slot)
			(*slot)->tid = tid;
	}
	return *slot;
}

/* "p TS TID TEXT": a piece shorter than the rest is the last one. */
static int take_piece(struct records *records, const char *at, const char *end, int which)
{
	struct thread *thread;
	struct name *name;
	uint64_t tid;
	size_t len;
	char *text;

	if (!record_field(&at, end, &tid) || at == end)
		return LINE_BAD;
	at++;
	thread = thread_of(records, tid);
	if (!thread)
		return -ENOMEM;
	name = &thread->names[which];
	len = (size_t)(end - at);
	name->known = true;
	/* The program run by hand without BPFTRACE_STRLEN=128 cuts at 63. */
	name->cut = len >= RECORD_PIECE || (!records->target && len == 63);
	if (len > RECORD_PIECE)
		len = RECORD_PIECE;
	text = realloc(name->text, name->len + len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text + name->len, at, len);
	name->text = text;
	name->len += len;
	return LINE_USED;
}

/* "d TS TID WHICH DEV INO MODE" */
static int take_descriptor(struct records *records, const char *at, const char *end)
{
	uint64_t tid, which, dev, ino, mode;
	struct thread *thread;

	if (!record_field(&at, end, &tid) || !record_field(&at, end, &which) ||
	    !record_field(&at, end, &dev) || !record_field(&at, end, &ino) ||
	    !record_field(&at, end, &mode) || which > 1)
		return LINE_BAD;
	thread = thread_of(records, tid);
	if (!thread)
		return -ENOMEM;
	thread->fds[which] = (struct descriptor){
		.known = true,
		.id = {.dev = record_dev(dev), .ino = ino},
		.mode = (uint32_t)mode,
	};
	return LINE_USED;
}

/* "e TS NEW OLD": the exec of thread OLD returns as thread NEW. */
static int take_renumbered(struct records *records, const char *at, const char *end)
{
	uint64_t now, was;
	struct thread **slot, *thread;

	if (!record_field(&at, end, &now) || !record_field(&at, end, &was))
		return LINE_BAD;
	slot = slot_of(records, now);
	if (*slot)
		drop(slot);
	slot = slot_of(records, was);
	thread = *slot;
	if (!thread)
		return LINE_USED;
	*slot = thread->next;
	thread->tid = now;
	slot = slot_of(records, now);
	thread->next = *slot;
	*slot = thread;
	return LINE_USED;
}

uint64_t record_dev(uint64_t dev)
{
	return makedev((unsigned int)(dev >> 20), (unsigned int)(dev & 0xfffff));
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "tkit 1 ARCH TS PID DEV INO": bpftrace's clock, process and root directory. */
static int take_head(struct records *records, const char *at, const char *end)
{
	uint64_t ts, pid, dev, ino;
	const char *blank = memchr(at, ' ', (size_t)(end - at));
	size_t len = blank ? (size_t)(blank - at) : 0;

	if (len == 6 && !memcmp(at, "x86_64", len))
		records->arch = TKIT_ARCH_X86_64;
	else if (len == 7 && !memcmp(at, "aarch64", len))
		records->arch = TKIT_ARCH_AARCH64;
	else
		return LINE_BAD;
	at += len;
	if (!record_field(&at, end, &ts) || !record_field(&at, end, &pid) ||
	    !record_field(&at, end, &dev) || !record_field(&at, end, &ino))
		return LINE_BAD;
	records->ready = true;
	records->tracer = (pid_t)pid;
	records->root = (struct file_id){.dev = record_dev(dev), .ino = ino};
	if (records->target) {
		/* nsecs counts time asleep where the kernel can tell it. */
		uint64_t boot = clock_ns(CLOCK_BOOTTIME), mono = tkit_now_ns();

		records->shift = ts > mono ? mono - boot : 0;
	} else {
		records->shift = records->import->zero_ns - ts;
	}
	return LINE_USED;
}

static int take_process(struct records *records, const char *at, const char *end, uint64_t ts,
			bool is_fork)
{
	uint64_t pid, other;
	struct tkit_event event;
	int rc;

	if (!record_field(&at, end, &pid) || !record_field(&at, end, &other))
		return LINE_BAD;
	if (is_fork) {
		tkit_event_init(&event, TKIT_EVENT_FORK);
		event.valid = TKIT_V_PPID;
		event.ppid = (int32_t)other;
	} else {
		tkit_event_init(&event, TKIT_EVENT_EXIT);
		event.valid = TKIT_V_RET;
		event.ret = (int64_t)(other & 0xffff);
	}
	event.valid |= TKIT_V_TS | TKIT_V_PID | TKIT_V_TID;
	event.ts_ns = ts + records->shift;
	event.pid = event.tid = (int32_t)pid;
	rc = emit(records->import, &event);
	return rc < 0 ? rc : LINE_USED;
}

static int take_call(struct records *records, const char *at, const char *end, uint64_t ts)
{
	struct call call = {.ts = ts + records->shift};
	uint64_t *const fields[] = {&call.tid,     &call.pid,      &call.ppid,    &call.key,
				    &call.ret,     &call.args[0],  &call.args[1], &call.args[2],
				    &call.args[3], &call.args[4],  &call.how,     &call.cwd.dev,
				    &call.cwd.ino, &call.root.dev, &call.root.ino};
	struct thread **slot;
	int rc;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!record_field(&at, end, fields[i]))
			return LINE_BAD;
	call.cwd.dev = record_dev(call.cwd.dev);
	call.root.dev = record_dev(call.root.dev);
	if (at < end)
		at++;
	while (end > at && end[-1] == ' ')
		end--;
	call.comm = (struct tkit_bytes){at, (size_t)(end - at)};
	slot = slot_of(records, call.tid);
	call.thread = *slot;
	rc = record_call(records, &call);
	if (*slot)
		drop(slot);
	return rc;
}

int records_take(struct records *records, const struct line *line)
{
	const char *at = line->text + 1, *end = line->text + line->len;
	uint64_t ts;

	if (line->len > 7 && !memcmp(line->text, "tkit 1 ", 7))
		return take_head(records, line->text + 7, end);
	if (!records_is(line, &ts) || !record_field(&at, end, &ts))
		return LINE_BAD;
	switch (line->text[0]) {
	case 'p':
	case 'q':
		return take_piece(records, at, end, line->text[0] == 'q');
	case 'd':
		return take_descriptor(records, at, end);
	case 'e':
		return take_renumbered(records, at, end);
	case 'f':
	case 'x':
		return take_process(records, at, end, ts, line->text[0] == 'f');
	default:
		return take_call(records, at, end, ts);
	}
}
