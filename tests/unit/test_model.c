// SPDX-License-Identifier: MIT
/* Aggregation: accesses, programs, losses, what has no path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "feed.h"

static void begin(struct feed *f)
{
	feed_init(f);
	feed_begin(f, 1);
}

static struct tkit_model *done(struct feed *f)
{
	feed_end(f);
	return feed_finish(f);
}

static void test_accesses(void **state)
{
	const struct tkit_access *a;
	const struct tkit_path *path;
	struct tkit_model *m;
	struct feed f;

	begin(&f);
	EV(&f, TKIT_OP_OPEN, "b", .base = "/a", .flags = O_CLOEXEC, .pflags = TKIT_P_NOFOLLOW);
	EV(&f, TKIT_OP_OPEN, "./b", .base = "/a", .flags = O_WRONLY, .count = 5);
	EV(&f, TKIT_OP_STAT, "/a/b");
	EV(&f, TKIT_OP_OPEN, "/a/b", ENOENT);
	m = done(&f);
	assert_int_equal(tkit_model_path_count(m), 1);
	path = feed_find(m, "/a/b");
	assert_int_equal(path->access_count, 3);
	assert_int_equal(path->first_ns, 10);
	a = tkit_model_access(m, path, 0);
	assert_int_equal(a->op, TKIT_OP_OPEN);
	assert_int_equal(a->err, 0);
	assert_int_equal(a->count, 6);
	assert_int_equal(a->flags, O_CLOEXEC | O_WRONLY);
	assert_int_equal(a->nofollow_all, 0);
	assert_int_equal(a->pflags & TKIT_P_NOFOLLOW, TKIT_P_NOFOLLOW);
	assert_int_equal(a->first_ns, 10);
	assert_int_equal(a->last_ns, 20);
	assert_true(bytes_is(a->requested, "b"));
	assert_true(bytes_is(a->base, "/a"));
	assert_int_equal(tkit_model_access(m, path, 1)->err, ENOENT);
	assert_int_equal(tkit_model_access(m, path, 2)->op, TKIT_OP_STAT);
	assert_null(tkit_model_access(m, path, 3));
	assert_null(tkit_model_path(m, 1));
	assert_null(tkit_model_find(m, BYTES_LIT("/a")));
	model_free(m);
}

static const struct tkit_program *program(const struct tkit_model *m, const char *exe,
					  uint32_t *ret_index)
{
	for (uint32_t i = 0; i < tkit_model_program_count(m); i++)
		if (bytes_is(tkit_model_program(m, i)->exe, exe)) {
			*ret_index = i;
			return tkit_model_program(m, i);
		}
	fail_msg("no program %s", exe);
	return NULL;
}

static void test_programs(void **state)
{
	const struct tkit_program *p;
	struct tkit_event event;
	struct tkit_model *m;
	struct feed f;
	uint32_t sh, ls;

	begin(&f);
	EV(&f, TKIT_OP_EXEC, "/bin/sh", .exe = "/usr/bin/dash");
	EV(&f, TKIT_OP_OPEN, "/by/sh");
	feed_fork(&f, 101, 100);
	EV(&f, TKIT_OP_OPEN, "/by/child", .pid = 101);
	EV(&f, TKIT_OP_EXEC, "/bin/ls", .exe = "/usr/bin/ls", .pid = 101);
	EV(&f, TKIT_OP_OPEN, "/by/ls", .pid = 101);
	tkit_event_init(&event, TKIT_EVENT_EXIT);
	event.valid = TKIT_V_PID;
	event.pid = 101;
	feed_raw(&f, &event);
	EV(&f, TKIT_OP_OPEN, "/by/nobody", .pid = 101);
	EV(&f, TKIT_OP_OPEN, "/odd/pid", .pid = INT32_MAX, .exe = "/usr/bin/ls");
	m = done(&f);
	assert_int_equal(tkit_model_program_count(m), 3);
	assert_int_equal(tkit_model_program(m, 0)->exe.len, 0);
	p = program(m, "/usr/bin/dash", &sh);
	assert_int_equal(p->processes, 2);
	assert_int_equal(p->parent, sh);
	p = program(m, "/usr/bin/ls", &ls);
	assert_int_equal(p->processes, 1);
	assert_int_equal(p->parent, sh);
	assert_true(bytes_is(p->comm, "ls"));
	assert_int_equal(tkit_model_access(m, feed_find(m, "/bin/sh"), 0)->program, 0);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/bin/ls"), 0)->program, sh);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/by/sh"), 0)->program, sh);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/by/child"), 0)->program, sh);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/by/ls"), 0)->program, ls);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/by/nobody"), 0)->program, 0);
	assert_int_equal(tkit_model_access(m, feed_find(m, "/odd/pid"), 0)->program, ls);
	assert_int_equal(feed_find(m, "/bin/ls")->state & TKIT_PATH_EXECUTED, TKIT_PATH_EXECUTED);
	model_free(m);
}

static void test_pathless(void **state)
{
	struct tkit_model *m;
	struct feed f;

	begin(&f);
	EV(&f, TKIT_OP_OPEN, "rel");
	EV(&f, TKIT_OP_OPEN, "rel", ENOENT, .count = 3);
	EV(&f, TKIT_OP_OPEN, "", ENOENT);
	EV(&f, TKIT_OP_OPEN, NULL, EFAULT, .pflags = TKIT_P_UNREADABLE);
	EV(&f, TKIT_OP_OPEN, "/cut/na", .pflags = TKIT_P_TRUNCATED);
	EV(&f, TKIT_OP_CONNECT, "@x", .pflags = TKIT_P_ABSTRACT);
	/* the kernel's own answer is as good a name */
	EV(&f, TKIT_OP_OPEN, "rel2", .resolved = "/known/rel2");
	EV(&f, TKIT_OP_OPEN, NULL, .resolved = "/known/fanotify");
	EV(&f, TKIT_OP_OPEN, "/cut/na", .pflags = TKIT_P_TRUNCATED, .resolved = "/cut/name");
	EV(&f, TKIT_OP_OPEN, NULL, .resolved = "/out", .pflags = TKIT_P_OUTSIDE_ROOT);
	m = done(&f);
	assert_int_equal(tkit_model_path_count(m), 3);
	feed_find(m, "/known/rel2");
	feed_find(m, "/known/fanotify");
	feed_find(m, "/cut/name");
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_NO_BASE, 0), 1);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_NO_BASE, 1), 3);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_EMPTY, 1), 1);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_UNREADABLE, 1), 1);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_TRUNCATED, 0), 1);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_NO_FILE, 0), 1);
	assert_int_equal(tkit_model_pathless(m, TKIT_PATHLESS_ABSENT, 0), 1);
	model_free(m);
}

static void test_long_path(void **state)
{
	static char path[12000], base[6000];
	struct tkit_model *m;
	struct feed f;

	memset(path, 'x', sizeof(path) - 1);
	memset(base, 'y', sizeof(base) - 1);
	base[0] = '/';
	begin(&f);
	EV(&f, TKIT_OP_OPEN, path, ENAMETOOLONG, .base = base);
	m = done(&f);
	assert_int_equal(tkit_model_path(m, 0)->name.len, strlen(path) + strlen(base) + 1);
	model_free(m);
}

static void test_losses(void **state)
{
	uint64_t losses[TKIT_LOSS_COUNT_] = {[TKIT_LOSS_RING_FULL] = 10};
	struct tkit_run_end end = {.size = sizeof(end),
				   .complete = 0,
				   .loss_count = TKIT_LOSS_COUNT_,
				   .losses = losses};
	struct err err = ERR_INIT;
	struct tkit_model *m;
	struct feed f;

	begin(&f);
	feed_lose(&f, TKIT_LOSS_RING_FULL, 4);
	feed_lose(&f, TKIT_LOSS_PARSE, 2);
	assert_int_equal(model_builder_end_run(f.builder, f.run, &end, &err), 0);
	feed_begin(&f, 2);
	feed_end(&f);
	m = feed_finish(&f);
	assert_false(tkit_model_complete(m));
	assert_false(tkit_model_run(m, 0)->complete);
	assert_true(tkit_model_run(m, 1)->complete);
	assert_int_equal(tkit_model_losses(m, TKIT_LOSS_RING_FULL), 10);
	assert_int_equal(tkit_model_losses(m, TKIT_LOSS_PARSE), 2);
	assert_int_equal(tkit_model_caps(m), FEED_CAPS);
	model_free(m);
	/* no run at all is nothing to rely on */
	feed_init(&f);
	m = feed_finish(&f);
	assert_false(tkit_model_complete(m));
	assert_int_equal(tkit_model_caps(m), 0);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accesses), cmocka_unit_test(test_programs),
		cmocka_unit_test(test_pathless), cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
