/* SPDX-License-Identifier: MIT */
/* Numbers of repeated measurements. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

/* A list of measurements, in the order in which they came. Zero-initialised = empty. */
struct series {
	double *values;
	size_t count;
	size_t room;
};

int series_add(struct series *series, double value); /* 0 or -ENOMEM */
void series_done(struct series *series);

/* 0 for an empty series. The median of an even number is the mean of the middle two. */
double series_median(const struct series *series);
double series_min(const struct series *series);
double series_max(const struct series *series);

/*
 * What a measurement between two untraced ones cost: its ratio to their mean, so that a machine
 * that gets slower in the meantime does not count. 0 if they are 0.
 */
double stats_ratio(double before, double measured, double after);

#endif
