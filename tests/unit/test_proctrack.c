// SPDX-License-Identifier: MIT
/* Which process runs which program. */
#include "trace_util.h"

#include "trace/proctrack.h"

static void feed(struct proctrack *track, int type, int32_t pid, int32_t ppid, const char *exe)
{
	struct tkit_event event;

	tkit_event_init(&event, (enum tkit_event_type)type);
	event.valid = TKIT_V_PID;
	event.pid = pid;
	if (ppid) {
		event.valid |= TKIT_V_PPID;
		event.ppid = ppid;
	}
	if (exe) {
		event.valid |= TKIT_V_EXE;
		event.exe = bytes_str(exe);
	}
	assert_int_equal(proctrack_event(track, &event), 0);
}

static void assert_exe(const struct proctrack *track, int32_t pid, const char *want)
{
	struct tkit_event event;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = TKIT_V_PID;
	event.pid = pid;
	proctrack_fill(track, &event);
	if (!want) {
		assert_int_equal(event.valid, TKIT_V_PID);
		return;
	}
	assert_int_equal(event.valid, TKIT_V_PID | TKIT_V_EXE);
	assert_true(bytes_is(event.exe, want));
}

static void test_life(void **state)
{
	struct proctrack track;

	proctrack_init(&track);
	assert_exe(&track, 1, NULL);
	feed(&track, TKIT_EVENT_EXIT, 1, 0, NULL);
	feed(&track, TKIT_EVENT_EXEC, 10, 0, "/bin/sh");
	feed(&track, TKIT_EVENT_FORK, 11, 10, NULL);
	assert_exe(&track, 11, "/bin/sh");
	assert_int_equal(proctrack_find(&track, 11)->ppid, 10);
	feed(&track, TKIT_EVENT_EXEC, 11, 0, "/bin/ls");
	assert_exe(&track, 11, "/bin/ls");
	assert_exe(&track, 10, "/bin/sh");
	feed(&track, TKIT_EVENT_EXIT, 11, 0, NULL);
	assert_exe(&track, 11, NULL);
	/* an exec that does not tell what runs now: unknown, not what ran before */
	feed(&track, TKIT_EVENT_EXEC, 10, 0, NULL);
	assert_exe(&track, 10, NULL);
	/* a pid that is used again */
	feed(&track, TKIT_EVENT_FORK, 10, 999, NULL);
	assert_exe(&track, 10, NULL);
	proctrack_done(&track);
}

static void test_keeps_what_is_told(void **state)
{
	struct proctrack track;
	struct tkit_event event;

	proctrack_init(&track);
	feed(&track, TKIT_EVENT_EXEC, 10, 0, "/bin/sh");
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = TKIT_V_PID | TKIT_V_EXE;
	event.pid = 10;
	event.exe = BYTES_LIT("/told");
	proctrack_fill(&track, &event);
	assert_true(bytes_is(event.exe, "/told"));
	event.valid = 0;
	proctrack_fill(&track, &event);
	assert_int_equal(event.valid, 0);
	proctrack_done(&track);
}

/* Many processes come and go: all are found, and ended ones take no room. */
static void test_many(void **state)
{
	enum { ALIVE = 1000, ROUNDS = 200000 };
	struct proctrack track;

	proctrack_init(&track);
	feed(&track, TKIT_EVENT_EXEC, 0x40000000, 0, "/sbin/init");
	for (int32_t i = 0; i < ROUNDS; i++) {
		feed(&track, TKIT_EVENT_FORK, i * 7 % 4000037, 0x40000000, NULL);
		if (i >= ALIVE)
			feed(&track, TKIT_EVENT_EXIT, (i - ALIVE) * 7 % 4000037, 0, NULL);
	}
	assert_int_equal(track.count, ALIVE + 1);
	assert_true(track.room <= 8 * ALIVE);
	for (int32_t i = ROUNDS - ALIVE; i < ROUNDS; i++)
		assert_exe(&track, i * 7 % 4000037, "/sbin/init");
	assert_exe(&track, (ROUNDS - ALIVE - 1) * 7 % 4000037, NULL);
	proctrack_done(&track);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_keeps_what_is_told),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("proctrack", tests, NULL, NULL);
}
