// SPDX-License-Identifier: MIT
/* tkit bench: statistics, order, command lines, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "bench/bench.h"
#include "bench/settle.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* ---- statistics ---- */

static void test_series(void **state)
{
	struct series series = {0};

	assert_true(series_median(&series) == 0 && series_min(&series) == 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(series_add(&series, (i * 7) % 20), 0);
	assert_true(series_median(&series) == 9.5);
	assert_true(series_min(&series) == 0 && series_max(&series) == 19);
	assert_int_equal(series_add(&series, 100), 0);
	assert_true(series_median(&series) == 10);
	assert_true(series_max(&series) == 100);
	/* in the order in which they came */
	assert_true(series.values[1] == 7 && series.values[20] == 100);
	series_done(&series);
	assert_int_equal(series.count, 0);
}

static void test_ratio(void **state)
{
	assert_true(stats_ratio(100, 200, 100) == 2);
	/* a machine that gets twice as slow in the meantime */
	assert_true(stats_ratio(100, 300, 200) == 2);
	assert_true(stats_ratio(0, 1, 0) == 0);
}

/* ---- order ---- */

static void test_order(void **state)
{
	char none[] = "no";
	struct tracer items[] = {
		{.kind = TRACER_TKIT}, {.kind = TRACER_TKIT, .skipped = none},
		{.kind = TRACER_PEER}, {.kind = TRACER_PEER, .one_cpu = true},
		{.kind = TRACER_NONE}, {.kind = TRACER_TKIT},
	};
	struct tracer_list list = {items, 6};
	size_t order[6];

	assert_int_equal(bench_order(&list, false, 0, order), 3);
	assert_true(order[0] == 0 && order[1] == 2 && order[2] == 5);
	assert_int_equal(bench_order(&list, false, 1, order), 3);
	assert_true(order[0] == 2 && order[1] == 5 && order[2] == 0);
	assert_int_equal(bench_order(&list, false, 5, order), 3);
	assert_true(order[0] == 5 && order[1] == 0 && order[2] == 2);
	assert_int_equal(bench_order(&list, true, 4, order), 1);
	assert_int_equal(order[0], 3);
	list.count = 0;
	assert_int_equal(bench_order(&list, false, 1, order), 0);
}

/* ---- when a tracer is ready ---- */

static void test_settle(void **state)
{
	const uint64_t second = 1000000000;
	struct settle rests = {0}, gone = {0};
	uint64_t now = second;

	/* a process that does nothing but ask this, with a clock of our own */
	assert_false(settle_done(&rests, getpid(), now));
	assert_false(settle_done(&rests, getpid(), now + second / 4));
	assert_true(settle_done(&rests, getpid(), now + 4 * second));
	assert_false(settle_done(&gone, 0x7fffffff, now));
	assert_true(settle_done(&gone, 0x7fffffff, now + second));
}

static void test_settle_most(void **state)
{
	struct settle busy = {0};
	int fds[100], n = 0;
	uint64_t now = 1;

	/* one that always opens something is waited for, but not for ever */
	while (!settle_done(&busy, getpid(), now)) {
		assert_true(n < 100);
		fds[n++] = dup(0);
		now += 200000000;
	}
	assert_in_range(n, 40, 60);
	while (n)
		close(fds[--n]);
}

/* ---- lists and command lines ---- */

static void assert_item(const char *list, size_t index, const char *want)
{
	_cleanup_free_ char *item = tracer_item(list, index);

	if (!want)
		assert_null(item);
	else
		assert_string_equal(item, want);
}

static void test_items(void **state)
{
	assert_item("ebpf,ring-size=4M,dedup=off,ptrace@1cpu", 0, "ebpf,ring-size=4M,dedup=off");
	assert_item("ebpf,ring-size=4M,dedup=off,ptrace@1cpu", 1, "ptrace@1cpu");
	assert_item("ebpf,ring-size=4M,dedup=off,ptrace@1cpu", 2, NULL);
	assert_item("", 0, NULL);
	assert_item("a,", 1, NULL);
	assert_true(workload_wanted(NULL, "open"));
	assert_true(workload_wanted("stat,open", "open"));
	assert_false(workload_wanted("opened,xopen", "open"));
	assert_false(workload_wanted("", "open"));
}

static void assert_argv(const struct tracer *tracer, const char *const *command, const char *want)
{
	const char *argv[TRACER_ARGV_MAX];
	char scratch[256], line[1024] = "";
	int n = tracer_argv(tracer, "OUT", command, scratch, sizeof(scratch), argv);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		if (i)
			strcat(line, "|");
		strcat(line, argv[i]);
	}
	assert_null(argv[n]);
	assert_string_equal(line, want);
}

static const struct peer *peer_named(const char *name)
{
	for (size_t i = 0; i < peer_count; i++)
		if (!strcmp(peers[i].name, name))
			return &peers[i];
	fail_msg("no peer %s", name);
	return NULL;
}

static void test_argv(void **state)
{
	static const char *const command[] = {"work", "run", NULL}, *const nothing[] = {NULL};
	char backend[] = "ebpf,x=1", file[] = "file", null[] = "null";
	struct tracer tracer = {.kind = TRACER_NONE};
	const char *argv[TRACER_ARGV_MAX];
	char scratch[4];

	assert_argv(&tracer, command, "work|run");
	tracer = (struct tracer){
		.kind = TRACER_TKIT, .backend = backend, .sink = file, .stores = true};
	assert_argv(&tracer, command,
		    "/proc/self/exe|-q|run|--backend|ebpf,x=1|--sink|file|-o|OUT|--|work|run");
	tracer.sink = null;
	tracer.stores = false;
	assert_argv(&tracer, nothing, "/proc/self/exe|-v|run|--backend|ebpf,x=1|--sink|null");
	tracer = (struct tracer){.kind = TRACER_PEER, .peer = peer_named("strace")};
	assert_argv(&tracer, command, "strace|-f|-e|trace=%file|-o|OUT|work|run");
	tracer.peer = peer_named("opensnoop");
	assert_argv(&tracer, command, "opensnoop");
	tracer.peer = peer_named("bpftrace");
	assert_true(tracer_argv(&tracer, "OUT", command, scratch, sizeof(scratch), argv) < 0);
}

static int parse(struct workload_list *list, const char *text, const char *wanted, uint64_t most,
		 struct err *err)
{
	_cleanup_free_ char *copy = strdup(text);

	assert_non_null(copy);
	return workload_parse(list, copy, wanted, BENCH_BUS, most, err);
}

static void assert_expected(struct tally got, uint64_t all, uint64_t opens, uint64_t opened)
{
	assert_int_equal(got.all, all);
	assert_int_equal(got.opens, opens);
	assert_int_equal(got.opened, opened);
}

static void test_workloads(void **state)
{
	static const char text[] = "open\t500\to\t-\topens\nfailed\t20\tf\t-\tfails\n"
				   "stat\t30\tm\t-\tlooks\ngcc\t50\tp\tgcc\tcompiles\n";
	struct workload_list list;
	struct err err = ERR_INIT;

	assert_int_equal(parse(&list, text, NULL, 100, &err), 0);
	assert_int_equal(list.count, 4);
	assert_int_equal(list.items[0].count, 100);
	assert_expected(list.items[0].expected, 100, 100, 100);
	assert_expected(list.items[1].expected, 20, 20, 0);
	assert_expected(list.items[2].expected, 30, 0, 0);
	assert_null(list.items[3].reference);
	assert_string_equal(list.items[3].skipped, "gcc is not installed");
	workload_list_done(&list);
	assert_int_equal(parse(&list, text, "gcc,bus,open", 0, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[1].name, "gcc");
	assert_int_equal(list.items[0].count, 500);
	workload_list_done(&list);
	assert_true(parse(&list, text, "opne", 0, &err) < 0);
	assert_string_equal(err_text(&err), "unknown workload 'opne'; did you mean 'open'?");
	err_done(&err);
	assert_true(parse(&list, "open\tx\to\t-\topens\n", NULL, 0, &err) < 0);
	err_done(&err);
	assert_true(parse(&list, "open\t1\n", NULL, 0, &err) < 0);
	err_done(&err);
}

/* ---- what is printed ---- */

struct made {
	struct bench_result result;
	struct tracer tracers[4];
	struct workload workloads[2];
	struct cell cells[8];
	struct bus_row bus;
};

static char label_none[] = "untraced", label_a[] = "a", label_b[] = "b <&>", label_c[] = "c";
static char why[] = "c is \"not\" installed", name_open[] = "open", name_stat[] = "stat";
static char text_open[] = "opens & closes", sink_file[] = "file", failure[] = "it broke";

static void add_values(struct series *series, double a, double b, double c)
{
	assert_int_equal(series_add(series, a), 0);
	assert_int_equal(series_add(series, b), 0);
	assert_int_equal(series_add(series, c), 0);
}

static void make(struct made *made)
{
	*made = (struct made){
		.result = {.tracers = {made->tracers, 4},
			   .workloads = {made->workloads, 2},
			   .cells = made->cells,
			   .bus = &made->bus,
			   .bus_count = 1,
			   .rounds = 3,
			   .machine = {.kernel = "6.1", .arch = "x", .cpu = "y", .cpus = 2}},
		.tracers = {{.kind = TRACER_TKIT, .label = label_a, .tells_loss = true},
			    {.kind = TRACER_PEER,
			     .label = label_b,
			     .peer = peer_named("opensnoop"),
			     .watch = BENCH_OPENS},
			    {.kind = TRACER_PEER, .label = label_c, .skipped = why},
			    {.kind = TRACER_NONE, .label = label_none}},
		.workloads = {{.name = name_open,
			       .text = text_open,
			       .number = "500",
			       .count = 500,
			       .reference = "construction",
			       .expected = {.all = 500, .opens = 400}},
			      {.name = name_stat, .text = text_open, .skipped = why}},
		.bus = {.sink = sink_file, .expected = 9, .seen = 9},
	};
	add_values(&made->cells[3].ns, 2e6, 1e6, 3e6);
	add_values(&made->cells[0].ns, 2e6, 3e6, 4e6);
	add_values(&made->cells[0].ratio, 1.5, 1.25, 1.75);
	add_values(&made->cells[0].outside, 5e6, 5e6, 5e6);
	made->cells[0].seen = 499;
	made->cells[0].lost = 1;
	made->cells[1].failed = 2;
	made->cells[1].failure = failure;
	add_values(&made->bus.ns, 200, 210, 190);
}

static void unmake(struct made *made)
{
	for (int i = 0; i < 8; i++) {
		series_done(&made->cells[i].ns);
		series_done(&made->cells[i].ratio);
		series_done(&made->cells[i].outside);
	}
	series_done(&made->bus.ns);
}

static void assert_has(struct buf *buf, const char *text)
{
	buf_char(buf, '\0');
	buf->size--;
	assert_false(buf->failed);
	if (!strstr(buf->data, text))
		fail_msg("no '%s' in:\n%s", text, buf->data);
}

static void test_table(void **state)
{
	struct buf out = BUF_INIT;
	struct made made;

	make(&made);
	bench_table(&made.result, &out);
	assert_has(&out, "| **open** | untraced    |       2 ms (1–3) |      500 |");
	assert_has(&out, "|          | a           | 1.50 (1.25–1.75) |      500 |     500 |  499 |"
			 "    1 |      5 ms |");
	assert_has(&out, "|          | b <&>       |           failed |");
	assert_has(&out, "| **bus**  | null > file | 200 ns (190–210) |        9 |");
	assert_has(&out, "- c left out: c is \"not\" installed\n");
	assert_has(&out, "- open, b <&>: 2 failed: it broke\n");
	assert_has(&out, "- stat left out: ");
	buf_done(&out);
	unmake(&made);
}

static void test_json(void **state)
{
	struct bench_options options = {.runs = 5};
	struct buf out = BUF_INIT;
	json_t *root, *row;
	struct made made;

	make(&made);
	bench_json(&made.result, &options, &out);
	root = json_loadb(out.data, out.size, 0, NULL);
	assert_non_null(root);
	row = json_array_get(json_object_get(root, "results"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "tracer")), "a");
	assert_true(json_number_value(json_object_get(json_object_get(row, "ratio"), "median")) ==
		    1.5);
	assert_int_equal(json_integer_value(json_object_get(row, "seen")), 499);
	assert_int_equal(json_integer_value(json_object_get(row, "watched")), 500);
	assert_int_equal(json_integer_value(json_object_get(row, "lost")), 1);
	/* what failed has no ratio */
	row = json_array_get(json_object_get(root, "results"), 1);
	assert_null(json_object_get(row, "ratio"));
	assert_string_equal(json_string_value(json_object_get(row, "failure")), "it broke");
	assert_int_equal(json_array_size(json_object_get(root, "bus")), 1);
	json_decref(root);
	buf_done(&out);
	unmake(&made);
}

static void test_chart(void **state)
{
	struct buf out = BUF_INIT;
	struct made made;

	make(&made);
	bench_chart(&made.result, &out);
	assert_has(&out, "499 of 500 seen, 1 lost");
	assert_has(&out, "opens &amp; closes");
	assert_has(&out, "prefers-color-scheme:dark");
	/* one bar, as one was measured; nothing is loaded */
	assert_null(strstr(strstr(out.data, "rx=\"2\"") + 1, "rx=\"2\""));
	assert_null(strstr(out.data, "href"));
	assert_null(strstr(out.data, "nan"));
	buf_done(&out);
	unmake(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series),      cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_order),       cmocka_unit_test(test_items),
		cmocka_unit_test(test_argv),        cmocka_unit_test(test_workloads),
		cmocka_unit_test(test_table),       cmocka_unit_test(test_json),
		cmocka_unit_test(test_chart),       cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
