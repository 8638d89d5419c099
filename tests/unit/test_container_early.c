// SPDX-License-Identifier: MIT
/* A tracer that waits to be told whom to trace, and those who tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/early.h"

#define SECOND 1000000000ull

static char *const own[] = {(char *)"run", (char *)"--backend", (char *)"x"};
static char *const words[] = {(char *)"run",      (char *)"--backend", (char *)"x",
			      (char *)"--cgroup", (char *)"",          (char *)"/a b\n"};
static char *const others[] = {(char *)"run", (char *)"--backend", (char *)"y"};

struct tracer {
	pthread_t thread;
	int listen_fd;
	int stop[2];
	struct early_order order;
	struct err err;
	int rc;
};

static void *wait_for_order(void *arg)
{
	struct tracer *t = arg;

	t->rc = early_await(t->listen_fd, t->stop[0], own, 3, &t->order, &t->err);
	close(t->listen_fd);
	return NULL;
}

/* Names that no other run of this test has. */
static const char *name(void)
{
	static char id[64];

	snprintf(id, sizeof(id), "test-%d", (int)getpid());
	return id;
}

static void begin(struct tracer *t)
{
	*t = (struct tracer){.err = ERR_INIT};
	t->listen_fd = early_listen("/run/x", name());
	assert_true(t->listen_fd >= 0);
	assert_int_equal(pipe(t->stop), 0);
	assert_int_equal(pthread_create(&t->thread, NULL, wait_for_order, t), 0);
}

static void end(struct tracer *t)
{
	early_order_done(&t->order);
	err_done(&t->err);
	close(t->stop[0]);
	close(t->stop[1]);
}

static void test_told(void **state)
{
	struct tracer t;
	char byte = 0;
	int fd;

	begin(&t);
	fd = early_tell("/run/x", name(), words, 6, 5 * SECOND);
	assert_true(fd >= 0);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.order.count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(t.order.words[i], words[i]);
	assert_null(t.order.words[6]);
	assert_int_equal(write(t.order.ready_fd, "\n", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, '\n');
	/* It is gone now for all others. */
	assert_int_equal(early_tell("/run/x", name(), words, 6, SECOND), -ECONNREFUSED);
	end(&t);
	assert_int_equal(read(fd, &byte, 1), 0); /* nobody will say that it is armed */
	close(fd);
}

/* With other options, or to another container's, the order is not for this one: it waits on. */
static void test_others(void **state)
{
	char *many[EARLY_WORDS_MAX + 1];
	char *huge = malloc(40000);
	struct tracer t;
	int fd;

	memset(huge, 'x', 39999);
	huge[39999] = '\0';
	for (size_t i = 0; i <= EARLY_WORDS_MAX; i++)
		many[i] = i < 3 ? own[i] : (char *)"word";
	begin(&t);
	assert_int_equal(early_listen("/run/x", name()), -EADDRINUSE);
	assert_int_equal(early_tell("/run/y", name(), words, 6, SECOND), -ECONNREFUSED);
	assert_int_equal(early_tell(NULL, name(), words, 6, SECOND), -ECONNREFUSED);
	assert_int_equal(early_tell("/run/x", "other", words, 6, SECOND), -ECONNREFUSED);
	assert_true(early_tell("/run/x", name(), others, 3, 5 * SECOND) < 0);
	assert_true(early_tell("/run/x", name(), own, 2, 5 * SECOND) < 0);
	assert_true(early_tell("/run/x", name(), many, EARLY_WORDS_MAX + 1, 5 * SECOND) < 0);
	assert_int_equal(early_tell("/run/x", name(), &huge, 1, 5 * SECOND), -E2BIG);
	fd = early_tell("/run/x", name(), words, 6, 5 * SECOND);
	assert_true(fd >= 0);
	close(fd);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.rc, 0);
	end(&t);
	free(huge);
}

static void test_called_off(void **state)
{
	struct tracer t;

	begin(&t);
	early_call_off("/run/y", name());
	early_call_off("/run/x", name());
	pthread_join(t.thread, NULL);
	assert_int_equal(t.rc, -ECANCELED);
	end(&t);
}

static void test_stopped(void **state)
{
	struct tracer t;

	begin(&t);
	assert_int_equal(write(t.stop[1], "x", 1), 1);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.rc, -ECANCELED);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_called_off),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
