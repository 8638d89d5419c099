// SPDX-License-Identifier: MIT
/* Tests of the tkitnew reporter: it renders a trace that is written here. */
#include "tkitnew.c"

#include <tkit/trace.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

/* ---- core's side: what would go to the report ---- */

static char report[4096];

int tkit_out_printf(struct tkit_out *out, const char *fmt, ...)
{
	size_t at = strlen(report);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(report + at, sizeof(report) - at, fmt, ap);
	va_end(ap);
	return 0;
}

int tkit_out_path(struct tkit_out *out, struct tkit_bytes path)
{
	return tkit_out_printf(out, "%.*s", (int)path.len, path.ptr);
}

/* ---- a trace of two accesses ---- */

static int write_frame(void *arg, const void *frame, size_t size)
{
	return fwrite(frame, 1, size, arg) == size ? 0 : -EIO;
}

static void write_access(struct tkit_trace_writer *writer, const char *path, int err)
{
	struct tkit_event event;
	const struct tkit_batch batch = {
		.size = sizeof(batch), .count = 1, .stride = sizeof(event), .events = &event};

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.valid = TKIT_V_PATH | TKIT_V_ERR;
	event.err = err;
	event.path.ptr = path;
	event.path.len = strlen(path);
	assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
}

static void write_trace(const char *file)
{
	const struct tkit_backend_info backend = {"test", "1", "", TKIT_CAN_OPEN, ""};
	const struct tkit_run_info run = {.size = sizeof(run),
					  .backend_stride = sizeof(backend),
					  .id = {1},
					  .tkit_version = "",
					  .host = "",
					  .host_id = "",
					  .kernel = "",
					  .machine = "",
					  .target = "",
					  .root = "/",
					  .cwd = "/",
					  .image_digest = "",
					  .backend_count = 1,
					  .backends = &backend,
					  .container_id = ""};
	const struct tkit_run_end end = {.size = sizeof(end), .wait_status = -1, .complete = 1};
	struct tkit_trace_writer *writer;
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_int_equal(tkit_trace_writer_new(NULL, NULL, write_frame, out, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	write_access(writer, "/etc/passwd", 0);
	write_access(writer, "/etc/passwd", 0);
	write_access(writer, "/missing", ENOENT);
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	assert_int_equal(fclose(out), 0);
}

/* ---- tests ---- */

static void test_report(void **state)
{
	char file[] = "/tmp/test_tkitnew.XXXXXX";
	struct options given = {0};
	struct tkit_model *model;
	void *self = NULL;

	close(mkstemp(file));
	write_trace(file);
	assert_int_equal(tkit_model_read(NULL, file, &model), 0);
	assert_int_equal(ops.open(NULL, &given, &self), 0);
	assert_int_equal(ops.render(NULL, self, model, NULL), 0);
	assert_string_equal(report, "       2  /etc/passwd\n");
	given.failed = 1;
	report[0] = '\0';
	assert_int_equal(ops.render(NULL, self, model, NULL), 0);
	assert_string_equal(report, "       2  /etc/passwd\n       1  /missing\n");
	ops.close(NULL, self);
	tkit_model_free(model);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_report)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
