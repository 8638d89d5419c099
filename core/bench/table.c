// SPDX-License-Identifier: MIT
/* The result for people: Markdown, in columns. */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 10
#define TEXT    72

struct row {
	char text[COLUMNS][TEXT];
};

struct rows {
	struct row *items;
	size_t count;
	size_t room;
	bool failed;
};

static struct row *add(struct rows *rows)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 64;
		struct row *items = realloc(rows->items, room * sizeof(*items));

		if (!items) {
			rows->failed = true;
			return NULL;
		}
		rows->items = items;
		rows->room = room;
	}
	memset(&rows->items[rows->count], 0, sizeof(*rows->items));
	return &rows->items[rows->count++];
}

/* "12.3 us"; times are told in the unit that fits the middle one. */
static void put_time(char *text, const struct series *ns)
{
	static const struct {
		double size;
		const char *name;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
	double median = series_median(ns);
	size_t u = 0;

	while (u < 3 && median < units[u].size)
		u++;
	snprintf(text, TEXT, "%.3g %s (%.3g–%.3g)", median / units[u].size, units[u].name,
		 series_min(ns) / units[u].size, series_max(ns) / units[u].size);
}

static void put_ratio(char *text, const struct series *ratio)
{
	double median = series_median(ratio);

	snprintf(text, TEXT, median < 9.995 ? "%.2f (%.2f–%.2f)" : "%.1f (%.1f–%.1f)", median,
		 series_min(ratio), series_max(ratio));
}

static void put_number(char *text, uint64_t value)
{
	snprintf(text, TEXT, "%llu", (unsigned long long)value);
}

static void put_ms(char *text, double ns)
{
	snprintf(text, TEXT, "%.0f ms", ns / 1e6);
}

/* What comes on top of the untraced run. */
static double extra(const struct series *with, const struct series *without)
{
	return series_median(with) - series_median(without);
}

static void untraced_row(const struct bench_result *result, size_t w, size_t t, struct row *row)
{
	const struct workload *workload = &result->workloads.items[w];

	snprintf(row->text[0], TEXT, "**%s**", workload->name);
	snprintf(row->text[1], TEXT, "%s", result->tracers.items[t].label);
	put_time(row->text[2], &bench_cell(result, w, t)->ns);
	if (workload->reference)
		put_number(row->text[3], workload->expected.all);
}

static void tracer_row(const struct bench_result *result, size_t w, size_t t, struct row *row)
{
	const struct tracer *tracer = &result->tracers.items[t];
	const struct cell *cell = bench_cell(result, w, t);
	const struct cell *none = bench_cell(result, w, bench_untraced(result, tracer->one_cpu));

	snprintf(row->text[1], TEXT, "%s", tracer->label);
	if (!cell->ratio.count) {
		snprintf(row->text[2], TEXT, cell->failure ? "failed" : "not measured");
		return;
	}
	put_ratio(row->text[2], &cell->ratio);
	put_number(row->text[3], result->workloads.items[w].expected.all);
	put_number(row->text[4], bench_watched(result, w, t));
	put_number(row->text[5], cell->seen);
	if (tracer->tells_loss)
		put_number(row->text[6], cell->lost);
	else
		snprintf(row->text[6], TEXT, "?");
	if (cell->outside.count)
		put_ms(row->text[7], extra(&cell->outside, &none->outside));
	else
		snprintf(row->text[7], TEXT, "?");
	put_ms(row->text[8], extra(&cell->cpu, &none->cpu));
	if (cell->stored.count)
		snprintf(row->text[9], TEXT, "%.2f", series_median(&cell->stored));
}

static void workload_rows(const struct bench_result *result, size_t w, struct rows *rows)
{
	for (int one_cpu = 0; one_cpu < 2; one_cpu++) {
		size_t none = bench_untraced(result, one_cpu);
		struct row *row;

		if (result->tracers.items[none].one_cpu != one_cpu ||
		    !bench_cell(result, w, none)->ns.count)
			continue;
		row = add(rows);
		if (row)
			untraced_row(result, w, none, row);
		for (size_t t = 0; t < result->tracers.count; t++) {
			const struct tracer *tracer = &result->tracers.items[t];

			if (tracer->kind == TRACER_NONE || tracer->skipped ||
			    tracer->one_cpu != one_cpu)
				continue;
			row = add(rows);
			if (row)
				tracer_row(result, w, t, row);
		}
	}
}

static void bus_rows_of(const struct bench_result *result, struct rows *rows)
{
	for (size_t i = 0; i < result->bus_count; i++) {
		const struct bus_row *bus = &result->bus[i];
		struct row *row = bus->ns.count ? add(rows) : NULL;

		if (!row)
			continue;
		snprintf(row->text[0], TEXT, "**%s**", BENCH_BUS);
		snprintf(row->text[1], TEXT, "null > %s", bus->sink);
		put_time(row->text[2], &bus->ns);
		put_number(row->text[3], bus->expected);
		put_number(row->text[4], bus->expected);
		put_number(row->text[5], bus->seen);
		put_number(row->text[6], bus->lost);
	}
}

/* Columns that a text takes on a screen. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_row(const struct row *row, const size_t *widths, struct buf *out)
{
	for (int c = 0; c < COLUMNS; c++) {
		size_t pad = widths[c] - width_of(row->text[c]);

		buf_printf(out, "| %*s%s%*s ", c >= 2 ? (int)pad : 0, "", row->text[c],
			   c >= 2 ? 0 : (int)pad, "");
	}
	buf_str(out, "|\n");
}

static void print_rows(const struct rows *rows, struct buf *out)
{
	static const struct row head = {{"workload", "tracer", "ratio (min–max)", "expected",
					 "watched", "seen", "lost", "start+end", "CPU", "bytes"}};
	size_t widths[COLUMNS];

	for (int c = 0; c < COLUMNS; c++) {
		widths[c] = width_of(head.text[c]);
		for (size_t r = 0; r < rows->count; r++)
			if (width_of(rows->items[r].text[c]) > widths[c])
				widths[c] = width_of(rows->items[r].text[c]);
	}
	print_row(&head, widths, out);
	for (int c = 0; c < COLUMNS; c++) {
		buf_str(out, "|");
		for (size_t i = 0; i < widths[c] + 1; i++)
			buf_char(out, '-');
		buf_char(out, c >= 2 ? ':' : '-');
	}
	buf_str(out, "|\n");
	for (size_t r = 0; r < rows->count; r++)
		print_row(&rows->items[r], widths, out);
}

static void print_machine(const struct bench_result *result, struct buf *out)
{
	const struct machine *m = &result->machine;

	buf_printf(out, "Linux %s, %s, %d x %s; load average at the start ", m->kernel, m->arch,
		   m->cpus, m->cpu);
	if (m->load < 0)
		buf_str(out, "unknown");
	else
		buf_printf(out, "%.2f", m->load);
	buf_printf(out, "; %u round%s.\n", result->rounds, result->rounds == 1 ? "" : "s");
	if (result->interrupted)
		buf_str(out, "\n**Interrupted: the last round is not whole.**\n");
	if (machine_busy(m))
		buf_str(out, "\n**The machine was busy: the ratios are noisy.**\n");
	buf_char(out, '\n');
}

static void print_left_out(const struct bench_result *result, struct buf *out)
{
	for (size_t i = 0; i < result->tracers.count; i++)
		if (result->tracers.items[i].skipped)
			buf_printf(out, "- %s left out: %s\n", result->tracers.items[i].label,
				   result->tracers.items[i].skipped);
	for (size_t i = 0; i < result->workloads.count; i++)
		if (result->workloads.items[i].skipped)
			buf_printf(out, "- %s left out: %s\n", result->workloads.items[i].name,
				   result->workloads.items[i].skipped);
	for (size_t w = 0; w < result->workloads.count; w++)
		for (size_t t = 0; t < result->tracers.count; t++) {
			const struct cell *cell = bench_cell(result, w, t);

			if (cell->failure)
				buf_printf(out, "- %s, %s: %u failed: %s\n",
					   result->workloads.items[w].name,
					   result->tracers.items[t].label, cell->failed,
					   cell->failure);
		}
	for (size_t i = 0; i < result->bus_count; i++)
		if (result->bus[i].failure)
			buf_printf(out, "- %s > %s failed: %s\n", BENCH_BUS, result->bus[i].sink,
				   result->bus[i].failure);
}

static void print_legend(const struct bench_result *result, struct buf *out)
{
	buf_str(out,
		"\nratio: time of the workload to the untraced runs before and after it, median of "
		"the rounds. In the rows of untraced, and of bus for one event: the time itself.\n"
		"expected: accesses that the workload makes; watched: those of a kind that the "
		"tracer looks at; seen: in its output, the least of all runs; lost: as it tells, "
		"\"?\" = it does not.\n"
		"start+end: what the tracer takes before and after the workload; CPU: what all "
		"processes used beyond the untraced run, start and end included; bytes: of the "
		"trace, for each access in it, of whatever name and with repeats.\n\n");
	for (size_t i = 0; i < result->workloads.count; i++)
		if (!result->workloads.items[i].skipped)
			buf_printf(out, "- %s: %s (%s)\n", result->workloads.items[i].name,
				   result->workloads.items[i].text,
				   result->workloads.items[i].number);
	if (result->bus_count)
		buf_printf(out, "- %s: made-up events through tkit into a sink\n", BENCH_BUS);
	for (size_t i = 0; i < result->tracers.count; i++)
		if (result->tracers.items[i].kind == TRACER_PEER &&
		    !result->tracers.items[i].skipped)
			buf_printf(out, "- %s: %s\n", result->tracers.items[i].label,
				   result->tracers.items[i].peer->text);
}

void bench_table(const struct bench_result *result, struct buf *out)
{
	struct rows rows = {0};

	print_machine(result, out);
	for (size_t w = 0; w < result->workloads.count; w++)
		if (!result->workloads.items[w].skipped)
			workload_rows(result, w, &rows);
	bus_rows_of(result, &rows);
	print_rows(&rows, out);
	print_legend(result, out);
	print_left_out(result, out);
	out->failed = out->failed || rows.failed;
	free(rows.items);
}
