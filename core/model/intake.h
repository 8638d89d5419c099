/* SPDX-License-Identifier: MIT */
/* One event as a cell. */
#ifndef MODEL_INTAKE_H
#define MODEL_INTAKE_H

#include "model/builder.h"

/* An event and what was worked out about it. */
struct intake {
	const struct tkit_event *event;
	struct run_data *run;
	uint32_t run_index;
	uint64_t ns;
	uint64_t seq; /* its place in the run */
	uint64_t count;
};

/* The part of a cell that goes by what kind of event it is: all but names, files and who. */
void intake_kind(const struct tkit_event *event, struct cell *cell);

/* A resolved path that names a place in the target's root, and still does. */
bool intake_has_resolved(const struct tkit_event *event);

/* In /proc the resolved name has the process id in it: one cell for all of them. */
bool intake_resolved_counts(struct tkit_bytes resolved);

/* Fills a cell from one access or exec; the strings that only a new cell needs stay out. */
int intake_cell(struct model_builder *b, const struct intake *in, struct cell *cell);

/* Who made the access and, of an exec, what runs now; notes which program the process runs. */
int intake_programs(struct model_builder *b, const struct intake *in, struct cell_key *key);

/* Id of `text`, or INTERN_NONE if it is not valid. 0 or -ENOMEM. */
int intake_keep(struct model_builder *b, bool valid, struct tkit_bytes text, uint32_t *ret_id);

#endif
