// SPDX-License-Identifier: MIT
/* Which processes of a control group are the container's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "session/entry.h"
#include "util/bytes.h"

static bool event(struct entry *entry, int type, int32_t pid, uint32_t pflags)
{
	struct tkit_event e;

	tkit_event_init(&e, (enum tkit_event_type)type);
	e.valid = TKIT_V_PID;
	e.pid = pid;
	e.pflags = pflags;
	if (type == TKIT_EVENT_EXEC) {
		e.valid |= TKIT_V_EXE;
		e.exe = BYTES_LIT("/bin/x");
	}
	return entry_passes(entry, &e);
}

static bool fork_of(struct entry *entry, int32_t pid, int32_t ppid)
{
	struct tkit_event e;

	tkit_event_init(&e, TKIT_EVENT_FORK);
	e.valid = TKIT_V_PID | TKIT_V_PPID;
	e.pid = pid;
	e.ppid = ppid;
	return entry_passes(entry, &e);
}

#define ACCESS(pid)  event(entry, TKIT_EVENT_ACCESS, pid, 0)
#define EXIT(pid)    event(entry, TKIT_EVENT_EXIT, pid, 0)
#define INSIDE(pid)  event(entry, TKIT_EVENT_EXEC, pid, 0)
#define OUTSIDE(pid) event(entry, TKIT_EVENT_EXEC, pid, TKIT_P_OUTSIDE_ROOT)

static int setup(void **state)
{
	static struct entry entry;

	*state = &entry;
	return entry_init(&entry);
}

static int teardown(void **state)
{
	entry_done(*state);
	return 0;
}

/* runc init: nothing of it, until it executes the container's program. */
static void test_init(void **state)
{
	struct entry *entry = *state;

	assert_false(ACCESS(10));
	assert_false(OUTSIDE(10)); /* runc's own binary again, from a memfd */
	assert_false(ACCESS(10));
	assert_true(INSIDE(10));
	assert_true(ACCESS(10));
	assert_true(OUTSIDE(10)); /* whatever it runs from now on */
	assert_true(ACCESS(10));
	assert_int_equal(entry->dropped, 3);
}

/* Repeats are told when their process is gone, or runs something else. */
static void test_repeats(void **state)
{
	struct entry *entry = *state;
	struct tkit_event e;

	assert_true(INSIDE(10));
	assert_true(EXIT(10));
	tkit_event_init(&e, TKIT_EVENT_ACCESS);
	e.valid = TKIT_V_PID;
	e.pid = 10;
	e.pflags = TKIT_P_REPEAT;
	assert_false(entry_passes(entry, &e)); /* of the runtime, before it entered */
	e.valid |= TKIT_V_EXE;
	e.exe = BYTES_LIT("/bin/x");
	assert_true(entry_passes(entry, &e));
}

static void test_children(void **state)
{
	struct entry *entry = *state;

	assert_false(fork_of(entry, 11, 10));
	assert_false(ACCESS(11));
	assert_true(INSIDE(10));
	assert_true(fork_of(entry, 12, 10));
	assert_true(ACCESS(12));
	assert_true(fork_of(entry, 13, 12));
	assert_true(ACCESS(13));
	assert_false(ACCESS(11)); /* was there before the exec */
}

/* docker exec: joins later, by a helper of its own. */
static void test_entrant(void **state)
{
	struct entry *entry = *state;

	assert_true(INSIDE(10));
	assert_false(ACCESS(20));
	assert_false(fork_of(entry, 21, 20));
	assert_true(INSIDE(21));
	assert_true(ACCESS(21));
	assert_false(ACCESS(20));
	assert_false(EXIT(20));
	assert_true(EXIT(21));
}

/* A number that is used again is a stranger's. */
static void test_reuse(void **state)
{
	struct entry *entry = *state;

	assert_true(INSIDE(10));
	assert_true(EXIT(10));
	assert_false(ACCESS(10));
	assert_false(EXIT(10));
	assert_true(INSIDE(10));
	assert_true(ACCESS(10));
}

/* An exec may be among what was lost: nobody is dropped any more. */
static void test_loss(void **state)
{
	struct entry *entry = *state;
	struct tkit_event e;

	assert_false(ACCESS(10));
	tkit_event_init(&e, TKIT_EVENT_LOSS);
	e.valid = TKIT_V_PID;
	e.pid = 10;
	assert_true(entry_passes(entry, &e));
	assert_true(ACCESS(10));
	assert_true(ACCESS(99));
	/* a loss of nobody in particular counts as well */
	entry->lossy = false;
	e.valid = 0;
	assert_true(entry_passes(entry, &e));
	assert_true(ACCESS(98));
}

static void test_unknown(void **state)
{
	struct entry *entry = *state;
	struct tkit_event e;

	/* nobody's event passes */
	tkit_event_init(&e, TKIT_EVENT_ACCESS);
	assert_true(entry_passes(entry, &e));
	/* an exec that does not tell what it runs lets nobody in */
	tkit_event_init(&e, TKIT_EVENT_EXEC);
	e.valid = TKIT_V_PID;
	e.pid = 30;
	assert_false(entry_passes(entry, &e));
	/* a fork whose creator is unknown does */
	tkit_event_init(&e, TKIT_EVENT_FORK);
	e.valid = TKIT_V_PID;
	e.pid = 31;
	assert_true(entry_passes(entry, &e));
	assert_true(ACCESS(31));
	/* numbers that no process has */
	entry_add(entry, 0);
	entry_add(entry, -1);
	entry_add(entry, INT32_MAX);
	assert_false(ACCESS(0));
	assert_false(ACCESS(-1));
	assert_false(ACCESS(INT32_MAX));
	assert_false(EXIT(INT32_MAX));
	entry_add(entry, (4 << 20) - 1);
	assert_true(ACCESS((4 << 20) - 1));
}

/* Without a container everything passes. */
static void test_off(void **state)
{
	struct entry off = {0}, *entry = &off;

	assert_true(ACCESS(10));
	assert_true(EXIT(10));
	assert_true(fork_of(entry, 11, 12));
	entry_add(entry, 10);
	entry_done(entry);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		FRESH(test_init),    FRESH(test_repeats),        FRESH(test_children),
		FRESH(test_entrant), FRESH(test_reuse),          FRESH(test_loss),
		FRESH(test_unknown), cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
