// SPDX-License-Identifier: MIT
/* Sessions that are told late whom to watch. */
#include <signal.h>
#include <stdatomic.h>

#include "session_fake.h"

static atomic_int opened; /* instances of the first backend */
static atomic_uint flags; /* of its target */

static int open_early(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		      void **ret_self)
{
	int rc;

	atomic_store(&flags, target->flags);
	rc = open_fake(ctx, &scripts[0], target, ret_self);
	atomic_fetch_add(&opened, 1);
	return rc;
}

static struct tkit_backend_ops early_ops;

static void prepare_late(struct setup *s, int (*await)(void *arg, int stop_fd, struct err *err))
{
	prepare(s, 2, NULL);
	atomic_store(&opened, 0);
	early_ops = backend_ops[0];
	early_ops.open = open_early;
	s->plugins[0].ops = &early_ops;
	s->plugins[0].desc.caps |= TKIT_BACKEND_EARLY;
	s->config.target = TKIT_TARGET_PID;
	s->config.no_snapshot = true;
	s->config.await = await;
	s->config.await_arg = s;
}

static bool await_open(void)
{
	for (int i = 0; i < 5000 && !atomic_load(&opened); i++)
		usleep(1000);
	return atomic_load(&opened) == 1;
}

/* ---- told ---- */

static pid_t child;

static int tell_child(void *arg, int stop_fd, struct err *err)
{
	struct setup *s = arg;

	/* No sink and no other backend has been opened; this one is, before anybody is there. */
	if (!await_open() || seen.opened || scripts[1].calls[0])
		return err_set(err, -EPROTO, "not in this order");
	child = fork();
	if (child == 0) {
		usleep(200000);
		_exit(0);
	}
	s->config.pid = child;
	return 0;
}

static void test_told(void **state)
{
	struct setup s;
	int status;

	prepare_late(&s, tell_child);
	if (run(&s) < 0)
		fail_msg("%s", err_text(&s.err));
	waitpid(child, &status, 0);
	assert_true(s.result.complete);
	assert_true(atomic_load(&flags) & TKIT_TARGET_LATE);
	assert_int_equal(scripts[0].pid, 0);
	assert_int_equal(scripts[1].pid, child);
	for (int i = 0; i < 2; i++) {
		check_whole_life(&scripts[i]);
		assert_false(scripts[i].wrong_thread);
	}
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.ended, 1);
}

/* A backend that cannot be opened says so when there is somebody to be told. */
static void test_open_fails(void **state)
{
	struct setup s;
	int status;

	prepare_late(&s, tell_child);
	scripts[0].fail_open = 1;
	assert_int_equal(run(&s), -EPERM);
	assert_non_null(strstr(err_text(&s.err), "no way"));
	assert_string_equal(scripts[0].calls, "o");
	assert_int_equal(seen.begun, 0);
	assert_int_equal(seen.opened, seen.closed);
	waitpid(child, &status, 0);
	err_done(&s.err);
}

/* ---- called off ---- */

static int call_off(void *arg, int stop_fd, struct err *err)
{
	return await_open() ? -ECANCELED : -EPROTO;
}

static int stop_by_signal(void *arg, int stop_fd, struct err *err)
{
	struct pollfd fd = {.fd = stop_fd, .events = POLLIN};

	if (!await_open())
		return -EPROTO;
	kill(getpid(), SIGTERM);
	return poll(&fd, 1, 5000) == 1 ? -ECANCELED : -ETIMEDOUT;
}

static void check_called_off(int (*await)(void *arg, int stop_fd, struct err *err))
{
	struct setup s;

	prepare_late(&s, await);
	assert_int_equal(run(&s), -ECANCELED);
	assert_string_equal(scripts[0].calls, "oc");
	assert_string_equal(scripts[1].calls, "");
	assert_false(scripts[0].wrong_thread);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(seen.begun, 0);
	err_done(&s.err);
}

static void test_called_off(void **state)
{
	check_called_off(call_off);
}

static void test_signal(void **state)
{
	check_called_off(stop_by_signal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_called_off),
		cmocka_unit_test(test_signal),
	};

	log_set_level(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
