// SPDX-License-Identifier: MIT
/* The bus, when a sink fails, loses or hangs: it is told, and nobody waits for ever. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bus_probe.h"

static void test_sink_failure(void **state)
{
	struct fixture f;
	struct bus_source *source;
	struct err err = ERR_INIT;
	uint64_t taken = 0;
	int rc;

	make(&f, 2, 2);
	f.probes[0].fail_at = 1000;
	bus_add_source(f.bus, 0, &source);
	bus_start(f.bus, &f.run, NULL);
	while ((rc = emit_number(source, taken, "/x")) == 0)
		taken++;
	assert_int_equal(rc, -ECANCELED);
	assert_true(bus_failed(f.bus));
	assert_int_equal(emit_number(source, 0, "/x"), -ECANCELED);
	assert_int_equal(bus_refused(source), 2);
	bus_push(source);
	assert_int_equal(finish(&f, &err), -ENOSPC);
	assert_string_equal(err.text, "sink first: storing: No space left on device");
	assert_int_equal(f.failed, 1);
	/* The other sink gets all that was taken, and a proper end. */
	assert_int_equal(f.probes[1].next[0], taken);
	assert_int_equal(f.probes[1].ended, 1);
	assert_int_equal(f.probes[1].end.complete, 0);
	assert_int_equal(f.probes[0].ended, 0);
	assert_int_equal(f.probes[0].closed, 1);
	err_done(&err);
	bus_free(f.bus);
}

static int fail_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	return -EIO;
}

static void test_begin_failure(void **state)
{
	static const struct tkit_sink_ops ops = {
		.begin = fail_begin, .write = probe_write, .close = probe_close};
	struct fixture f;
	struct err err = ERR_INIT;

	make(&f, 1, 0);
	f.sinks[0].ops = &ops;
	assert_int_equal(bus_start(f.bus, &f.run, &err), -EIO);
	assert_non_null(strstr(err.text, "sink first"));
	bus_end(f.bus, NULL);
	assert_int_equal(bus_finish(f.bus, 0, NULL), -EIO);
	assert_int_equal(f.probes[0].closed, 1);
	err_done(&err);
	bus_free(f.bus);
}

static void test_force(void **state)
{
	struct producer producer = {.count = 20 * BUS_BATCH_EVENTS};
	struct fixture f;
	sem_t gate;

	make_stuck(&f, 1, &producer, &gate);
	bus_force(f.bus); /* the producer wakes up and is refused */
	pthread_join(producer.thread, NULL);
	assert_int_equal(bus_refused(producer.source), 1);
	assert_true(bus_emitted(producer.source) < producer.count);
	/* A loss is told all the same. */
	assert_int_equal(bus_lose(producer.source, TKIT_LOSS_FORCED, 1, "x"), 0);
	bus_push(producer.source);
	/* The sink is stuck: the end is bounded, and can be waited for once more. */
	bus_end(f.bus, &(struct tkit_run_end){.complete = 1});
	assert_int_equal(bus_finish(f.bus, 20000000, NULL), -ETIMEDOUT);
	for (int i = 0; i < 100; i++)
		sem_post(&gate);
	assert_int_equal(bus_finish(f.bus, 10000000000ull, NULL), 0);
	assert_int_equal(f.probes[0].next[0], bus_emitted(producer.source));
	assert_int_equal(f.probes[0].end_losses[TKIT_LOSS_FORCED], 1);
	assert_int_equal(f.probes[0].end.complete, 0);
	sem_destroy(&gate);
	bus_free(f.bus);
}

static int lossy_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	assert_true(tkit_stop_fd(ctx) >= 0);
	return tkit_lose(ctx, TKIT_LOSS_SINK, batch->count, "reader is gone");
}

static void test_sink_losses(void **state)
{
	static const struct tkit_sink_ops ops = {
		.write = lossy_write, .end = probe_end, .close = probe_close};
	struct fixture f;
	struct bus_source *source;

	make(&f, 1, 0);
	f.sinks[0].ops = &ops;
	bus_add_source(f.bus, 0, &source);
	bus_start(f.bus, &f.run, NULL);
	for (int i = 0; i < 7; i++)
		emit_number(source, 0, "/x");
	bus_push(source);
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].end_losses[TKIT_LOSS_SINK], 7);
	assert_int_equal(f.probes[0].end.complete, 0);
	bus_free(f.bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sink_failure),
		cmocka_unit_test(test_begin_failure),
		cmocka_unit_test(test_force),
		cmocka_unit_test(test_sink_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
