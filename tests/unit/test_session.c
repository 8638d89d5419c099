// SPDX-License-Identifier: MIT
/* The life cycle, with backends and sinks made here. */
#include "session_fake.h"

/* Opened to closed; a quick command may be gone before the first pump(). */
static void test_order(void **state)
{
	struct setup s;
	char cwd[4096];

	prepare(&s, 2, "exit 3");
	assert_int_equal(run(&s), 0);
	assert_true(WIFEXITED(s.result.wait_status));
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 3);
	assert_true(s.result.complete);
	for (int i = 0; i < 2; i++) {
		check_whole_life(&scripts[i]);
		assert_false(scripts[i].wrong_thread);
	}
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(seen.backend_count, 2);
	assert_true(seen.id_set);
	assert_string_equal(seen.cwd, getcwd(cwd, sizeof(cwd)));
	assert_int_equal(seen.end.wait_status, s.result.wait_status);
	assert_int_equal(seen.end.complete, 1);
}

/* start() of a backend looks whether the command has run already. */
static char gate_file[] = "/tmp/tkit-gate-XXXXXX";

static int slow_start(struct tkit_ctx *ctx, void *self)
{
	usleep(100000);
	return access(gate_file, F_OK) == 0 ? tkit_fail(ctx, -EBUSY, "the command ran too early")
					    : fake_start(ctx, self);
}

static void test_gate(void **state)
{
	struct tkit_backend_ops ops = backend_ops[1];
	struct setup s;
	char command[128];

	close(mkstemp(gate_file));
	unlink(gate_file);
	snprintf(command, sizeof(command), "> %s", gate_file);
	prepare(&s, 2, command);
	ops.start = slow_start;
	s.plugins[1].ops = &ops;
	assert_int_equal(run(&s), 0);
	assert_int_equal(unlink(gate_file), 0);
}

static void test_one_backend_fails(void **state)
{
	struct setup s;
	char command[128];

	snprintf(command, sizeof(command), "> %s", gate_file);
	prepare(&s, 2, command);
	scripts[1].fail_start = 1;
	assert_int_equal(run(&s), -EACCES);
	assert_string_equal(s.err.text, "backend second: cannot arm: Permission denied");
	assert_string_equal(scripts[0].calls, "osxc");
	assert_string_equal(scripts[1].calls, "osc");
	assert_int_equal(access(gate_file, F_OK), -1); /* never ran */
	assert_int_equal(seen.begun + seen.ended, 0);
	assert_int_equal(seen.closed, 1);
	err_done(&s.err);

	prepare(&s, 2, command);
	scripts[0].fail_open = 1;
	assert_int_equal(run(&s), -EPERM);
	assert_non_null(strstr(s.err.text, "backend first: no way; try another"));
	assert_string_equal(scripts[0].calls, "o");
	assert_string_equal(scripts[1].calls, "osxc");
	assert_int_equal(access(gate_file, F_OK), -1);
	err_done(&s.err);
}

static void test_pump_fails(void **state)
{
	struct setup s;

	prepare(&s, 2, "sleep 0.2; exit 4");
	scripts[0].fail_pump = 1;
	assert_int_equal(run(&s), -EIO);
	assert_non_null(strstr(s.err.text, "backend first: source broke"));
	assert_true(s.result.reported);
	/* The command was left alone, and waited for. */
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 4);
	check_whole_life(&scripts[1]);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.end.complete, 0);
	assert_int_equal(seen.losses[TKIT_LOSS_FORCED], 1);
	err_done(&s.err);
}

static void test_totals(void **state)
{
	struct setup s;

	prepare(&s, 2, "sleep 0.1");
	scripts[0].produce = 700;
	scripts[1].produce = 11;
	assert_int_equal(run(&s), 0);
	assert_true(scripts[0].emitted > 0);
	assert_int_equal(seen.events, scripts[0].emitted + scripts[1].emitted);
	assert_int_equal(s.result.events, seen.events);
	assert_int_equal(seen.end.accesses, seen.events);
	assert_true(s.result.complete);
}

static void test_stuck(void **state)
{
	struct setup s;

	prepare(&s, 1, "true");
	scripts[0].never_end = 1;
	s.config.drain_ns = 50000000;
	assert_int_equal(run(&s), 0);
	assert_false(s.result.complete);
	assert_int_equal(s.result.losses[TKIT_LOSS_FORCED], 1);
	assert_int_equal(seen.ended, 1);
}

static void test_no_target(void **state)
{
	struct setup s;

	prepare(&s, 1, NULL);
	scripts[0].end_at_once = 1;
	scripts[0].produce = 5;
	assert_int_equal(run(&s), 0);
	assert_int_equal(s.result.wait_status, -1);
	assert_int_equal(seen.events, 5);
	assert_int_equal(seen.end.wait_status, -1);

	prepare(&s, 1, NULL);
	s.config.duration_ns = 100000000;
	assert_int_equal(run(&s), 0);
	assert_true(seen.end.duration_ns >= 100000000);
	assert_true(s.result.complete);
}

static void test_duration_of_command(void **state)
{
	struct setup s;

	prepare(&s, 1, "sleep 0.4; exit 6");
	s.config.duration_ns = 50000000;
	assert_int_equal(run(&s), 0);
	assert_true(seen.end.duration_ns < 300000000);
	assert_int_equal(seen.end.wait_status, -1); /* it was still running */
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 6);
	assert_true(s.result.complete);
}

static void test_pid(void **state)
{
	struct setup s;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		usleep(150000);
		_exit(0);
	}
	prepare(&s, 1, NULL);
	s.config.target = TKIT_TARGET_PID;
	s.config.pid = pid;
	assert_int_equal(run(&s), 0);
	assert_int_equal(scripts[0].pid, pid);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), pid); /* ours to reap, not the session's */
	prepare(&s, 1, NULL);
	s.config.target = TKIT_TARGET_PID;
	s.config.pid = pid;
	assert_int_equal(run(&s), -ESRCH);
	err_done(&s.err);
	close(fds[0]);
	close(fds[1]);
}

static void test_refusals(void **state)
{
	struct setup s;

	prepare(&s, 1, "true");
	s.plugins[0].desc.caps = TKIT_CAN_TARGET_ALL;
	assert_int_equal(run(&s), -EOPNOTSUPP);
	assert_string_equal(s.err.text, "backend first cannot watch a command");
	err_done(&s.err);
	prepare(&s, 2, "true");
	s.plugins[0].desc.caps |= TKIT_BACKEND_WAITS;
	s.plugins[1].desc.caps |= TKIT_BACKEND_WAITS;
	assert_int_equal(run(&s), -EBUSY);
	err_done(&s.err);
	prepare(&s, 1, "true");
	s.argv[0] = (char *)"no-such-command-of-tkit";
	assert_int_equal(run(&s), -ENOENT);
	assert_int_equal(s.result.exec_errno, ENOENT);
	assert_int_equal(seen.opened, 0);
	err_done(&s.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_one_backend_fails),
		cmocka_unit_test(test_pump_fails),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_duration_of_command),
		cmocka_unit_test(test_pid),
		cmocka_unit_test(test_refusals),
	};

	log_set_level((enum tkit_log_level)0); /* failures are expected here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
