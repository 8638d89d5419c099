/* SPDX-License-Identifier: MIT */
/*
 * Whether two runs came out the same. What already differs between two runs of the original
 * image cannot be held against the small one: such parts are compared as far as the original
 * agrees with itself.
 */
#ifndef SLIM_COMPARE_H
#define SLIM_COMPARE_H

#include <stdbool.h>

#include "slim/drive.h"

/* How far two texts are alike; smaller is more. */
enum likeness {
	ALIKE_BYTES = 0,   /* the same bytes */
	ALIKE_NUMBERS = 1, /* but for numbers (times, process ids) */
	ALIKE_LINES = 2,   /* and for the order of lines */
	ALIKE_NOT = 3
};

enum likeness compare_text(const struct buf *a, const struct buf *b);

enum part_kind { PART_STATUS, PART_OUT, PART_ERR };

/* One thing that is compared. */
struct part {
	size_t step; /* drive->count: the image itself */
	enum part_kind kind;
	enum likeness noise;  /* how far the original agrees with itself */
	enum likeness result; /* how far the small image agrees with it */
	bool differs;         /* worse than the noise */
};

struct comparison {
	struct part parts[(DRIVE_STEPS_MAX + 2) * 3];
	size_t count;
	size_t differences;
	size_t incomparable; /* the original's own runs are not alike: not compared */
};

/*
 * Compares `result` with the first of `originals`; the others tell the noise. Of a single
 * original all differences count.
 */
void compare_runs(const struct drive_result *originals, size_t count,
		  const struct drive_result *result, struct comparison *ret);

const char *likeness_text(enum likeness likeness);
const char *part_name(enum part_kind kind, bool http);

#endif
