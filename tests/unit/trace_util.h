/* SPDX-License-Identifier: MIT */
/* Traces in memory, for the tests of the format. */
#ifndef TEST_TRACE_UTIL_H
#define TEST_TRACE_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <tkit/trace.h>

#include "plugin/ctx.h"
#include "util/buf.h"
#include "util/bytes.h"

#define MEM_FRAMES 64

/* Frames that a writer has put out. */
struct mem {
	struct buf data;
	size_t frame[MEM_FRAMES + 1]; /* where each frame starts; the last is the end */
	size_t frames;
	int fail_at; /* frame that fails with ENOSPC; -1 = none */
};

static inline int mem_put(void *arg, const void *frame, size_t size)
{
	struct mem *mem = arg;

	if (mem->fail_at >= 0 && mem->frames == (size_t)mem->fail_at)
		return -ENOSPC;
	buf_add(&mem->data, frame, size);
	mem->frames++;
	if (mem->frames <= MEM_FRAMES)
		mem->frame[mem->frames] = mem->data.size;
	return 0;
}

#define MEM_INIT               \
	{                      \
		.fail_at = -1, \
	}

static inline struct tkit_run_info test_run(uint8_t id)
{
	static const struct tkit_backend_info backends[] = {
		{"ptrace", "1.0", "exitkill=yes", TKIT_CAN_OPEN | TKIT_CAN_EXEC, ""},
		{"ebpf", "1.1", "", ~0ull, "resolve=walk"}};
	static const struct tkit_mount_info mounts[] = {
		{"/d\xe9", "/srv/volumes/v/_data", "ext4", "v", TKIT_MOUNT_VOLUME, 0},
		{"/etc/hosts", "/x", "ext4", "", TKIT_MOUNT_RUNTIME,
		 TKIT_MOUNT_FILE | TKIT_MOUNT_READ_ONLY}};
	static const char *const argv[] = {"/bin/ls", "", "caf\xe9", NULL};
	struct tkit_run_info run = {
		.size = sizeof(run),
		.backend_stride = sizeof(backends[0]),
		.tkit_version = "0.1.0",
		.host = "box",
		.host_id = "h1",
		.kernel = "6.1.0",
		.machine = "x86_64",
		.target_kind = TKIT_TARGET_COMMAND,
		.target_pid = 4711,
		.target = "",
		.root = "/",
		.cwd = "/home/\xff",
		.argv = argv,
		.image_digest = "sha256:00",
		.armed_realtime_ns = 1700000000123456789u,
		.armed_monotonic_ns = 5000000000u,
		.backend_count = 2,
		.uid = 1000,
		.gid = 100,
		.backends = backends,
		.container_id = "c0ffee",
		.mount_count = 2,
		.mount_stride = sizeof(mounts[0]),
		.mounts = mounts,
	};

	memset(run.id, id, sizeof(run.id));
	return run;
}

static inline struct tkit_run_end test_end(const uint64_t losses[TKIT_LOSS_COUNT_])
{
	return (struct tkit_run_end){
		.size = sizeof(struct tkit_run_end),
		.wait_status = 256,
		.duration_ns = 77,
		.events = 5,
		.accesses = 4,
		.deduped = 3,
		.produced = 2,
		.complete = 1,
		.loss_count = TKIT_LOSS_COUNT_,
		.losses = losses,
	};
}

static inline struct tkit_batch test_batch(const struct tkit_event *events, uint32_t count,
					   uint32_t backend)
{
	return (struct tkit_batch){.size = sizeof(struct tkit_batch),
				   .backend = backend,
				   .count = count,
				   .stride = sizeof(struct tkit_event),
				   .events = events};
}

/* A descriptor to read `size` bytes from. */
static inline int mem_fd(const void *data, size_t size)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* What a reader made of some bytes. */
struct seen {
	int rc; /* of the last call */
	uint32_t runs, feet, damages;
	uint64_t lost_events, lost_bytes, damage_offset;
	bool complete;   /* of the last footer */
	char text[200];  /* of the last damage or failure */
	uint32_t events; /* handed out */
	uint64_t ts[64]; /* of the first ones */
	uint32_t run_of[64];
	uint32_t backend_of[64];
	void (*on_event)(void *arg, const struct tkit_event *event);
	void *arg;
};

static inline void seen_batch(struct seen *seen, const struct tkit_trace_item *item)
{
	for (uint32_t i = 0; i < item->batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(item->batch, i);

		if (seen->events < 64) {
			seen->ts[seen->events] = event->ts_ns;
			seen->run_of[seen->events] = item->run;
			seen->backend_of[seen->events] = item->batch->backend;
		}
		if (seen->on_event)
			seen->on_event(seen->arg, event);
		seen->events++;
	}
}

static inline void seen_item(struct seen *seen, const struct tkit_trace_item *item)
{
	switch (item->kind) {
	case TKIT_TRACE_RUN:
		assert_non_null(item->info);
		seen->runs++;
		break;
	case TKIT_TRACE_BATCH:
		assert_non_null(item->info);
		seen_batch(seen, item);
		break;
	case TKIT_TRACE_FOOT:
		assert_non_null(item->end);
		seen->complete = item->end->complete;
		seen->feet++;
		break;
	case TKIT_TRACE_DAMAGE:
		assert_non_null(item->text);
		seen->damages++;
		seen->lost_events += item->lost_events;
		seen->lost_bytes += item->lost_bytes;
		seen->damage_offset = item->offset;
		snprintf(seen->text, sizeof(seen->text), "%s", item->text);
		break;
	default:
		fail_msg("item of kind %u", item->kind);
	}
}

/* Reads all of fd. */
static inline void read_fd(int fd, struct seen *seen)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_reader *reader = NULL;
	struct tkit_trace_item item;

	seen->rc = tkit_trace_reader_new(&ctx, fd, "T", &reader);
	if (seen->rc == 0)
		while ((seen->rc = tkit_trace_reader_next(reader, &item)) == 1)
			seen_item(seen, &item);
	if (seen->rc < 0)
		snprintf(seen->text, sizeof(seen->text), "%s", err_text(&ctx.err));
	tkit_trace_reader_free(reader);
	ctx_done(&ctx);
}

static inline void read_mem(const void *data, size_t size, struct seen *seen)
{
	int fd = mem_fd(data, size);

	read_fd(fd, seen);
	close(fd);
}

#endif
