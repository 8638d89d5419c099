// SPDX-License-Identifier: MIT
/*
 * Writes a trace that holds a bit of everything, to standard output: how the samples
 * vN.tkit of this folder came about. A sample, once released, is never made anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <tkit/tkit.h>

#include "util/bytes.h"

static int put_frame(void *arg, const void *frame, size_t size)
{
	return write(STDOUT_FILENO, frame, size) == (ssize_t)size ? 0 : -EIO;
}

static void put(struct tkit_trace_writer *writer, const struct tkit_event *event, uint32_t backend)
{
	struct tkit_batch batch = {sizeof(batch), backend, 1, sizeof(*event), event};

	tkit_trace_writer_write(writer, &batch);
}

static struct tkit_event access_event(uint64_t ts, int op, const char *path)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = (uint16_t)op;
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID | TKIT_V_ERR | TKIT_V_RET | TKIT_V_PATH;
	event.ts_ns = 1000000000u + ts;
	event.pid = 100;
	event.tid = 100;
	event.path = bytes_str(path);
	return event;
}

/* One event of each operation, half of them failures, some repeated. */
static void put_ops(struct tkit_trace_writer *writer)
{
	for (int op = 1; op < TKIT_OP_COUNT_; op++) {
		struct tkit_event event =
			access_event((uint64_t)op * 1000, op, "/usr/lib/libc.so.6");

		if (op % 2) {
			event.valid |= TKIT_V_RESOLVED | TKIT_V_INODE;
			event.resolved = BYTES_LIT("/usr/lib/libc.so.6");
			event.dev = 65024;
			event.ino = 123456;
			event.mode = 0100755;
			event.ret = op;
		} else {
			event.err = ENOENT;
			event.ret = -ENOENT;
		}
		if (op % 5 == 0) {
			event.path = BYTES_LIT("lib/x");
			event.base = BYTES_LIT("/opt");
			event.valid |= TKIT_V_BASE;
			event.count = (uint64_t)op;
		}
		put(writer, &event, 0);
	}
}

static void put_oddities(struct tkit_trace_writer *writer)
{
	struct tkit_event event =
		access_event(50000, TKIT_OP_OPEN, "caf\xe9/\xf0\x9f\x90\xa7\n\"\\");

	event.valid |= TKIT_V_FLAGS | TKIT_V_SYSNO | TKIT_V_ROOT | TKIT_V_COMM | TKIT_V_CGROUP |
		       TKIT_V_PPID | TKIT_V_BASE;
	event.flags = 02000000 | 0100 | 1;
	event.sysno = 257;
	event.arch = TKIT_ARCH_X86_64;
	event.root = BYTES_LIT("/jail");
	event.base = BYTES_LIT("/jail/home");
	event.comm = BYTES_LIT("a b");
	event.cgroup = 4711;
	event.ppid = 1;
	event.pflags = TKIT_P_CREATED;
	event.valid |= TKIT_V_CREATED;
	put(writer, &event, 1);
	event = access_event(49000, TKIT_OP_STAT, ""); /* back in time */
	event.base = BYTES_LIT("/etc/passwd");
	event.valid |= TKIT_V_BASE;
	event.pflags = TKIT_P_FD | TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT;
	event.via = TKIT_VIA_IO_URING;
	put(writer, &event, 1);
	event = access_event(51000, TKIT_OP_OPEN, "");
	event.valid &= ~TKIT_V_PATH;
	event.pflags = TKIT_P_UNREADABLE;
	event.err = EFAULT;
	event.ret = -EFAULT;
	event.via = TKIT_VIA_COMPAT32;
	put(writer, &event, 1);
}

static void put_processes(struct tkit_trace_writer *writer)
{
	struct tkit_event event = access_event(10, TKIT_OP_EXEC, "/bin/sh");

	event.type = TKIT_EVENT_EXEC;
	event.exe = BYTES_LIT("/usr/bin/dash");
	event.valid |= TKIT_V_EXE;
	put(writer, &event, 0);
	tkit_event_init(&event, TKIT_EVENT_FORK);
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_PPID;
	event.ts_ns = 1000000020u;
	event.pid = 101;
	event.ppid = 100;
	put(writer, &event, 0);
	tkit_event_init(&event, TKIT_EVENT_EXIT);
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_RET;
	event.ts_ns = 1000000030u;
	event.pid = 101;
	event.ret = 9;
	put(writer, &event, 0);
	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.valid = TKIT_V_TS | TKIT_V_PATH;
	event.ts_ns = 1000000040u;
	event.reason = TKIT_LOSS_RING_FULL;
	event.count = 17;
	event.path = BYTES_LIT("cpu 2");
	put(writer, &event, 1);
}

int main(void)
{
	static const struct tkit_backend_info backends[] = {
		{"ebpf", "1", "ring-size=8388608", 0x1ffff}, {"ptrace", "1", "", 0x7}};
	static const char *const argv[] = {"/bin/sh", "-c", "caf\xe9", NULL};
	struct tkit_run_info run = {
		.size = sizeof(run),
		.backend_stride = sizeof(backends[0]),
		.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		.tkit_version = "0.1.0",
		.host = "box",
		.host_id = "0123",
		.kernel = "6.1.0",
		.machine = "x86_64",
		.target_kind = TKIT_TARGET_COMMAND,
		.target_pid = 100,
		.root = "/",
		.cwd = "/root",
		.argv = argv,
		.armed_realtime_ns = 1700000000000000000u,
		.armed_monotonic_ns = 1000000000u,
		.backend_count = 2,
		.uid = 1000,
		.gid = 1000,
		.backends = backends,
	};
	uint64_t losses[TKIT_LOSS_COUNT_] = {[TKIT_LOSS_RING_FULL] = 17};
	struct tkit_run_end end = {
		.size = sizeof(end),
		.wait_status = 256,
		.duration_ns = 60000,
		.events = 51,
		.accesses = 300,
		.loss_count = TKIT_LOSS_COUNT_,
		.losses = losses,
	};
	struct tkit_trace_writer_options options = {.size = sizeof(options), .block_count = 20};
	struct tkit_trace_writer *writer;

	if (tkit_trace_writer_new(NULL, &options, put_frame, NULL, &writer) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		run.id[0] = (uint8_t)(i + 1);
		if (tkit_trace_writer_begin(writer, &run) < 0)
			return 1;
		put_processes(writer);
		put_ops(writer);
		put_oddities(writer);
		end.complete = (uint32_t)i;
		if (tkit_trace_writer_end(writer, &end) < 0)
			return 1;
	}
	tkit_trace_writer_free(writer);
	return 0;
}
