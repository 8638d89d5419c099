// SPDX-License-Identifier: MIT
/* Children of tkit slim, and waiting for them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/proc.h"

static int setup(void **state)
{
	static struct proc_set set;

	*state = &set;
	return proc_set_init(&set, NULL);
}

static int teardown(void **state)
{
	proc_set_done(*state);
	return 0;
}

static void start(struct proc_set *set, const char *script, struct proc *proc)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	struct proc_spec spec = {.path = "/bin/sh", .argv = argv, .flags = PROC_OUTPUT};

	assert_int_equal(proc_start(set, &spec, proc, NULL), 0);
}

static void test_output(void **state)
{
	struct proc proc;

	start(*state, "echo out; echo err >&2; exit 3", &proc);
	assert_int_equal(proc_wait(*state, &proc, -1, proc_now() + 20 * PROC_S), 1);
	assert_true(proc.ended);
	assert_int_equal(WEXITSTATUS(proc.status), 3);
	assert_int_equal(proc.out[0].data.size, 4);
	assert_memory_equal(proc.out[0].data.data, "out\n", 4);
	assert_int_equal(proc.out[1].data.size, 4);
	assert_memory_equal(proc.out[1].data.data, "err\n", 4);
	assert_false(proc.out[0].cut);
	proc_end(*state, &proc);
}

static void test_times_out(void **state)
{
	struct proc proc;
	uint64_t began = proc_now();

	start(*state, "exec sleep 60", &proc);
	assert_int_equal(proc_wait(*state, &proc, -1, proc_now() + 50 * PROC_MS), 0);
	assert_false(proc.ended);
	proc_end(*state, &proc);
	assert_true(proc_now() - began < 20 * PROC_S);
}

/* Of one that writes without end so much is kept, and each wait ends when its time is over. */
static void test_flood(void **state)
{
	struct proc proc;

	start(*state, "cat /dev/zero & cat /dev/zero & cat /dev/zero & exec cat /dev/zero", &proc);
	alarm(100); /* it may hang: then this ends it */
	while (!proc.out[0].cut)
		assert_int_equal(proc_wait(*state, &proc, -1, proc_now() + 50 * PROC_MS), 0);
	alarm(0);
	assert_true(proc.out[0].data.size <= PROC_OUTPUT_MAX + (1u << 20));
	kill(-proc.pid, SIGKILL);
	proc_end(*state, &proc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_output),
		TEST(test_times_out),
		TEST(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
