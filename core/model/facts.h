/* SPDX-License-Identifier: MIT */
/* What one run says about the existence of each name. */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include "model/priv.h"

#define SEQ_NONE UINT64_MAX

#define FACT_BY_LINK     (1u << 0) /* created as a symbolic link: names below it lead elsewhere */
#define FACT_MOUNTED     (1u << 1) /* mounted over: below it is another file system */
#define FACT_LINK_TO_OWN (1u << 2) /* some access ended at a file of the run's own making */

struct fact {
	uint64_t first_seq; /* any evidence; SEQ_NONE = no fact */
	uint64_t last_seq;
	uint64_t exist_seq;  /* first evidence that it exists (before or after the call) */
	uint64_t create_seq; /* first creation */
	uint64_t mount_seq;
	uint8_t first_kind; /* enum evidence */
	uint8_t last_kind;
	uint8_t exist_kind;
	uint8_t flags;   /* FACT_* */
	uint8_t outcome; /* NAME_*, once `decided` */
	uint8_t decided;
};

struct facts {
	struct tkit_model *model;
	struct fact *by_name;
	uint32_t *touched; /* names with a fact */
	uint32_t touched_count;
};

int facts_init(struct facts *facts, struct tkit_model *m);
void facts_done(struct facts *facts);

/* Forgets the run before and collects those of `run`. */
void facts_collect(struct facts *facts, uint32_t run);

/* Did the name exist before the run, was it created in it: NAME_*. */
unsigned int facts_outcome(struct facts *facts, uint32_t name);

/* Has a ".." component (also as the first one behind a slash). */
bool name_has_dotdot(struct tkit_bytes text);

#endif
