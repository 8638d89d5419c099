// SPDX-License-Identifier: MIT
/* Tests of the tkitnew backend, without tkit: what core gives to a plugin is made here. */
#include "tkitnew.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <unistd.h>

/* ---- core's side ---- */

static char seen[4096]; /* paths, a line each; "!" for a loss */
static char cause[256]; /* of the last tkit_fail() */

int tkit_emit(struct tkit_ctx *ctx, const struct tkit_event *event)
{
	size_t at = strlen(seen);

	snprintf(seen + at, sizeof(seen) - at, "%s %.*s\n", tkit_op_name(event->op),
		 (int)event->path.len, event->path.ptr);
	return 0;
}

int tkit_lose(struct tkit_ctx *ctx, enum tkit_loss reason, uint64_t count, const char *detail)
{
	strncat(seen, "!\n", sizeof(seen) - strlen(seen) - 1);
	return 0;
}

int tkit_fail(struct tkit_ctx *ctx, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- tests ---- */

static void test_life(void **state)
{
	char file[] = "/tmp/test_tkitnew.XXXXXX";
	int fd = mkstemp(file), rc;
	const struct options given = {.file = file};
	void *self = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "/etc/passwd\n\nlibz.so.1", 22), 22);
	close(fd);
	assert_int_equal(ops.open(NULL, &given, NULL, &self), 0);
	assert_int_equal(ops.start(NULL, self), 0);
	while ((rc = ops.pump(NULL, self, 0)) >= 0)
		;
	assert_int_equal(rc, TKIT_END);
	assert_string_equal(seen, "open /etc/passwd\n!\nopen libz.so.1\n");
	ops.close(NULL, self);
	unlink(file);
}

static void test_missing_file(void **state)
{
	const struct options given = {.file = "/dev/null/file"};
	void *self = NULL;

	assert_int_equal(ops.open(NULL, &given, NULL, &self), -ENOTDIR);
	assert_null(self);
	assert_string_equal(cause, "opening /dev/null/file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
