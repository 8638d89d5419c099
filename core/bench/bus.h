/* SPDX-License-Identifier: MIT */
/* The price of what comes behind a backend: made-up events through the bus into each sink. */
#ifndef BENCH_BUS_H
#define BENCH_BUS_H

#include "bench/bench.h"

/* A row for each sink of the list (NULL: file), and for the null sink. */
int bus_rows(struct bench_result *result, struct plugin_registry *registry, const char *sinks,
	     struct err *err);

/* Measures each once. `most`: so many events at most, 0 = the default number. */
int bus_round(struct bench_result *result, struct runner *runner, uint64_t most, struct err *err);

#endif
