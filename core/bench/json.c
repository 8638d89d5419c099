// SPDX-License-Identifier: MIT
/* The result for programs. Times are in ns. */
#include "bench/bench.h"

#include <tkit/plugin.h>

#include "util/bytes.h"

/* "name":"text", without the comma before it. */
static void put_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "\"%s\":", name);
	if (text)
		buf_json(out, bytes_str(text));
	else
		buf_str(out, "null");
}

static void put_series(struct buf *out, const char *name, const struct series *series)
{
	if (!series->count) {
		buf_printf(out, ",\"%s\":null", name);
		return;
	}
	buf_printf(out, ",\"%s\":{\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"values\":[", name,
		   series_median(series), series_min(series), series_max(series));
	for (size_t i = 0; i < series->count; i++)
		buf_printf(out, "%s%.6g", i ? "," : "", series->values[i]);
	buf_str(out, "]}");
}

static void put_u64(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void put_machine(struct buf *out, const struct machine *machine)
{
	buf_str(out, "\"machine\":{");
	put_text(out, "kernel", machine->kernel);
	buf_char(out, ',');
	put_text(out, "arch", machine->arch);
	buf_char(out, ',');
	put_text(out, "cpu", machine->cpu);
	buf_printf(out, ",\"cpus\":%d,\"load\":%.2f,\"busy\":%s,\"root\":%s}", machine->cpus,
		   machine->load, machine_busy(machine) ? "true" : "false",
		   machine->root ? "true" : "false");
}

static void put_workload(struct buf *out, const struct workload *workload)
{
	buf_char(out, '{');
	put_text(out, "name", workload->name);
	buf_char(out, ',');
	put_text(out, "text", workload->text);
	put_u64(out, "count", workload->count);
	if (workload->reference && !workload->skipped) {
		put_u64(out, "expected", workload->expected.all);
		put_u64(out, "expected_opens", workload->expected.opens);
		put_u64(out, "expected_opened", workload->expected.opened);
		buf_char(out, ',');
		put_text(out, "counted_by", workload->reference);
	}
	if (workload->skipped) {
		buf_char(out, ',');
		put_text(out, "left_out", workload->skipped);
	}
	buf_char(out, '}');
}

static void put_tracer(struct buf *out, const struct tracer *tracer)
{
	static const char *const kinds[] = {"untraced", "tkit", "peer"};

	buf_char(out, '{');
	put_text(out, "name", tracer->label);
	buf_printf(out, ",\"kind\":\"%s\",\"one_cpu\":%s", kinds[tracer->kind],
		   tracer->one_cpu ? "true" : "false");
	if (tracer->kind == TRACER_TKIT) {
		buf_char(out, ',');
		put_text(out, "backend", tracer->backend);
		buf_char(out, ',');
		put_text(out, "sink", tracer->sink);
	}
	if (tracer->skipped) {
		buf_char(out, ',');
		put_text(out, "left_out", tracer->skipped);
	}
	buf_char(out, '}');
}

static void put_cell(struct buf *out, const struct bench_result *result, size_t w, size_t t)
{
	const struct tracer *tracer = &result->tracers.items[t];
	const struct cell *cell = bench_cell(result, w, t);

	buf_char(out, '{');
	put_text(out, "workload", result->workloads.items[w].name);
	buf_char(out, ',');
	put_text(out, "tracer", tracer->label);
	if (tracer->kind != TRACER_NONE && cell->ratio.count) {
		put_series(out, "ratio", &cell->ratio);
		put_u64(out, "expected", result->workloads.items[w].expected.all);
		put_u64(out, "watched", bench_watched(result, w, t));
		put_u64(out, "seen", cell->seen);
		if (tracer->tells_loss)
			put_u64(out, "lost", cell->lost);
		else
			buf_str(out, ",\"lost\":null");
	}
	put_series(out, "ns", &cell->ns);
	put_series(out, "outside_ns", &cell->outside);
	put_series(out, "cpu_ns", &cell->cpu);
	put_series(out, "bytes_per_access", &cell->stored);
	put_u64(out, "failed", cell->failed);
	if (cell->failure) {
		buf_char(out, ',');
		put_text(out, "failure", cell->failure);
	}
	buf_char(out, '}');
}

static void put_bus(struct buf *out, const struct bus_row *bus)
{
	buf_char(out, '{');
	put_text(out, "sink", bus->sink);
	if (bus->ns.count) {
		put_series(out, "event_ns", &bus->ns);
		put_u64(out, "expected", bus->expected);
		put_u64(out, "seen", bus->seen);
		put_u64(out, "lost", bus->lost);
	}
	if (bus->failure) {
		buf_char(out, ',');
		put_text(out, "failure", bus->failure);
	}
	buf_char(out, '}');
}

static const char *separator(bool *first)
{
	const char *text = *first ? "\n  " : ",\n  ";

	*first = false;
	return text;
}

void bench_json(const struct bench_result *result, const struct bench_options *options,
		struct buf *out)
{
	bool first = true;

	buf_str(out, "{");
	put_text(out, "tkit", tkit_version());
	buf_str(out, ",\n ");
	put_machine(out, &result->machine);
	buf_printf(out, ",\n \"runs\":%u,\"rounds\":%u,\"interrupted\":%s,\n \"workloads\":[",
		   options->runs, result->rounds, result->interrupted ? "true" : "false");
	for (size_t i = 0; i < result->workloads.count; i++) {
		buf_str(out, separator(&first));
		put_workload(out, &result->workloads.items[i]);
	}
	buf_str(out, "],\n \"tracers\":[");
	first = true;
	for (size_t i = 0; i < result->tracers.count; i++) {
		buf_str(out, separator(&first));
		put_tracer(out, &result->tracers.items[i]);
	}
	buf_str(out, "],\n \"results\":[");
	first = true;
	for (size_t w = 0; w < result->workloads.count; w++)
		for (size_t t = 0; t < result->tracers.count; t++) {
			const struct cell *cell = bench_cell(result, w, t);

			if (!cell->ns.count && !cell->failure)
				continue;
			buf_str(out, separator(&first));
			put_cell(out, result, w, t);
		}
	buf_str(out, "],\n \"bus\":[");
	first = true;
	for (size_t i = 0; i < result->bus_count; i++) {
		buf_str(out, separator(&first));
		put_bus(out, &result->bus[i]);
	}
	buf_str(out, "]}\n");
}
