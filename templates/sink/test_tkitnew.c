// SPDX-License-Identifier: MIT
/* Tests of the tkitnew sink, without tkit: what core gives to a plugin is made here. */
#include "tkitnew.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <unistd.h>

static char cause[256]; /* of the last tkit_fail(), which is core's elsewhere */

int tkit_fail(struct tkit_ctx *ctx, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	return rc;
}

static void test_life(void **state)
{
	char file[] = "/tmp/test_tkitnew.XXXXXX", text[256] = "";
	const struct options given = {.losses = 1};
	const struct tkit_run_info run = {.size = sizeof(run)};
	struct tkit_event event;
	const struct tkit_batch batch = {
		.size = sizeof(batch), .count = 1, .stride = sizeof(event), .events = &event};
	void *self = NULL;
	FILE *in;

	close(mkstemp(file));
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.op = TKIT_OP_OPEN;
	event.valid = TKIT_V_PATH;
	event.path.ptr = "/etc/passwd";
	event.path.len = strlen(event.path.ptr);
	assert_int_equal(ops.open(NULL, &given, file, &self), 0);
	assert_int_equal(ops.begin(NULL, self, &run), 0);
	assert_int_equal(ops.write(NULL, self, &batch), 0);
	assert_int_equal(ops.flush(NULL, self), 0);
	assert_int_equal(ops.close(NULL, self), 0);
	in = fopen(file, "r");
	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	assert_non_null(strstr(text, "/etc/passwd"));
	fclose(in);
	unlink(file);
}

static void test_no_output(void **state)
{
	const struct options given = {0};
	void *self = NULL;

	assert_int_equal(ops.open(NULL, &given, NULL, &self), -EINVAL);
	assert_int_equal(ops.open(NULL, &given, "/dev/null/file", &self), -ENOTDIR);
	assert_string_equal(cause, "opening /dev/null/file");
	assert_null(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_no_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
