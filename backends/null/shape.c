// SPDX-License-Identifier: MIT
/*
 * What the made-up accesses look like. "plain": each path in turn is opened, every fourth one is
 * missing. "build": the mix of a compile job, with repeats, relative names and several programs.
 */
#include "null.h"

#include <errno.h>
#include <string.h>

#include <tkit/syscalls.h>

#define BURST 32 /* shape build: accesses that a process makes before the next one has its turn */

static char *put(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

#define put_lit(p, lit) put(p, lit, sizeof(lit) - 1)

static char *put_number(char *p, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + value % 10);
	} while (value /= 10);
	for (size_t i = sizeof(digits) - n; i < sizeof(digits); i++)
		*p++ = digits[i];
	return p;
}

static struct tkit_bytes program_of(int64_t process)
{
	static const struct tkit_bytes programs[] = {{"/usr/bin/null-cc", 16},
						     {"/usr/bin/null-as", 16},
						     {"/usr/bin/null-ld", 16},
						     {"/bin/null-sh", 12}};

	return programs[process & 3];
}

/* Each process has its turn: with shape build for a burst of accesses. */
static int64_t next_process(struct null_shaper *shaper)
{
	int64_t process = shaper->process;

	if (shaper->shape == NULL_BUILD && ++shaper->in_burst < BURST)
		return process;
	shaper->in_burst = 0;
	if (++shaper->process == shaper->processes)
		shaper->process = 0;
	return process;
}

/* xorshift64* */
static uint64_t next_random(struct null_shaper *shaper)
{
	uint64_t x = shaper->random ? shaper->random : 88172645463325252u;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	shaper->random = x;
	return x * 0x2545f4914f6cdd1du;
}

static void make_plain(struct null_shaper *shaper, char *text, struct tkit_event *event)
{
	int64_t index = shaper->index;
	char *p = put_number(put_lit(text, "/null/"), (uint64_t)index);

	p = put_lit(p, "/file");
	if (++shaper->index == shaper->paths)
		shaper->index = 0;
	event->op = TKIT_OP_OPEN;
	event->valid |= TKIT_V_TID | TKIT_V_FLAGS;
	event->err = index % 4 == 3 ? ENOENT : 0;
	event->path = (struct tkit_bytes){text, (size_t)(p - text)};
	event->comm = (struct tkit_bytes){"null", 4};
	if (!event->err) {
		event->valid |= TKIT_V_RESOLVED;
		event->resolved = event->path;
	}
}

/* Three of four accesses are to one in sixteen of the paths. */
static uint64_t pick_path(struct null_shaper *shaper, uint64_t dice)
{
	uint64_t paths = (uint64_t)shaper->paths;

	if (dice & 3 && paths >= 16)
		paths /= 16;
	return (next_random(shaper) >> 16) % paths;
}

/* A file has a place in a tree of 32 names a directory; the absolute name is text[0..end). */
static char *put_path(char *p, uint64_t index, char **ret_last)
{
	p = put_lit(p, "/usr/src/null/dir");
	p = put_number(p, index >> 10);
	p = put_lit(p, "/sub");
	p = put_number(p, index >> 5 & 31);
	*ret_last = p;
	p = put_lit(p, "/file");
	p = put_number(p, index);
	return put_lit(p, ".h");
}

static void make_build(struct null_shaper *shaper, int64_t process, char *text,
		       struct tkit_event *event)
{
	static const struct {
		uint16_t op;
		int32_t sysno; /* of x86-64 */
	} calls[] = {{TKIT_OP_OPEN, 257}, {TKIT_OP_OPEN, 257},    {TKIT_OP_STAT, 262},
		     {TKIT_OP_STAT, 262}, {TKIT_OP_ACCESS, 21},   {TKIT_OP_OPEN, 257},
		     {TKIT_OP_STAT, 262}, {TKIT_OP_READLINK, 267}};
	uint64_t dice = next_random(shaper), index = pick_path(shaper, dice >> 8);
	unsigned int call = dice >> 32 & 7;
	char *last, *end = put_path(text, index, &last);

	event->op = calls[call].op;
	event->sysno = calls[call].sysno;
	event->arch = TKIT_ARCH_X86_64;
	event->valid |= TKIT_V_TID | TKIT_V_SYSNO | TKIT_V_EXE;
	event->exe = program_of(process);
	event->comm = (struct tkit_bytes){event->exe.ptr + event->exe.len - 7, 7};
	/* A third is not there: an include path that is searched. */
	event->err = index % 3 == 1 ? ENOENT : event->op == TKIT_OP_READLINK ? EINVAL : 0;
	event->path = (struct tkit_bytes){text, (size_t)(end - text)};
	if (dice >> 40 & 1) {
		event->valid |= TKIT_V_BASE;
		event->base = (struct tkit_bytes){text, (size_t)(last - text)};
		event->path = (struct tkit_bytes){last + 1, (size_t)(end - last - 1)};
	}
	if (event->op != TKIT_OP_READLINK) {
		event->valid |= TKIT_V_FLAGS;
		event->flags = event->op == TKIT_OP_OPEN ? 0x80000 /* O_CLOEXEC */ : 0;
	}
	if (event->op == TKIT_OP_OPEN && !event->err) {
		event->valid |= TKIT_V_RESOLVED | TKIT_V_INODE;
		event->resolved = (struct tkit_bytes){text, (size_t)(end - text)};
		event->dev = 0xfe01;
		event->ino = 1000000 + index;
		event->mode = 0100644;
	}
}

void null_access(struct null_shaper *shaper, char text[NULL_TEXT], struct tkit_event *event)
{
	int64_t process = next_process(shaper);

	tkit_event_init(event, TKIT_EVENT_ACCESS);
	event->valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_ERR | TKIT_V_RET | TKIT_V_PATH | TKIT_V_COMM;
	event->pid = event->tid = NULL_FIRST_PID + (int)process;
	if (shaper->shape == NULL_PLAIN)
		make_plain(shaper, text, event);
	else
		make_build(shaper, process, text, event);
	event->ret = event->err ? -event->err : event->op == TKIT_OP_OPEN ? 3 : 0;
}
