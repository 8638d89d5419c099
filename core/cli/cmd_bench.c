// SPDX-License-Identifier: MIT
/* tkit bench: what watching costs, and what it finds. */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "cli/out.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/num.h"
#include "util/suggest.h"

static const char help[] =
	"Usage: tkit bench [OPTION]...\n"
	"\n"
	"Runs workloads of known numbers of accesses under tkit's backends and under other\n"
	"tracers that are installed, each between two untraced runs, and prints what that cost,\n"
	"always beside what was seen of it. Nothing but temporary files is written.\n"
	"\n"
	"      --backends LIST   backends, with options (\"ebpf,ring-size=4M,ptrace\"), or none.\n"
	"                        Default: all that can watch a command here\n"
	"      --sinks LIST      sinks, each with each backend. Default: file. `null` prices\n"
	"                        the capture alone\n"
	"      --peers LIST      other tracers, or none. Default: all that are installed\n"
	"      --workloads LIST  default: all. `bus` prices tkit behind a backend: events that\n"
	"                        the null backend makes up, into each sink\n"
	"      --runs N          rounds, in which each runs once (default 5)\n"
	"      --time T          begin no round that would end later than so (\"7m\"); the first\n"
	"                        one is always run\n"
	"      --pin             tracer and traced on one CPU; for a single one write NAME@1cpu\n"
	"      --max-count N     no workload does more than N times what it does\n"
	"      --timeout T       longest time of one run (default 120s): then it is ended\n"
	"      --json FILE       also write the result as JSON; - prints only that\n"
	"      --chart FILE      also draw it, as SVG\n"
	"      --list            workloads and tracers, and why some cannot be used here\n"
	"  -h, --help            this text\n"
	"\n"
	"The table is Markdown. Ratios are medians of the rounds with least and most; a busy\n"
	"machine makes them noisy. Without root, what needs it is left out.\n"
	"\n"
	"Exit status: 0; 125 if nothing could be measured; 128 + signal when interrupted, after\n"
	"the table of what there is.\n"
	"\n"
	"Examples:\n"
	"  tkit bench --backends ebpf,ptrace,ptrace@1cpu --peers strace-seccomp --runs 3\n"
	"  tkit bench --backends ebpf --sinks file,null --peers none --workloads open,gcc,bus\n";

struct args {
	struct bench_options options;
	const char *json;
	const char *chart;
	bool list;
};

static const struct option long_options[] = {
	{"backends", required_argument, NULL, 'b'},
	{"sinks", required_argument, NULL, 's'},
	{"peers", required_argument, NULL, 'p'},
	{"workloads", required_argument, NULL, 'w'},
	{"runs", required_argument, NULL, 'r'},
	{"time", required_argument, NULL, 't'},
	{"pin", no_argument, NULL, 'P'},
	{"max-count", required_argument, NULL, 'm'},
	{"timeout", required_argument, NULL, 'T'},
	{"json", required_argument, NULL, 'j'},
	{"chart", required_argument, NULL, 'c'},
	{"list", no_argument, NULL, 'l'},
	{NULL, 0, NULL, 0},
};
#define OPTION_COUNT (sizeof(long_options) / sizeof(*long_options) - 1)

static int bad_option(const char *word)
{
	const char *names[OPTION_COUNT], *near;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		names[i] = long_options[i].name;
	near = strncmp(word, "--", 2) ? NULL : suggest(word + 2, names, OPTION_COUNT);
	if (near)
		return cli_usage(&cmd_bench, "unknown option '%s'; did you mean '--%s'?", word,
				 near);
	return cli_usage(&cmd_bench, "unknown option '%s'", word);
}

static const char *list_of(const char *text)
{
	return strcmp(text, "none") != 0 ? text : "";
}

static int take_number(struct args *args, int option)
{
	int runs;

	if (option == 'r') {
		if (num_int(optarg, 1, 1000, &runs) < 0)
			return cli_usage(&cmd_bench, "--runs %s: not a number from 1 to 1000",
					 optarg);
		args->options.runs = (unsigned int)runs;
	} else if (option == 'm') {
		if (num_u64(optarg, &args->options.most) < 0 || !args->options.most)
			return cli_usage(&cmd_bench, "--max-count %s: not a number above 0",
					 optarg);
	} else if (num_duration(optarg, option == 't' ? &args->options.time_ns
						      : &args->options.timeout_ns) < 0) {
		return cli_usage(&cmd_bench, "--%s %s: not a time; use 30s, 7m or 2h",
				 option == 't' ? "time" : "timeout", optarg);
	}
	return 0;
}

static int take_option(struct args *args, int option, const char *word)
{
	switch (option) {
	case 'b':
		args->options.tracers.backends = list_of(optarg);
		return 0;
	case 's':
		args->options.tracers.sinks = optarg;
		return 0;
	case 'p':
		args->options.tracers.peers = list_of(optarg);
		return 0;
	case 'w':
		args->options.workloads = optarg;
		return 0;
	case 'P':
		args->options.tracers.one_cpu = true;
		return 0;
	case 'j':
		args->json = optarg;
		return 0;
	case 'c':
		args->chart = optarg;
		return 0;
	case 'l':
		args->list = true;
		return 0;
	case 'r':
	case 'm':
	case 't':
	case 'T':
		return take_number(args, option);
	case ':':
		return cli_usage(&cmd_bench, "option '%s' needs a value", word);
	default:
		return bad_option(word);
	}
}

static int parse(struct args *args, int argc, char **argv)
{
	int option, status;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		status = take_option(args, option, argv[optind - 1]);
		if (status)
			return status;
	}
	if (optind < argc)
		return cli_usage(&cmd_bench, "unexpected word '%s'", argv[optind]);
	return 0;
}

static void progress(const char *text)
{
	fprintf(stderr, "\r\033[K%s", text);
}

static int write_buf(const char *file, struct buf *buf, struct err *err)
{
	struct tkit_out *out;
	int rc;

	if (buf->failed)
		return err_sys(err, -ENOMEM, "writing %s", file);
	rc = out_open_file(file, 0666, &out, err);
	if (rc < 0)
		return rc;
	tkit_out_write(out, buf->data, buf->size);
	return out_commit(out, err);
}

static int print_result(const struct args *args, const struct bench_result *result, struct err *err)
{
	struct buf table = BUF_INIT, json = BUF_INIT, chart = BUF_INIT;
	int rc = 0;

	bench_table(result, &table);
	bench_json(result, &args->options, &json);
	bench_chart(result, &chart);
	if (!args->json || strcmp(args->json, "-") != 0)
		rc = write_buf("-", &table, err);
	if (rc == 0 && args->json)
		rc = write_buf(args->json, &json, err);
	if (rc == 0 && args->chart)
		rc = write_buf(args->chart, &chart, err);
	buf_done(&table);
	buf_done(&json);
	buf_done(&chart);
	return rc;
}

static void print_list(const struct bench_result *result)
{
	puts("Workloads:");
	for (size_t i = 0; i < result->workloads.count; i++) {
		const struct workload *w = &result->workloads.items[i];

		printf("  %-10s %8llu  %s%s%s\n", w->name, (unsigned long long)w->count, w->text,
		       w->skipped ? "; not here: " : "", w->skipped ? w->skipped : "");
	}
	if (result->bus_count)
		printf("  %-10s %8s  made-up events through tkit into a sink\n", BENCH_BUS, "");
	puts("Tracers:");
	for (size_t i = 0; i < result->tracers.count; i++) {
		const struct tracer *t = &result->tracers.items[i];

		if (t->kind == TRACER_NONE)
			continue;
		printf("  %-19s  %s%s%s\n", t->label, t->peer ? t->peer->text : "",
		       t->skipped ? (t->peer ? "; not here: " : "not here: ") : "",
		       t->skipped ? t->skipped : "");
	}
}

static bool anything(const struct bench_result *result)
{
	for (size_t i = 0; i < result->workloads.count * result->tracers.count; i++)
		if (result->cells[i].ns.count)
			return true;
	return false;
}

static int finish(const struct args *args, struct bench_result *result, struct err *err)
{
	int rc = 0;

	if (args->list)
		print_list(result);
	else if (!result->interrupted || anything(result))
		rc = print_result(args, result, err);
	if (rc < 0)
		return cli_error(err);
	if (fflush(stdout))
		return CLI_FAILED;
	return result->interrupted ? 128 + result->signal : 0;
}

static int run_bench(int argc, char **argv)
{
	struct args args = {.options = {.runs = 5, .timeout_ns = 120ull * 1000000000}};
	struct bench_result result;
	struct err err = ERR_INIT;
	struct machine machine;
	int status = parse(&args, argc, argv), rc;

	if (status)
		return status;
	if (isatty(STDERR_FILENO) && log_level() >= TKIT_LOG_WARN)
		args.options.progress = progress;
	machine_describe(&machine);
	if (!args.list && machine_busy(&machine))
		log_warn("the machine is busy (load average %.2f on %d CPUs): ratios will be noisy",
			 machine.load, machine.cpus);
	rc = args.list ? bench_survey(&args.options, &result, &err)
		       : bench_measure(&args.options, &result, &err);
	if (args.options.progress)
		fputs("\r\033[K", stderr);
	status = rc < 0 ? cli_error(&err) : finish(&args, &result, &err);
	err_done(&err);
	bench_done(&result);
	return status;
}

const struct cli_command cmd_bench = {
	.name = "bench",
	.summary = "measure what tracing costs and finds",
	.help = help,
	.run = run_bench,
};
