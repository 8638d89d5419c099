// SPDX-License-Identifier: MIT
#include "bench/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define EVENTS 2000000
#define TOKEN  "/null/" /* in the names that the backend makes up */

static int add_row(struct bench_result *result, const char *sink, struct err *err)
{
	struct bus_row *rows = realloc(result->bus, (result->bus_count + 1) * sizeof(*rows));

	if (!rows)
		return err_sys(err, -ENOMEM, "listing sinks");
	result->bus = rows;
	rows[result->bus_count] = (struct bus_row){.sink = strdup(sink)};
	if (!rows[result->bus_count].sink)
		return err_sys(err, -ENOMEM, "listing sinks");
	result->bus_count++;
	return 0;
}

int bus_rows(struct bench_result *result, struct plugin_registry *registry, const char *sinks,
	     struct err *err)
{
	bool null = false;

	for (size_t i = 0;; i++) {
		_cleanup_free_ char *sink = tracer_item(sinks ? sinks : "file", i);
		struct plugin_options *options = NULL;
		const struct plugin *plugin;
		int rc;

		if (!sink)
			return null ? 0 : add_row(result, "null", err);
		null = null || !strcmp(sink, "null");
		rc = plugin_instance_spec(registry, TKIT_KIND_SINK, sink, &plugin, &options, err);
		plugin_options_free(options);
		if (rc == 0)
			rc = add_row(result, sink, err);
		if (rc < 0)
			return rc;
	}
}

static int run(struct bus_row *row, struct runner *runner, uint64_t events, struct bench_run *got,
	       struct err *err)
{
	const char *const nothing[] = {NULL};
	char backend[64], label[] = "tkit";
	struct tracer tracer = {
		.kind = TRACER_TKIT,
		.label = label,
		.backend = backend,
		.sink = row->sink,
		.stores = !strncmp(row->sink, "file", 4) && (!row->sink[4] || row->sink[4] == ','),
	};

	snprintf(backend, sizeof(backend), "null,count=%llu", (unsigned long long)events);
	return runner_run(runner, &tracer, nothing, false, TOKEN, got, err);
}

/* The time of one event, start and end of tkit left out. */
static int measure(struct bus_row *row, struct runner *runner, uint64_t events, struct err *err)
{
	struct bench_run empty = {0}, full = {0};
	uint64_t seen;
	int rc = run(row, runner, 1, &empty, err);

	if (rc == 0)
		rc = run(row, runner, events, &full, err);
	if (rc < 0)
		return rc;
	seen = full.tally.total;
	row->expected = events;
	if (!row->ns.count || seen < row->seen)
		row->seen = seen;
	if (full.tally.lost > row->lost)
		row->lost = full.tally.lost;
	return series_add(&row->ns, full.ns > empty.ns ? (full.ns - empty.ns) / (double)events : 0);
}

int bus_round(struct bench_result *result, struct runner *runner, uint64_t most, struct err *err)
{
	uint64_t events = most && most < EVENTS ? most : EVENTS;

	for (size_t i = 0; i < result->bus_count; i++) {
		struct bus_row *row = &result->bus[i];
		struct err why = ERR_INIT;
		int rc = measure(row, runner, events, &why);

		if (rc < 0 && rc != -EINTR && !row->failure)
			row->failure = strdup(err_text(&why));
		err_done(&why);
		if (rc == -EINTR)
			return err_set(err, rc, "interrupted");
	}
	return 0;
}
