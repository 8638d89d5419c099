// SPDX-License-Identifier: MIT
/* A thread that reads ahead changes nothing: the same items, of whole and of damaged traces. */
#include "trace_util.h"

#include "trace/rows_reader.h"

#define EVENTS 200000u
#define BLOCK  2048u
#define AHEAD  (512u * 1024) /* shorter files are read without a thread */

static int to_buf(void *arg, const void *frame, size_t size)
{
	buf_add(arg, frame, size);
	return 0;
}

static uint32_t noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static struct tkit_event make_event(uint32_t *state, uint64_t *ts, char path[64])
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = noise(state) % 3 ? TKIT_OP_OPEN : TKIT_OP_STAT;
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_ERR | TKIT_V_RET | TKIT_V_PATH;
	event.ts_ns = *ts += noise(state) % 5000000;
	event.pid = 100 + (int)(noise(state) % 20);
	event.err = noise(state) % 4 ? 0 : ENOENT;
	event.ret = event.err ? -event.err : (int64_t)(noise(state) % 1000000);
	event.path = BYTES(path, (size_t)snprintf(path, 64, "/a/%u/b", noise(state) % 5000));
	return event;
}

static void make_trace(struct buf *trace)
{
	const struct tkit_trace_writer_options options = {.size = sizeof(options),
							  .block_count = BLOCK};
	static const uint64_t losses[TKIT_LOSS_COUNT_];
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_run_end end = test_end(losses);
	struct tkit_run_info run = test_run(1);
	struct tkit_trace_writer *writer;
	uint64_t ts = 6000000000u;
	uint32_t state = 1;

	assert_int_equal(tkit_trace_writer_new(&ctx, &options, to_buf, trace, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		char path[64];
		struct tkit_event event = make_event(&state, &ts, path);
		struct tkit_batch batch = test_batch(&event, 1, 0);

		assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
	}
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	ctx_done(&ctx);
	assert_false(trace->failed);
	assert_true(trace->size > 2 * AHEAD);
}

/* All that a reader said. */
struct said {
	int rc;
	uint64_t items, events, damages, hash;
};

static void say(struct said *said, uint64_t value)
{
	said->hash = (said->hash ^ value) * 0x9e3779b97f4a7c15u;
	said->hash ^= said->hash >> 29;
}

static void say_event(struct said *said, const struct tkit_event *event)
{
	said->events++;
	say(said, event->ts_ns);
	say(said, (uint64_t)event->pid << 32 | event->op);
	say(said, (uint64_t)event->ret);
	say(said, bytes_hash(event->path, 7));
}

static void say_item(struct said *said, const struct tkit_trace_reader *reader,
		     const struct tkit_trace_item *item)
{
	const struct trace_rows *rows = trace_reader_rows(reader);
	struct tkit_event event;

	said->items++;
	said->damages += item->kind == TKIT_TRACE_DAMAGE;
	say(said, (uint64_t)item->kind << 32 | item->run);
	say(said, item->offset);
	say(said, item->lost_bytes);
	say(said, item->lost_events);
	if (item->kind == TKIT_TRACE_DAMAGE)
		say(said, item->text ? bytes_hash(bytes_str(item->text), 7) : 0);
	if (item->kind != TKIT_TRACE_BATCH)
		return;
	for (uint32_t i = 0; i < item->batch->count; i++) {
		if (item->batch->events) {
			say_event(said, tkit_batch_event(item->batch, i));
			continue;
		}
		decode_block_event(rows->block, &rows->rows[i], &event);
		say_event(said, &event);
	}
}

/* Reads all, or some items. */
static struct said read_trace(const char *data, size_t size, bool ahead, uint64_t most)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_reader *reader = NULL;
	struct tkit_trace_item item;
	struct said said = {0};

	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	said.rc = tkit_trace_reader_new(&ctx, fd, "T", &reader);
	if (said.rc == 0 && ahead)
		trace_reader_want_rows(reader);
	while (said.rc >= 0 && said.items < most &&
	       (said.rc = tkit_trace_reader_next(reader, &item)) > 0)
		say_item(&said, reader, &item);
	/* The end stays the end. */
	if (said.rc == 0 && said.items < most)
		assert_int_equal(tkit_trace_reader_next(reader, &item), 0);
	tkit_trace_reader_free(reader);
	ctx_done(&ctx);
	close(fd);
	return said;
}

static void assert_same(const char *data, size_t size)
{
	struct said one = read_trace(data, size, false, UINT64_MAX);
	struct said two = read_trace(data, size, true, UINT64_MAX);

	assert_int_equal(one.rc, two.rc);
	assert_int_equal(one.items, two.items);
	assert_int_equal(one.events, two.events);
	assert_int_equal(one.damages, two.damages);
	assert_int_equal(one.hash, two.hash);
}

static struct buf trace;

static void test_whole(void **state)
{
	assert_same(trace.data, trace.size);
	assert_int_equal(read_trace(trace.data, trace.size, true, UINT64_MAX).events, EVENTS);
}

static void test_cut(void **state)
{
	for (size_t size = AHEAD; size < trace.size; size += trace.size / 7)
		assert_same(trace.data, size);
	assert_same(trace.data, trace.size - 1);
}

static void test_damaged(void **state)
{
	char *copy = malloc(trace.size);
	uint32_t seed = 3;

	assert_non_null(copy);
	for (int i = 0; i < 12; i++) {
		memcpy(copy, trace.data, trace.size);
		for (int k = 0; k < 1 + i % 4; k++)
			copy[4 + noise(&seed) % (trace.size - 4)] ^= (char)(1 + noise(&seed) % 255);
		assert_same(copy, trace.size);
		assert_true(read_trace(copy, trace.size, true, UINT64_MAX).damages > 0);
	}
	free(copy);
}

/* Who has enough before the end leaves no thread behind. */
static void test_left_early(void **state)
{
	for (uint64_t most = 0; most < 40; most += 13)
		assert_int_equal(read_trace(trace.data, trace.size, true, most).items, most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_left_early),
	};
	int failed;

	make_trace(&trace);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&trace);
	return failed;
}
