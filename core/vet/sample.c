// SPDX-License-Identifier: MIT
/* A run with events of every kind, for sinks and reporters. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/bytes.h"
#include "vet/priv.h"

#define BACKENDS         2
#define POISON           0xa5
#define POISONED_ADDRESS 0xa5a5a5a5a000u
#define ARMED_NS         5000000000ull
#define LONG_PATH        4000
#define FIRST_FIXED      7

struct tkit_run_info *sample_run(struct loan *loan, size_t extra)
{
	static const char *const names[BACKENDS] = {"first", "second"};
	struct tkit_run_info *run = loan_take(loan, sizeof(*run) + extra);
	size_t stride = sizeof(struct tkit_backend_info) + extra;
	char *backends = loan_take(loan, BACKENDS * stride);
	const char **argv = loan_take(loan, 3 * sizeof(char *));

	memset(backends, POISON, BACKENDS * stride);
	for (size_t i = 0; i < BACKENDS; i++) {
		struct tkit_backend_info info = {.name = loan_text(loan, names[i]),
						 .version = loan_text(loan, "1"),
						 .options = loan_text(loan, ""),
						 .caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC,
						 .facilities = loan_text(loan, "")};

		memcpy(backends + i * stride, &info, sizeof(info));
	}
	argv[0] = loan_text(loan, "program");
	argv[1] = loan_text(loan, "an argument");
	*run = (struct tkit_run_info){
		.size = (uint32_t)(sizeof(*run) + extra),
		.backend_stride = (uint32_t)stride,
		.id = {1, 2, 3},
		.tkit_version = loan_text(loan, tkit_version()),
		.host = loan_text(loan, "host"),
		.host_id = loan_text(loan, ""),
		.kernel = loan_text(loan, "6.1.0"),
		.machine = loan_text(loan, "x86_64"),
		.target_kind = TKIT_TARGET_COMMAND,
		.target_pid = 100,
		.target = loan_text(loan, ""),
		.root = loan_text(loan, "/"),
		.cwd = loan_text(loan, "/work"),
		.argv = argv,
		.image_digest = loan_text(loan, ""),
		.armed_realtime_ns = 1700000000ull * 1000000000u,
		.armed_monotonic_ns = ARMED_NS,
		.backend_count = BACKENDS,
		.backends = (const struct tkit_backend_info *)(const void *)backends,
		.container_id = loan_text(loan, ""),
	};
	return run;
}

static struct tkit_bytes bytes(struct loan *loan, const char *text)
{
	return bytes_str(loan_text(loan, text));
}

/* One access for each operation, half of them failed, with names of all sorts. */
static void sample_access(struct loan *loan, uint32_t op, struct tkit_event *event)
{
	static const char *const names[] = {"/etc/passwd", "libz.so.1", "/a b\n\"c\"\\\x1b[0m",
					    "/\xff\xfe/not utf8", ""};
	const char *name = names[op % (sizeof(names) / sizeof(names[0]))];

	event->op = (uint16_t)op;
	event->valid |= TKIT_V_TID | TKIT_V_PATH | TKIT_V_ERR | TKIT_V_RET | TKIT_V_FLAGS |
			TKIT_V_COMM | TKIT_V_EXE;
	event->tid = event->pid;
	event->path = bytes(loan, name);
	event->comm = bytes(loan, "program");
	event->exe = bytes(loan, "/bin/program");
	event->err = op % 2 ? ENOENT : 0;
	event->ret = op % 2 ? -ENOENT : 3;
	event->flags = O_RDONLY;
	if (name[0] != '/') {
		event->valid |= TKIT_V_BASE;
		event->base = bytes(loan, "/work");
	}
	if (op == TKIT_OP_OPEN + 1 || op == TKIT_OP_LIST) {
		event->valid |= TKIT_V_RESOLVED | TKIT_V_INODE;
		event->resolved = bytes(loan, "/usr/etc/passwd");
		event->ino = 7;
		event->mode = 0100644;
		event->err = 0;
		event->ret = 3;
	}
}

static void sample_long(struct loan *loan, struct tkit_event *event)
{
	char *path = loan_take(loan, LONG_PATH);

	memset(path, 'x', LONG_PATH);
	path[0] = '/';
	event->op = TKIT_OP_OPEN;
	event->valid |= TKIT_V_PATH | TKIT_V_ERR;
	event->path = BYTES(path, LONG_PATH);
}

uint32_t sample_count(void)
{
	return FIRST_FIXED + TKIT_OP_COUNT_ - 1;
}

void sample_event(struct loan *loan, uint32_t index, struct tkit_event *event)
{
	static const enum tkit_event_type types[FIRST_FIXED] = {
		TKIT_EVENT_FORK, TKIT_EVENT_EXEC,   TKIT_EVENT_LOSS,  TKIT_EVENT_EXIT,
		TKIT_EVENT_LOSS, TKIT_EVENT_ACCESS, TKIT_EVENT_ACCESS};

	tkit_event_init(event, index < FIRST_FIXED ? types[index] : TKIT_EVENT_ACCESS);
	event->valid = TKIT_V_TS | TKIT_V_PID;
	event->ts_ns = ARMED_NS + 1000u * index;
	event->pid = 100;
	if (index >= FIRST_FIXED) {
		sample_access(loan, index - FIRST_FIXED + 1, event);
	} else if (event->type == TKIT_EVENT_FORK) {
		event->valid |= TKIT_V_PPID;
		event->ppid = 99;
	} else if (event->type == TKIT_EVENT_EXEC) {
		sample_access(loan, TKIT_OP_EXEC, event);
	} else if (event->type == TKIT_EVENT_LOSS) {
		event->reason = TKIT_LOSS_RING_FULL;
		event->count = 3;
		if (index == 4) { /* with a detail */
			event->valid |= TKIT_V_PATH;
			event->path = bytes(loan, "cpu 3");
		}
	} else if (index == 5) {
		sample_long(loan, event);
	} else if (index == 6) { /* of which nearly nothing is known */
		event->op = TKIT_OP_STAT;
		event->valid = TKIT_V_ERR;
	}
}

struct tkit_batch *sample_batch(struct loan *loan, uint32_t backend, size_t extra)
{
	struct tkit_batch *batch = loan_take(loan, sizeof(*batch));
	uint32_t count = sample_count();
	size_t stride = sizeof(struct tkit_event) + extra;
	char *rows = loan_take(loan, count * stride);
	/* What stands between the events looks like one, of names that are nowhere. */
	const struct tkit_bytes nowhere = {(const char *)(uintptr_t)POISONED_ADDRESS, 16};
	const struct tkit_event trap = {
		.size = sizeof(trap),
		.type = TKIT_EVENT_ACCESS,
		.op = TKIT_OP_OPEN,
		.valid = TKIT_V_PATH | TKIT_V_ERR | TKIT_V_RESOLVED | TKIT_V_COMM | TKIT_V_EXE,
		.path = nowhere,
		.resolved = nowhere,
		.comm = nowhere,
		.exe = nowhere,
	};

	memset(rows, POISON, count * stride);
	for (size_t at = sizeof(trap); at + sizeof(trap) <= count * stride; at += sizeof(trap))
		memcpy(rows + at, &trap, sizeof(trap));
	for (uint32_t i = 0; i < count; i++) {
		struct tkit_event event;

		sample_event(loan, i, &event);
		event.size = (uint32_t)stride;
		memcpy(rows + i * stride, &event, sizeof(event));
	}
	*batch = (struct tkit_batch){.size = sizeof(*batch),
				     .backend = backend,
				     .count = count,
				     .stride = (uint32_t)stride,
				     .events = (const struct tkit_event *)(const void *)rows};
	return batch;
}
