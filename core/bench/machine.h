/* SPDX-License-Identifier: MIT */
/* The machine that numbers come from. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>

struct machine {
	char kernel[128];
	char arch[72];
	char cpu[128]; /* model */
	int cpus;      /* that we may use */
	double load;   /* average of the last minute; -1 = unknown */
	bool root;
};

void machine_describe(struct machine *ret);

/* So much else goes on that ratios say little. */
bool machine_busy(const struct machine *machine);

#endif
