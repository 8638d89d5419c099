// SPDX-License-Identifier: MIT
#include "bench/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

int series_add(struct series *series, double value)
{
	if (series->count == series->room) {
		size_t room = series->room ? series->room * 2 : 8;
		double *values = realloc(series->values, room * sizeof(*values));

		if (!values)
			return -ENOMEM;
		series->values = values;
		series->room = room;
	}
	series->values[series->count++] = value;
	return 0;
}

void series_done(struct series *series)
{
	free(series->values);
	*series = (struct series){0};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_median(const struct series *series)
{
	_cleanup_free_ double *sorted = NULL;
	size_t n = series->count;

	if (!n)
		return 0;
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return series->values[n / 2];
	memcpy(sorted, series->values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double series_min(const struct series *series)
{
	double least = series->count ? series->values[0] : 0;

	for (size_t i = 1; i < series->count; i++)
		if (series->values[i] < least)
			least = series->values[i];
	return least;
}

double series_max(const struct series *series)
{
	double most = series->count ? series->values[0] : 0;

	for (size_t i = 1; i < series->count; i++)
		if (series->values[i] > most)
			most = series->values[i];
	return most;
}

double stats_ratio(double before, double measured, double after)
{
	double mean = (before + after) / 2;

	return mean > 0 ? measured / mean : 0;
}
