// SPDX-License-Identifier: MIT
/* What a writer writes, a reader reads: all fields, all validity bits, headers, footers. */
#include "trace_util.h"

#include <sys/sysmacros.h>

#define ALL_VALID ((TKIT_V_CREATED << 1) - 1)

static void equal_text(struct tkit_bytes a, struct tkit_bytes b)
{
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.ptr, b.ptr, a.len);
}

#define IF(bit, check)                          \
	do {                                    \
		if (want->valid & TKIT_V_##bit) \
			check;                  \
	} while (0)

static void equal_event(const struct tkit_event *got, const struct tkit_event *want)
{
	assert_int_equal(got->size, sizeof(*got));
	assert_int_equal(got->type, want->type);
	assert_int_equal(got->op, want->op);
	assert_int_equal(got->valid, want->valid);
	assert_int_equal(got->pflags, want->pflags);
	assert_int_equal(got->via, want->via);
	assert_int_equal(got->reason, want->reason);
	assert_int_equal(got->count, want->count ? want->count : 1);
	IF(TS, assert_int_equal(got->ts_ns, want->ts_ns));
	IF(PID, assert_int_equal(got->pid, want->pid));
	IF(TID, assert_int_equal(got->tid, want->tid));
	IF(PPID, assert_int_equal(got->ppid, want->ppid));
	IF(ERR, assert_int_equal(got->err, want->err));
	IF(RET, assert_int_equal(got->ret, want->ret));
	IF(FLAGS, assert_int_equal(got->flags, want->flags));
	IF(SYSNO, assert_int_equal(got->sysno, want->sysno));
	IF(SYSNO, assert_int_equal(got->arch, want->arch));
	IF(INODE, assert_int_equal(got->dev, want->dev));
	IF(INODE, assert_int_equal(got->ino, want->ino));
	IF(INODE, assert_int_equal(got->mode, want->mode));
	IF(CGROUP, assert_int_equal(got->cgroup, want->cgroup));
	IF(PATH, equal_text(got->path, want->path));
	IF(BASE, equal_text(got->base, want->base));
	IF(ROOT, equal_text(got->root, want->root));
	IF(RESOLVED, equal_text(got->resolved, want->resolved));
	IF(COMM, equal_text(got->comm, want->comm));
	IF(EXE, equal_text(got->exe, want->exe));
}

struct expect {
	const struct tkit_event *events;
	uint32_t at;
};

static void expect_event(void *arg, const struct tkit_event *event)
{
	struct expect *expect = arg;

	equal_event(event, &expect->events[expect->at++]);
}

static struct tkit_trace_writer *writer_to(struct tkit_ctx *ctx, struct mem *mem, uint32_t block)
{
	struct tkit_trace_writer_options options = {.size = sizeof(options), .block_count = block};
	struct tkit_trace_writer *writer = NULL;

	assert_int_equal(tkit_trace_writer_new(ctx, &options, mem_put, mem, &writer), 0);
	return writer;
}

/* Writes and reads the events back, in blocks of `block` and batches of `batch`. */
static void round_trip(const struct tkit_event *events, uint32_t count, uint32_t block,
		       uint32_t batch)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = writer_to(&ctx, &mem, block);
	struct tkit_run_info run = test_run(1);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct expect expect = {.events = events};
	struct seen seen = {.on_event = expect_event, .arg = &expect};

	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	for (uint32_t i = 0; i < count; i += batch) {
		struct tkit_batch part =
			test_batch(events + i, count - i < batch ? count - i : batch, 0);

		assert_int_equal(tkit_trace_writer_write(writer, &part), 0);
	}
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	read_mem(mem.data.data, mem.data.size, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.events, count);
	assert_int_equal(expect.at, count);
	assert_int_equal(seen.runs, 1);
	assert_int_equal(seen.feet, 1);
	assert_true(seen.complete);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

static struct tkit_event full_event(void)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.valid = ALL_VALID;
	event.pflags = TKIT_P_NOFOLLOW | TKIT_P_CREATED;
	event.ts_ns = 123456789012345u;
	event.pid = 4000000;
	event.tid = 4000001;
	event.ppid = 1;
	event.err = ENOENT;
	event.ret = -ENOENT;
	event.flags = 0x80000000000u;
	event.sysno = 257;
	event.arch = TKIT_ARCH_X86_64;
	event.via = TKIT_VIA_COMPAT32;
	event.dev = makedev(259, 3);
	event.ino = UINT64_MAX;
	event.mode = 0100755;
	event.cgroup = 99999999999u;
	event.count = UINT64_MAX;
	event.path = BYTES_LIT("lib\n\xff/\"x");
	event.base = BYTES_LIT("/usr");
	event.root = BYTES_LIT("/jail");
	event.resolved = BYTES_LIT("/usr/lib/x");
	event.comm = BYTES_LIT("cc1");
	event.exe = BYTES_LIT("/usr/bin/cc1");
	return event;
}

static void test_each_valid_bit(void **state)
{
	struct tkit_event events[64];
	uint32_t n = 0;

	for (uint32_t bit = 1; bit && bit <= ALL_VALID; bit <<= 1) {
		events[n] = full_event();
		events[n++].valid = bit;
		events[n] = full_event();
		events[n++].valid = ALL_VALID & ~bit;
	}
	events[n] = full_event();
	events[n++].valid = 0;
	events[n++] = full_event();
	round_trip(events, n, 0, n);
	round_trip(events, n, 1, 1);
	for (uint32_t i = 0; i < n; i++)
		round_trip(&events[i], 1, 0, 1);
}

static void test_extremes(void **state)
{
	struct tkit_event events[8];

	for (int i = 0; i < 8; i++)
		events[i] = full_event();
	events[0].ts_ns = 0;
	events[1].ts_ns = UINT64_MAX;
	events[2].ts_ns = 1;
	events[2].ret = INT64_MIN;
	events[3].ret = INT64_MAX;
	events[3].err = 0;
	events[4].err = INT32_MAX;
	events[4].pid = -1;
	events[5].err = INT32_MIN;
	events[5].sysno = INT32_MIN;
	events[6].valid = UINT32_MAX;
	events[6].pflags = UINT32_MAX;
	events[6].flags = UINT64_MAX;
	events[6].type = UINT16_MAX;
	events[6].op = UINT16_MAX;
	events[6].via = UINT16_MAX;
	events[6].arch = UINT16_MAX;
	events[6].reason = UINT32_MAX;
	events[7].count = 0;
	round_trip(events, 8, 0, 8);
	round_trip(events, 8, 3, 5);
}

static void test_empty_is_not_absent(void **state)
{
	struct tkit_event event = full_event();

	event.path = event.base = event.root = event.resolved = event.comm = event.exe =
		BYTES(NULL, 0);
	round_trip(&event, 1, 0, 1);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct tkit_bytes random_text(uint64_t *seed, char *room, size_t size)
{
	uint64_t r = next_random(seed);
	size_t len = r % 16 == 0 ? r / 16 % size : r / 16 % 8;

	for (size_t i = 0; i < len; i++)
		room[i] = (char)(1 + next_random(seed) % (r & 0x80000000u ? 3 : 255));
	return BYTES(room, len);
}

static void test_random(void **state)
{
	enum { COUNT = 20000, ROOM = 300 };
	struct tkit_event *events = calloc(COUNT, sizeof(*events));
	char *room = malloc((size_t)COUNT * 6 * ROOM);
	uint64_t seed = 88172645463325252u;

	for (uint32_t i = 0; i < COUNT; i++) {
		struct tkit_event *e = &events[i];
		char *text = room + (size_t)i * 6 * ROOM;

		tkit_event_init(e, (enum tkit_event_type)(1 + next_random(&seed) % 5));
		e->op = (uint16_t)(next_random(&seed) % TKIT_OP_COUNT_);
		e->valid = (uint32_t)next_random(&seed) & ALL_VALID;
		e->pflags = (uint32_t)next_random(&seed) & 7;
		e->ts_ns = next_random(&seed);
		e->pid = (int32_t)next_random(&seed);
		e->tid = e->pid + (int32_t)(next_random(&seed) % 3);
		e->ppid = (int32_t)(next_random(&seed) % 5);
		e->err = (int32_t)(next_random(&seed) % 3);
		e->ret = e->err ? -e->err : (int64_t)(next_random(&seed) % 9);
		e->flags = next_random(&seed) % 5;
		e->sysno = (int32_t)(next_random(&seed) % 300);
		e->via = (uint16_t)(next_random(&seed) % 3);
		e->dev = next_random(&seed) % 3;
		e->ino = next_random(&seed) % 1000;
		e->count = next_random(&seed) % 4;
		e->path = random_text(&seed, text, ROOM);
		e->base = random_text(&seed, text + ROOM, ROOM);
		e->root = random_text(&seed, text + 2 * ROOM, ROOM);
		e->resolved = random_text(&seed, text + 3 * ROOM, ROOM);
		e->comm = random_text(&seed, text + 4 * ROOM, ROOM);
		e->exe = random_text(&seed, text + 5 * ROOM, ROOM);
	}
	round_trip(events, COUNT, 0, 256);
	round_trip(events, COUNT, 1000, 77);
	free(events);
	free(room);
}

/* No kernel has such names; the format stays within its limits and says what it cut. */
static void keep_event(void *arg, const struct tkit_event *event)
{
	*(struct tkit_event *)arg = *event;
	((struct tkit_event *)arg)->path.ptr = NULL;
}

static void test_oversized_strings(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = writer_to(&ctx, &mem, 0);
	struct tkit_run_info run = test_run(1);
	char *huge = malloc(3 << 20);
	struct tkit_event event = full_event(), got;
	struct tkit_batch batch = test_batch(&event, 1, 0);
	struct seen seen = {.on_event = keep_event, .arg = &got};

	memset(huge, 'x', 3 << 20);
	event.path = event.base = event.resolved = BYTES(huge, 3 << 20);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
	assert_int_equal(tkit_trace_writer_flush(writer), 0);
	tkit_trace_writer_free(writer);
	read_mem(mem.data.data, mem.data.size, &seen);
	assert_int_equal(seen.events, 1);
	assert_int_equal(got.path.len, 256 * 1024);
	assert_true(got.pflags & TKIT_P_TRUNCATED);
	assert_true(got.pflags & TKIT_P_RES_TRUNC);
	assert_false(got.valid & TKIT_V_BASE);
	free(huge);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

static void test_header_and_footer(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = writer_to(&ctx, &mem, 0);
	struct tkit_run_info run = test_run(7);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct tkit_trace_reader *reader;
	struct tkit_trace_item item;
	int fd;

	for (int i = 0; i < 16; i++)
		run.id[i] = (uint8_t)i;
	losses[TKIT_LOSS_RING_FULL] = 5;
	losses[TKIT_LOSS_INJECTED] = UINT64_MAX;
	end.complete = 0;
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	fd = mem_fd(mem.data.data, mem.data.size);
	assert_int_equal(tkit_trace_reader_new(&ctx, fd, "T", &reader), 0);
	assert_int_equal(tkit_trace_reader_next(reader, &item), 1);
	assert_int_equal(item.kind, TKIT_TRACE_RUN);
	assert_memory_equal(item.info->id, run.id, 16);
	assert_string_equal(item.info->tkit_version, run.tkit_version);
	assert_string_equal(item.info->host, run.host);
	assert_string_equal(item.info->host_id, run.host_id);
	assert_string_equal(item.info->kernel, run.kernel);
	assert_string_equal(item.info->machine, run.machine);
	assert_int_equal(item.info->target_kind, run.target_kind);
	assert_int_equal(item.info->target_pid, run.target_pid);
	assert_string_equal(item.info->target, run.target);
	assert_string_equal(item.info->root, run.root);
	assert_string_equal(item.info->cwd, run.cwd);
	for (int i = 0; i < 3; i++)
		assert_string_equal(item.info->argv[i], run.argv[i]);
	assert_null(item.info->argv[3]);
	assert_string_equal(item.info->image_digest, run.image_digest);
	assert_string_equal(item.info->container_id, run.container_id);
	assert_int_equal(item.info->mount_count, 2);
	assert_string_equal(item.info->mounts[0].destination, "/d\xe9");
	assert_string_equal(item.info->mounts[0].source, "/srv/volumes/v/_data");
	assert_string_equal(item.info->mounts[0].name, "v");
	assert_int_equal(item.info->mounts[0].kind, TKIT_MOUNT_VOLUME);
	assert_string_equal(item.info->mounts[1].type, "ext4");
	assert_int_equal(item.info->mounts[1].flags, TKIT_MOUNT_FILE | TKIT_MOUNT_READ_ONLY);
	assert_int_equal(item.info->armed_realtime_ns, run.armed_realtime_ns);
	assert_int_equal(item.info->armed_monotonic_ns, run.armed_monotonic_ns);
	assert_int_equal(item.info->uid, run.uid);
	assert_int_equal(item.info->gid, run.gid);
	assert_int_equal(item.info->backend_count, 2);
	assert_string_equal(item.info->backends[1].name, "ebpf");
	assert_string_equal(item.info->backends[1].version, "1.1");
	assert_string_equal(item.info->backends[0].options, "exitkill=yes");
	assert_string_equal(item.info->backends[0].facilities, "");
	assert_string_equal(item.info->backends[1].facilities, "resolve=walk");
	assert_true(item.info->backends[1].caps == ~0ull);
	assert_int_equal(tkit_trace_reader_next(reader, &item), 1);
	assert_int_equal(item.kind, TKIT_TRACE_FOOT);
	assert_int_equal(item.end->wait_status, 256);
	assert_int_equal(item.end->duration_ns, 77);
	assert_int_equal(item.end->events, 5);
	assert_int_equal(item.end->accesses, 4);
	assert_int_equal(item.end->deduped, 3);
	assert_int_equal(item.end->produced, 2);
	assert_int_equal(item.end->complete, 0);
	assert_int_equal(item.end->loss_count, TKIT_LOSS_COUNT_);
	assert_memory_equal(item.end->losses, losses, sizeof(losses));
	assert_int_equal(tkit_trace_reader_next(reader, &item), 0);
	tkit_trace_reader_free(reader);
	close(fd);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

/* Facts that are all absent: no crash, no invention. */
static void test_empty_header(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = writer_to(&ctx, &mem, 0);
	struct tkit_run_info run = {.size = sizeof(run),
				    .kernel = "bad\xff"
					      "utf8"};
	struct tkit_run_end end = {.size = sizeof(end), .wait_status = -1};
	struct tkit_trace_reader *reader;
	struct tkit_trace_item item;
	int fd;

	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	fd = mem_fd(mem.data.data, mem.data.size);
	assert_int_equal(tkit_trace_reader_new(&ctx, fd, "T", &reader), 0);
	assert_int_equal(tkit_trace_reader_next(reader, &item), 1);
	assert_string_equal(item.info->host, "");
	assert_string_equal(item.info->kernel, "bad?utf8");
	assert_null(item.info->argv);
	assert_int_equal(tkit_trace_reader_next(reader, &item), 1);
	assert_int_equal(item.end->wait_status, -1);
	assert_int_equal(item.end->loss_count, TKIT_LOSS_COUNT_);
	tkit_trace_reader_free(reader);
	close(fd);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

static void test_backends_and_runs(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = writer_to(&ctx, &mem, 0);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct tkit_event event = full_event();
	struct seen seen = {0};

	for (uint32_t run = 0; run < 2; run++) {
		struct tkit_run_info info = test_run((uint8_t)(run + 1));

		assert_int_equal(tkit_trace_writer_begin(writer, &info), (int)run);
		for (uint32_t i = 0; i < 10; i++) {
			struct tkit_batch batch = test_batch(&event, 1, i % 2);

			event.ts_ns = run * 100 + i;
			assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
		}
		assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	}
	tkit_trace_writer_free(writer);
	/* header, one block for each backend, footer */
	assert_int_equal(mem.frames, 8);
	read_mem(mem.data.data, mem.data.size, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.runs, 2);
	assert_int_equal(seen.feet, 2);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.events, 20);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(seen.run_of[i], i / 10);
		assert_int_equal(seen.backend_of[i], i / 5 % 2);
		assert_int_equal(seen.ts[i], i / 10 * 100 + i % 5 * 2 + i / 5 % 2);
	}
	buf_done(&mem.data);
	ctx_done(&ctx);
}

static void test_misuse(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer_options bad = {.size = sizeof(bad), .block_count = 1000000};
	struct tkit_trace_writer *writer = NULL;
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end)};
	struct tkit_event event = full_event();
	struct tkit_batch batch = test_batch(&event, 1, 64);

	assert_int_equal(tkit_trace_writer_new(&ctx, &bad, mem_put, &mem, &writer), -EINVAL);
	bad.block_count = 0;
	bad.level = 99;
	assert_int_equal(tkit_trace_writer_new(&ctx, &bad, mem_put, &mem, &writer), -EINVAL);
	assert_null(writer);
	writer = writer_to(&ctx, &mem, 0);
	assert_int_equal(tkit_trace_writer_write(writer, &batch), -EINVAL);
	assert_int_equal(tkit_trace_writer_end(writer, &end), -EINVAL);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), -EINVAL);
	assert_int_equal(tkit_trace_writer_write(writer, &batch), -EINVAL);
	tkit_trace_writer_free(writer);
	tkit_trace_writer_free(NULL);
	tkit_trace_reader_free(NULL);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

/* The output fails at each frame in turn: the error comes out, and stays. */
static void test_full_disk(void **state)
{
	struct tkit_run_info run = test_run(1);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct tkit_event event = full_event();
	struct tkit_batch batch = test_batch(&event, 1, 0);

	for (int at = 0; at < 4; at++) {
		struct tkit_ctx ctx = CTX_INIT("test");
		struct mem mem = {.fail_at = at};
		struct tkit_trace_writer *writer = writer_to(&ctx, &mem, 0);
		struct seen seen = {0};
		int rc = tkit_trace_writer_begin(writer, &run);

		for (int i = 0; rc == 0 && i < 2; i++) {
			rc = tkit_trace_writer_write(writer, &batch);
			if (rc == 0)
				rc = tkit_trace_writer_flush(writer);
		}
		if (rc == 0)
			rc = tkit_trace_writer_end(writer, &end);
		assert_int_equal(rc, -ENOSPC);
		assert_int_equal(tkit_trace_writer_write(writer, &batch), -ENOSPC);
		assert_int_equal(tkit_trace_writer_flush(writer), -ENOSPC);
		assert_int_equal(tkit_trace_writer_end(writer, &end), -ENOSPC);
		tkit_trace_writer_free(writer);
		assert_int_equal(mem.frames, at);
		if (at > 0) {
			read_mem(mem.data.data, mem.data.size, &seen);
			assert_int_equal(seen.rc, 0);
			assert_int_equal(seen.events, at - 1);
			assert_int_equal(seen.damages, 1);
		}
		buf_done(&mem.data);
		ctx_done(&ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_valid_bit),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_empty_is_not_absent),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_oversized_strings),
		cmocka_unit_test(test_header_and_footer),
		cmocka_unit_test(test_empty_header),
		cmocka_unit_test(test_backends_and_runs),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
