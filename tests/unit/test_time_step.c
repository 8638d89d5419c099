// SPDX-License-Identifier: MIT
/* Times in a trace are kept in steps, those of the file sink of 128 ns unless it is told otherwise.
 */
#include "trace_util.h"

#include "../../sinks/file/file.c"
#include "../../sinks/file/place.c"

/* Late, early and equal ones, and with all bits: each has something below every step. */
static const uint64_t times[] = {6000000000001u,
				 6000000000127u,
				 6000000000128u,
				 6000000000129u,
				 6000000000129u,
				 5999999999999u,
				 6000000065535u,
				 6123456789012u,
				 0,
				 127,
				 UINT64_MAX,
				 UINT64_MAX - 127,
				 1u << 30,
				 (1u << 30) - 1,
				 7000000000000u};
#define TIMES (sizeof(times) / sizeof(times[0]))

static void write_times(int (*put)(void *to, const struct tkit_batch *batch), void *to)
{
	for (size_t i = 0; i < TIMES; i++) {
		struct tkit_event event;
		struct tkit_batch batch = test_batch(&event, 1, 0);

		tkit_event_init(&event, TKIT_EVENT_ACCESS);
		event.valid = TKIT_V_TS | TKIT_V_PATH;
		event.path = BYTES_LIT("/x");
		event.ts_ns = times[i];
		assert_int_equal(put(to, &batch), 0);
	}
}

static void assert_times(const struct seen *seen, uint64_t step)
{
	assert_int_equal(seen->rc, 0);
	assert_int_equal(seen->damages, 0);
	assert_int_equal(seen->events, TIMES);
	for (size_t i = 0; i < TIMES; i++)
		assert_int_equal(seen->ts[i], times[i] - times[i] % step);
}

static int put_writer(void *writer, const struct tkit_batch *batch)
{
	return tkit_trace_writer_write(writer, batch);
}

static void through_writer(uint32_t option, uint64_t step)
{
	struct tkit_trace_writer_options wanted = {
		.size = sizeof(wanted), .block_count = 4, .time_step = option};
	struct tkit_ctx ctx = CTX_INIT("test");
	struct mem mem = MEM_INIT;
	struct tkit_trace_writer *writer = NULL;
	struct tkit_run_info run = test_run(1);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct seen seen = {0};

	assert_int_equal(tkit_trace_writer_new(&ctx, &wanted, mem_put, &mem, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	write_times(put_writer, writer);
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	read_mem(mem.data.data, mem.data.size, &seen);
	assert_times(&seen, step);
	buf_done(&mem.data);
	ctx_done(&ctx);
}

static void test_writer(void **state)
{
	through_writer(0, 1); /* a writer that was made for an older tkit keeps all */
	through_writer(1, 1);
	through_writer(2, 2);
	through_writer(128, 128);
	through_writer(1u << 30, 1u << 30);
}

static void test_no_power_of_two(void **state)
{
	static const uint32_t steps[] = {3, 100, 129, UINT32_MAX};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct tkit_trace_writer_options wanted = {.size = sizeof(wanted),
							   .time_step = steps[i]};
		struct tkit_ctx ctx = CTX_INIT("test");
		struct mem mem = MEM_INIT;
		struct tkit_trace_writer *writer = NULL;

		assert_int_equal(tkit_trace_writer_new(&ctx, &wanted, mem_put, &mem, &writer),
				 -EINVAL);
		assert_non_null(strstr(err_text(&ctx.err), "not a power of 2"));
		ctx_done(&ctx);
	}
}

static const struct tkit_option *time_step_option(void)
{
	for (uint32_t i = 0; i < tkit_plugin.option_count; i++)
		if (!strcmp(tkit_plugin.options[i].name, "time-step"))
			return &tkit_plugin.options[i];
	fail_msg("the file sink has no option time-step");
	return NULL;
}

struct file {
	struct tkit_ctx *ctx;
	void *sink;
};

static int put_file(void *file, const struct tkit_batch *batch)
{
	const struct file *to = file;

	return file_write(to->ctx, to->sink, batch);
}

static void through_sink(int64_t step)
{
	const struct options given = {.level = 3, .block_events = 65536, .time_step = step};
	struct tkit_ctx ctx = CTX_INIT("file");
	struct file file = {&ctx, NULL};
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1};
	char name[] = "/tmp/tkit-test-XXXXXX";
	struct seen seen = {0};
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(file_open(&ctx, &given, name, &file.sink), 0);
	if (!file.sink) {
		fail_msg("no sink, and no error");
		return;
	}
	assert_int_equal(file_begin(&ctx, file.sink, &run), 0);
	write_times(put_file, &file);
	assert_int_equal(file_end(&ctx, file.sink, &end), 0);
	assert_int_equal(file_close(&ctx, file.sink), 0);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	read_fd(fd, &seen);
	close(fd);
	unlink(name);
	assert_times(&seen, (uint64_t)step);
	ctx_done(&ctx);
}

static void test_sink(void **state)
{
	int64_t by_default = strtoll(time_step_option()->default_value, NULL, 10);

	assert_int_equal(by_default, 128);
	through_sink(by_default);
	through_sink(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_no_power_of_two),
		cmocka_unit_test(test_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
