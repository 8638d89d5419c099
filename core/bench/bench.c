// SPDX-License-Identifier: MIT
#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bus.h"
#include "plugin/loader.h"
#include "util/cleanup.h"

struct bench {
	const struct bench_options *options;
	struct bench_result *result;
	struct runner runner;
	char helper[PATH_MAX];
};

const struct cell *bench_cell(const struct bench_result *result, size_t workload, size_t tracer)
{
	return &result->cells[workload * result->tracers.count + tracer];
}

size_t bench_untraced(const struct bench_result *result, bool one_cpu)
{
	for (size_t i = 0; i < result->tracers.count; i++)
		if (result->tracers.items[i].kind == TRACER_NONE &&
		    result->tracers.items[i].one_cpu == one_cpu)
			return i;
	return 0;
}

uint64_t bench_watched(const struct bench_result *result, size_t workload, size_t tracer)
{
	return tally_of(&result->workloads.items[workload].expected,
			result->tracers.items[tracer].watch);
}

size_t bench_order(const struct tracer_list *tracers, bool one_cpu, unsigned int round,
		   size_t *order)
{
	size_t n = 0, *sorted;

	for (size_t i = 0; i < tracers->count; i++)
		if (tracers->items[i].kind != TRACER_NONE && !tracers->items[i].skipped &&
		    tracers->items[i].one_cpu == one_cpu)
			order[n++] = i;
	sorted = n ? malloc(n * sizeof(*sorted)) : NULL;
	if (!sorted)
		return n;
	memcpy(sorted, order, n * sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		order[i] = sorted[(i + round) % n];
	free(sorted);
	return n;
}

void bench_done(struct bench_result *result)
{
	for (size_t i = 0; result->cells && i < result->workloads.count * result->tracers.count;
	     i++) {
		series_done(&result->cells[i].ratio);
		series_done(&result->cells[i].ns);
		series_done(&result->cells[i].outside);
		series_done(&result->cells[i].cpu);
		series_done(&result->cells[i].stored);
		free(result->cells[i].failure);
	}
	for (size_t i = 0; i < result->bus_count; i++) {
		series_done(&result->bus[i].ns);
		free(result->bus[i].sink);
		free(result->bus[i].failure);
	}
	free(result->cells);
	free(result->bus);
	tracer_list_done(&result->tracers);
	workload_list_done(&result->workloads);
}

static void tell(const struct bench *bench, const char *what, const char *workload,
		 const char *tracer)
{
	char text[256];

	if (!bench->options->progress)
		return;
	snprintf(text, sizeof(text), "%s %s%s%s", what, workload, *tracer ? ", " : "", tracer);
	bench->options->progress(text);
}

/* ---- single runs ---- */

static int run(struct bench *bench, const struct workload *workload, const struct tracer *tracer,
	       struct bench_run *ret, struct err *err)
{
	const char *command[7];

	workload_command(workload, &bench->runner, command);
	return runner_run(&bench->runner, tracer, command, workload->kind == WORKLOAD_ASIDE,
			  workload->token, ret, err);
}

/* The accesses among those that a session counted that are not the workload's. */
static uint64_t others(const struct tally *tally)
{
	return tally->total > tally->all ? tally->total - tally->all : 0;
}

static uint64_t seen_by(const struct tracer *tracer, const struct cell *cell,
			const struct bench_run *got)
{
	if (tracer->kind != TRACER_TKIT || tracer->stores)
		return got->tally.all;
	return got->tally.total > cell->others ? got->tally.total - cell->others : 0;
}

static void keep_failure(struct cell *cell, struct err *why)
{
	cell->failed++;
	if (!cell->failure)
		cell->failure = strdup(err_text(why));
	err_done(why);
}

/* One measured run into its cell; *ret_ns = 0 if it did not work. */
static int measure(struct bench *bench, size_t w, size_t t, double *ret_ns, struct err *err)
{
	struct bench_result *result = bench->result;
	const struct tracer *tracer = &result->tracers.items[t];
	struct cell *cell = &result->cells[w * result->tracers.count + t];
	struct err why = ERR_INIT;
	struct bench_run got;
	uint64_t seen;
	int rc = run(bench, &result->workloads.items[w], tracer, &got, &why);

	*ret_ns = 0;
	if (rc == -EINTR) {
		err_done(&why);
		return err_set(err, rc, "interrupted");
	}
	if (rc < 0) {
		keep_failure(cell, &why);
		return 0;
	}
	seen = seen_by(tracer, cell, &got);
	if (!cell->ns.count || seen < cell->seen)
		cell->seen = seen;
	if (got.tally.lost > cell->lost)
		cell->lost = got.tally.lost;
	*ret_ns = got.ns;
	if (series_add(&cell->ns, got.ns) < 0 || series_add(&cell->cpu, got.cpu) < 0 ||
	    (got.outside >= 0 && series_add(&cell->outside, got.outside) < 0) ||
	    (got.stored >= 0 && series_add(&cell->stored, got.stored) < 0))
		return err_sys(err, -ENOMEM, "measuring");
	return 0;
}

/* ---- rounds ---- */

static int group(struct bench *bench, size_t w, bool one_cpu, unsigned int round, size_t *order,
		 struct err *err)
{
	struct bench_result *result = bench->result;
	size_t n = bench_order(&result->tracers, one_cpu, round, order);
	size_t none = bench_untraced(result, one_cpu);
	double before, ns, after;
	int rc;

	if (result->tracers.items[none].one_cpu != one_cpu)
		return 0;
	rc = measure(bench, w, none, &before, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct cell *cell = &result->cells[w * result->tracers.count + order[i]];
		char what[32];

		snprintf(what, sizeof(what), "round %u:", round + 1);
		tell(bench, what, result->workloads.items[w].name,
		     result->tracers.items[order[i]].label);
		rc = measure(bench, w, order[i], &ns, err);
		if (rc == 0)
			rc = measure(bench, w, none, &after, err);
		if (rc == 0 && ns > 0 && before > 0 && after > 0 &&
		    series_add(&cell->ratio, stats_ratio(before, ns, after)) < 0)
			rc = err_sys(err, -ENOMEM, "measuring");
		before = after;
	}
	return rc;
}

static int one_round(struct bench *bench, unsigned int round, size_t *order, struct err *err)
{
	struct bench_result *result = bench->result;
	int rc = 0;

	for (size_t w = 0; w < result->workloads.count && rc == 0; w++) {
		if (result->workloads.items[w].skipped)
			continue;
		rc = group(bench, w, false, round, order, err);
		if (rc == 0)
			rc = group(bench, w, true, round, order, err);
	}
	if (rc == 0)
		rc = bus_round(result, &bench->runner, bench->options->most, err);
	return rc;
}

static int rounds(struct bench *bench, uint64_t begin, struct err *err)
{
	_cleanup_free_ size_t *order = calloc(bench->result->tracers.count, sizeof(*order));
	int rc = order ? 0 : err_sys(err, -ENOMEM, "measuring");

	for (unsigned int i = 0; i < bench->options->runs && rc == 0; i++) {
		uint64_t start = proc_now(), end;

		rc = one_round(bench, i, order, err);
		end = proc_now();
		if (rc == 0)
			bench->result->rounds++;
		if (bench->options->time_ns &&
		    end + (end - start) > begin + bench->options->time_ns)
			break;
	}
	return rc;
}

/* ---- before ---- */

static int refused(struct tracer *tracer, const struct err *why, struct err *err)
{
	tracer->skipped = strdup(err_text(why));
	return tracer->skipped ? 0 : err_sys(err, -ENOMEM, "listing tracers");
}

/* Runs each tracer once: what does not work is left out, what works is warm. */
static int try_tracers(struct bench *bench, struct err *err)
{
	const char *command[] = {bench->helper,     "run", "getppid", "1",
				 bench->runner.dir, "x",   NULL};
	struct tracer_list *list = &bench->result->tracers;
	int rc = 0;

	for (size_t i = 0; i < list->count && rc == 0; i++) {
		struct tracer *tracer = &list->items[i];
		struct err why = ERR_INIT;
		struct bench_run got;

		if (tracer->skipped)
			continue;
		tell(bench, "trying", tracer->label, "");
		rc = runner_run(&bench->runner, tracer, command, false, "x", &got, &why);
		if (rc == -EINTR)
			err_set(err, rc, "interrupted");
		else if (rc < 0)
			rc = refused(tracer, &why, err);
		err_done(&why);
	}
	return rc;
}

/* Who counts the accesses of programs: strace, if it is there, else a backend that sees all. */
static const struct tracer *referee(const struct bench_result *result)
{
	static const struct tracer none;
	const struct tracer *best = &none;

	for (size_t i = 0; i < result->tracers.count; i++) {
		const struct tracer *t = &result->tracers.items[i];

		if (t->skipped || t->watch != BENCH_ALL || t->kind == TRACER_NONE)
			continue;
		if (t->kind == TRACER_PEER && t->peer->line == tally_strace)
			return t;
		if (best == &none && t->kind == TRACER_TKIT && t->stores)
			best = t;
	}
	return best == &none ? NULL : best;
}

static int count_expected(struct bench *bench, struct workload *workload, struct err *err)
{
	const struct tracer *tracer = referee(bench->result);
	struct err why = ERR_INIT;
	struct bench_run got;
	int rc;

	if (workload->reference || workload->skipped)
		return 0;
	if (!tracer) {
		workload->skipped = strdup("nobody here can count its accesses");
		return 0;
	}
	tell(bench, "counting", workload->name, tracer->label);
	rc = run(bench, workload, tracer, &got, &why);
	if (rc == 0) {
		workload->expected = got.tally;
		workload->reference = tracer->label;
	} else if (rc != -EINTR) {
		workload->skipped = strdup(err_text(&why));
		rc = 0;
	} else {
		err_set(err, rc, "interrupted");
	}
	err_done(&why);
	return rc;
}

/* For a sink that stores nothing: how many accesses to other names there are, from a file. */
static int count_others(struct bench *bench, size_t w, size_t t, struct err *err)
{
	struct bench_result *result = bench->result;
	struct tracer tracer = result->tracers.items[t];
	struct err why = ERR_INIT;
	struct bench_run got;
	char file[] = "file";
	int rc;

	if (tracer.kind != TRACER_TKIT || tracer.stores || tracer.skipped ||
	    result->workloads.items[w].skipped)
		return 0;
	tracer.sink = file;
	tracer.stores = true;
	rc = run(bench, &result->workloads.items[w], &tracer, &got, &why);
	if (rc == 0)
		result->cells[w * result->tracers.count + t].others = others(&got.tally);
	else if (rc == -EINTR)
		err_set(err, rc, "interrupted");
	err_done(&why);
	return rc == -EINTR ? rc : 0;
}

static int prepare(struct bench *bench, struct err *err)
{
	struct bench_result *result = bench->result;
	int rc = try_tracers(bench, err);

	for (size_t w = 0; w < result->workloads.count && rc == 0; w++) {
		struct workload *workload = &result->workloads.items[w];

		tell(bench, "preparing", workload->name, "");
		rc = workload_prepare(workload, &bench->runner, err);
		if (rc == 0)
			rc = count_expected(bench, workload, err);
		for (size_t t = 0; t < result->tracers.count && rc == 0; t++)
			rc = count_others(bench, w, t, err);
	}
	return rc;
}

/* ---- all ---- */

static int list_all(struct bench *bench, struct err *err)
{
	const struct bench_options *options = bench->options;
	const char *words[] = {"list", NULL};
	struct bench_result *result = bench->result;
	struct plugin_registry *registry = NULL;
	_cleanup_free_ char *text = NULL;
	int rc = workload_helper(bench->helper, sizeof(bench->helper), err);

	if (rc == 0)
		rc = runner_init(&bench->runner, bench->helper, options->timeout_ns, err);
	if (rc == 0)
		rc = registry_new(&registry, err);
	if (rc == 0)
		rc = tracer_list_new(&result->tracers, registry, &options->tracers, err);
	if (rc == 0)
		rc = runner_helper(&bench->runner, words, &text, err);
	if (rc == 0)
		rc = workload_parse(&result->workloads, text, options->workloads, BENCH_BUS,
				    options->most, err);
	if (rc == 0 && workload_wanted(options->workloads, BENCH_BUS))
		rc = bus_rows(result, registry, options->tracers.sinks, err);
	registry_free(registry);
	if (rc < 0)
		return rc;
	result->cells =
		calloc(result->workloads.count * result->tracers.count + 1, sizeof(*result->cells));
	return result->cells ? 0 : err_sys(err, -ENOMEM, "listing tracers");
}

int bench_survey(const struct bench_options *options, struct bench_result *ret, struct err *err)
{
	struct bench bench = {.options = options, .result = ret};
	int rc;

	*ret = (struct bench_result){0};
	machine_describe(&ret->machine);
	rc = list_all(&bench, err);
	runner_done(&bench.runner);
	return rc;
}

int bench_measure(const struct bench_options *options, struct bench_result *ret, struct err *err)
{
	struct bench bench = {.options = options, .result = ret};
	uint64_t begin = proc_now();
	int rc;

	*ret = (struct bench_result){0};
	machine_describe(&ret->machine);
	rc = list_all(&bench, err);
	if (rc == 0)
		rc = prepare(&bench, err);
	if (rc == 0)
		rc = rounds(&bench, begin, err);
	ret->signal = bench.runner.set.caught;
	ret->interrupted = rc == -EINTR;
	runner_done(&bench.runner);
	if (ret->interrupted)
		err_done(err);
	return ret->interrupted ? 0 : rc;
}
