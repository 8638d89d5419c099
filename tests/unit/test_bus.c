// SPDX-License-Identifier: MIT
/* The bus: nothing lost, order kept, bounded. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bus_probe.h"

static void test_content(void **state)
{
	struct fixture f;
	struct bus_source *source;
	struct tkit_event event;
	char path[] = "/etc/passwd";

	make(&f, 2, 0);
	assert_int_equal(bus_add_source(f.bus, 0, &source), 0);
	assert_int_equal(bus_start(f.bus, &f.run, NULL), 0);
	tkit_event_init(&event, TKIT_EVENT_EXEC);
	event.op = TKIT_OP_EXEC;
	event.valid = TKIT_V_PATH | TKIT_V_EXE;
	event.count = 5;
	event.path = bytes_str(path);
	event.exe = BYTES_LIT("/bin/x");
	assert_int_equal(bus_emit(source, &event), 0);
	memset(path, 'X', sizeof(path) - 1); /* borrowed for the call only */
	assert_true(bus_age(source) > 0);
	bus_push(source);
	assert_int_equal(bus_age(source), 0);
	assert_int_equal(finish(&f, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(f.probes[i].last, "/etc/passwd");
		assert_string_equal(f.probes[i].last_exe, "/bin/x");
		assert_int_equal(f.probes[i].begun, 1);
		assert_int_equal(f.probes[i].ended, 1);
		assert_int_equal(f.probes[i].closed, 1);
		assert_int_equal(f.probes[i].end.events, 1);
		assert_int_equal(f.probes[i].end.accesses, 5);
		assert_int_equal(f.probes[i].end.complete, 1);
	}
	bus_free(f.bus);
}

static void test_event_sizes(void **state)
{
	struct {
		struct tkit_event event;
		uint64_t more[2]; /* of a plugin that is newer than core */
	} big;
	struct fixture f;
	struct bus_source *source;

	make(&f, 1, 0);
	bus_add_source(f.bus, 0, &source);
	bus_start(f.bus, &f.run, NULL);
	memset(&big, 0xff, sizeof(big)); /* what an old plugin does not have must not be read */
	tkit_event_init(&big.event, TKIT_EVENT_ACCESS);
	memset(&big.event.exe, 0xff, sizeof(big.event.exe));
	big.event.op = TKIT_OP_STAT;
	big.event.size = offsetof(struct tkit_event, exe);
	assert_int_equal(bus_emit(source, &big.event), 0);
	big.event.exe = BYTES(NULL, 0);
	big.event.size = sizeof(big);
	assert_int_equal(bus_emit(source, &big.event), -E2BIG);
	memset(big.more, 0, sizeof(big.more));
	assert_int_equal(bus_emit(source, &big.event), 0);
	big.event.size = 8;
	assert_int_equal(bus_emit(source, &big.event), -EINVAL);
	big.event.size = 1 << 20;
	assert_int_equal(bus_emit(source, &big.event), -EINVAL);
	bus_push(source);
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].events, 2);
	assert_int_equal(f.probes[0].last_event.size, sizeof(struct tkit_event));
	bus_free(f.bus);
}

static void test_bad_events(void **state)
{
	struct fixture f;
	struct bus_source *source;
	struct tkit_event event;

	make(&f, 1, 0);
	bus_add_source(f.bus, 0, &source);
	tkit_event_init(&event, TKIT_EVENT_NONE);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	tkit_event_init(&event, TKIT_EVENT_LOSS + 1);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	event.op = TKIT_OP_COUNT_;
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	event.op = TKIT_OP_OPEN;
	event.path = BYTES(NULL, 3);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	event.path = BYTES("x", BUS_STRING_MAX + 1);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	tkit_event_init(&event, TKIT_EVENT_LOSS);
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	event.reason = TKIT_LOSS_COUNT_;
	assert_int_equal(bus_emit(source, &event), -EINVAL);
	assert_int_equal(bus_emitted(source), 0);
	/* Never started: the sink is closed all the same, without begin or end. */
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].begun + f.probes[0].ended, 0);
	assert_int_equal(f.probes[0].closed, 1);
	bus_free(f.bus);
}

/* Strings move when a batch's room for them grows; those of earlier events go along. */
static int check_long(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct probe *p = self;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);

		for (size_t k = 0; k < event->path.len; k++)
			if (event->path.ptr[k] != (char)('a' + p->events % 26))
				p->misordered++;
		p->events++;
	}
	return 0;
}

static void test_growth(void **state)
{
	static const struct tkit_sink_ops ops = {.write = check_long, .close = probe_close};
	struct fixture f;
	struct bus_source *source;
	char *path = malloc(100000);

	make(&f, 1, 0);
	f.sinks[0].ops = &ops;
	bus_add_source(f.bus, 0, &source);
	bus_start(f.bus, &f.run, NULL);
	for (size_t i = 0; i < 300; i++) {
		size_t len = i * 331 % 99999;
		struct tkit_event event;

		memset(path, 'a' + (int)(i % 26), len);
		tkit_event_init(&event, TKIT_EVENT_ACCESS);
		event.op = TKIT_OP_OPEN;
		event.path = BYTES(path, len);
		assert_int_equal(bus_emit(source, &event), 0);
	}
	bus_push(source);
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].events, 300);
	assert_int_equal(f.probes[0].misordered, 0);
	assert_true(bus_totals(f.bus)->string_allocs > 1);
	bus_free(f.bus);
	free(path);
}

static void test_blocking(void **state)
{
	struct producer producer = {.count = 20 * BUS_BATCH_EVENTS};
	struct fixture f;
	sem_t gate;

	make_stuck(&f, 2, &producer, &gate);
	assert_false(producer.done);
	assert_false(bus_idle(f.bus));
	for (int i = 0; i < 100; i++)
		sem_post(&gate);
	pthread_join(producer.thread, NULL);
	assert_true(producer.done);
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].next[0], producer.count);
	assert_int_equal(f.probes[0].misordered, 0);
	assert_true(bus_totals(f.bus)->waits > 0);
	/* Bounded: the queue, the one in hand, the one being filled. */
	assert_true(bus_totals(f.bus)->batch_allocs <= 2 + 2);
	sem_destroy(&gate);
	bus_free(f.bus);
}

#define PRODUCERS 8

static void test_many_producers(void **state)
{
	struct producer producers[PRODUCERS] = {0};
	uint64_t produced = 0, emitted = 0, lost = 0;
	struct fixture f;

	make(&f, 2, 4);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		producers[i].count = 20000 + i * 7;
		assert_int_equal(bus_add_source(f.bus, i, &producers[i].source), 0);
	}
	bus_start(f.bus, &f.run, NULL);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i].thread, NULL);
		produced += producers[i].count;
		emitted += bus_emitted(producers[i].source);
		lost += bus_lost(producers[i].source);
	}
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(emitted, produced);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(f.probes[k].misordered, 0);
		for (int i = 0; i < PRODUCERS; i++)
			assert_int_equal(f.probes[k].next[i], producers[i].count);
		assert_int_equal(f.probes[k].end.accesses, produced);
		assert_int_equal(f.probes[k].end.complete, 0);
		assert_int_equal(f.probes[k].end_losses[TKIT_LOSS_RING_FULL], lost);
	}
	assert_int_equal(lost, PRODUCERS * 20 * 3);
	/* No allocation per event: each batch that is in use at a time, once. */
	assert_true(bus_totals(f.bus)->batch_allocs <= 4 + 1 + 2 * PRODUCERS);
	bus_free(f.bus);
}

static void test_early_events(void **state)
{
	struct fixture f;
	struct bus_source *source;

	/* What backends emit while they arm waits for the writer, whatever the bound. */
	make(&f, 1, 1);
	bus_add_source(f.bus, 0, &source);
	for (uint64_t i = 0; i < 10 * BUS_BATCH_EVENTS; i++)
		assert_int_equal(emit_number(source, i, "/early"), 0);
	bus_start(f.bus, &f.run, NULL);
	assert_int_equal(finish(&f, NULL), 0);
	assert_int_equal(f.probes[0].next[0], 10 * BUS_BATCH_EVENTS);
	assert_int_equal(f.probes[0].misordered, 0);
	bus_free(f.bus);
}

static void test_flush_each_second(void **state)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct fixture f;
	struct bus_source *source;
	uint64_t start = tkit_now_ns();

	make(&f, 1, 0);
	bus_add_source(f.bus, 0, &source);
	bus_start(f.bus, &f.run, NULL);
	emit_number(source, 0, "/x");
	bus_push(source);
	while (!f.probes[0].flushed && tkit_now_ns() - start < 60000000000ull)
		nanosleep(&pause, NULL);
	assert_int_equal(f.probes[0].flushed, 1);
	/* At once would be wrong, too. */
	assert_true(tkit_now_ns() - start > 500000000ull);
	assert_int_equal(finish(&f, NULL), 0);
	bus_free(f.bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),      cmocka_unit_test(test_event_sizes),
		cmocka_unit_test(test_bad_events),   cmocka_unit_test(test_growth),
		cmocka_unit_test(test_blocking),     cmocka_unit_test(test_many_producers),
		cmocka_unit_test(test_early_events), cmocka_unit_test(test_flush_each_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
