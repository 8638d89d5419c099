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
	uint64_t count;
};

/* Fills a cell from one access or exec; the strings that only a new cell needs stay out. */
int intake_cell(struct model_builder *b, const struct intake *in, struct cell *cell);

/* Who made the access and, of an exec, what runs now; notes which program the process runs. */
int intake_programs(struct model_builder *b, const struct intake *in, struct cell_key *key);

/* Id of `text`, or INTERN_NONE if it is not valid. 0 or -ENOMEM. */
int intake_keep(struct model_builder *b, bool valid, struct tkit_bytes text, uint32_t *ret_id);

#endif
