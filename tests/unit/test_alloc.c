// SPDX-License-Identifier: MIT
/*
 * No allocation per event in the steady state: writing a trace, reading it, and counting it in a
 * model. What the bus allocates is held by test_bus (batch_allocs, string_allocs).
 */
#include "trace_util.h"

#include <stdatomic.h>

#include "model/builder.h"

#define BLOCK  1024u
#define PATHS  300u
#define PERIOD 10u /* blocks */

static atomic_ulong allocations;

#if !TKIT_SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(p, size);
}
#endif

static bool can_count(void)
{
	unsigned long before = atomic_load(&allocations);
	void *volatile p = malloc(1);

	free(p);
	return atomic_load(&allocations) > before;
}

/* Access number i: of every 20 some fail, some are relative, some are of a file with an inode. */
static struct tkit_event make_event(uint32_t i, char path[64])
{
	struct tkit_event event;
	int len = snprintf(path, 64, "/usr/lib/thing/%u/file", i % PATHS);

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = i % 3 ? TKIT_OP_OPEN : TKIT_OP_STAT;
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_ERR | TKIT_V_RET | TKIT_V_PATH | TKIT_V_COMM |
		      TKIT_V_EXE;
	event.ts_ns = 6000000000u + i * 777ull;
	event.pid = 100 + (int)(i / 50 % 4);
	event.err = i % 5 ? 0 : ENOENT;
	event.ret = event.err ? -event.err : 3;
	event.path = BYTES(path, (size_t)len);
	event.comm = BYTES_LIT("cc1");
	event.exe = BYTES_LIT("/usr/libexec/cc1");
	if (i % 4 == 0) {
		event.valid |= TKIT_V_BASE;
		event.base = BYTES_LIT("/usr/lib");
		event.path = BYTES(path + 9, (size_t)len - 9);
	}
	if (event.op == TKIT_OP_OPEN && !event.err) {
		event.valid |= TKIT_V_RESOLVED | TKIT_V_INODE;
		event.resolved = BYTES(path, (size_t)len);
		event.ino = 1000 + i % PATHS;
		event.mode = 0100644;
	}
	return event;
}

static int sink(void *arg, const void *frame, size_t size)
{
	int fd = *(int *)arg;

	return fd < 0 || write(fd, frame, size) == (ssize_t)size ? 0 : -EIO;
}

static struct tkit_trace_writer *writer_new(struct tkit_ctx *ctx, int *fd)
{
	const struct tkit_trace_writer_options options = {.size = sizeof(options),
							  .block_count = BLOCK};
	struct tkit_run_info run = test_run(1);
	struct tkit_trace_writer *writer = NULL;

	assert_int_equal(tkit_trace_writer_new(ctx, &options, sink, fd, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	return writer;
}

static void write_blocks(struct tkit_trace_writer *writer, uint32_t *at, uint32_t blocks)
{
	for (uint32_t end = *at + blocks * BLOCK; *at < end; ++*at) {
		char path[64];
		struct tkit_event event = make_event(*at, path);
		struct tkit_batch batch = test_batch(&event, 1, 0);

		assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
	}
}

static void test_writer(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_writer *writer;
	unsigned long before;
	uint32_t at = 0;
	int fd = -1;

	if (!can_count()) {
		print_message("a sanitizer has a malloc of its own\n");
		skip();
	}
	writer = writer_new(&ctx, &fd);
	write_blocks(writer, &at, PERIOD);
	before = atomic_load(&allocations);
	write_blocks(writer, &at, PERIOD);
	assert_int_equal(atomic_load(&allocations) - before, 0);
	tkit_trace_writer_free(writer);
	ctx_done(&ctx);
}

/* A trace of so many blocks, to be closed. */
static int make_trace(uint32_t blocks)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	static const uint64_t losses[TKIT_LOSS_COUNT_];
	struct tkit_run_end end = test_end(losses);
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct tkit_trace_writer *writer = writer_new(&ctx, &fd);
	uint32_t at = 0;

	write_blocks(writer, &at, blocks);
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	ctx_done(&ctx);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static unsigned long count_reading(uint32_t blocks)
{
	int fd = make_trace(blocks);
	unsigned long before = atomic_load(&allocations);
	struct seen seen = {0};

	read_fd(fd, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, blocks * BLOCK);
	close(fd);
	return atomic_load(&allocations) - before;
}

static void test_reader(void **state)
{
	if (!can_count()) {
		print_message("a sanitizer has a malloc of its own\n");
		skip();
	}
	assert_int_equal(count_reading(2 * PERIOD), count_reading(PERIOD));
}

static unsigned long count_model(uint32_t blocks)
{
	int fd = make_trace(blocks);
	struct err err = ERR_INIT;
	struct model_builder *builder;
	unsigned long before;
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	before = atomic_load(&allocations);
	assert_int_equal(model_builder_new(&builder, &err), 0);
	assert_int_equal(model_builder_add_file(builder, name, NULL, NULL, &err), 0);
	assert_int_equal(builder->runs[0]->facts, blocks * BLOCK);
	model_builder_free(builder);
	close(fd);
	return atomic_load(&allocations) - before;
}

static void test_model(void **state)
{
	if (!can_count()) {
		print_message("a sanitizer has a malloc of its own\n");
		skip();
	}
	assert_int_equal(count_model(2 * PERIOD), count_model(PERIOD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_model),
	};

	if (!can_count())
		print_message("SKIP: under a sanitizer allocations are not counted\n");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
