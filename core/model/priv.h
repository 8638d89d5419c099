/* SPDX-License-Identifier: MIT */
/* The finished model. */
#ifndef MODEL_PRIV_H
#define MODEL_PRIV_H

#include "model/builder.h"

/* What all runs together say of one name (requested, resolved or canonical). */
#define NAME_EXISTED (1u << 0)
#define NAME_CREATED (1u << 1)
#define NAME_UNSURE  (1u << 2)

struct model_path {
	struct tkit_path pub; /* first: accessors cast */
	uint32_t name;        /* id */
	uint32_t first_access;
};

struct tkit_model {
	struct intern names;
	struct intern texts;
	struct keyed cells;
	struct keyed progs;
	struct run_data **runs; /* by (armed, id) */
	uint32_t run_count;
	bool orphan_damage;

	uint32_t *by_run;    /* cell indexes, grouped by run */
	uint32_t *run_first; /* of each run in by_run; one more at the end */
	uint32_t *canon;     /* name id -> id of its canonical name; NULL = all their own */
	uint32_t *parents;   /* name id -> nearest name above it; INTERN_NONE = not looked up */
	uint8_t *name_state; /* NAME_* by name id */
	uint32_t name_count; /* of the three arrays above */

	struct tkit_program *programs;
	uint32_t *program_of; /* name id of the exe -> index */
	uint32_t program_count;

	struct model_path *paths;
	uint32_t *path_of; /* name id -> index in paths; INTERN_NONE */
	uint32_t path_count;
	struct tkit_access *accesses;
	uint32_t access_count;

	uint32_t *seen;       /* runs of each path, path by path */
	uint32_t *seen_first; /* of each path in seen; one more at the end */

	struct tkit_mount_info *mounts; /* that every run has, by destination */
	size_t mount_count;

	uint64_t pathless[2][TKIT_PATHLESS_COUNT_];
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint64_t caps;
	int complete;
	struct tkit_rootfs *rootfs;

	/* by enrichment */
	struct owners *owners;
	void (*owners_free)(struct owners *owners);
	struct tkit_unused_need *unused_needs;
	size_t unused_need_count;
};

static inline struct cell *model_cell(const struct tkit_model *m, uint32_t index)
{
	return keyed_at(&m->cells, index);
}

/* Sorts runs, drops worse copies of one run, renumbers cells and programs. */
int model_sort_runs(struct tkit_model *m);

/* Groups the cells by run, and sizes the arrays that go by name. Again after adding either. */
int model_index(struct tkit_model *m);

/* Adds the cells that renames and bind mounts imply. */
int model_infer(struct tkit_model *m);

/* Works out the state of all names and of the paths. */
int model_states(struct tkit_model *m);

/* Which paths were seen in which runs. */
int model_seen(struct tkit_model *m);

/* What is mounted at the same place in all runs. */
int model_mounts(struct tkit_model *m);

/* Programs, paths and accesses, sorted, from the cells. */
int model_fold(struct tkit_model *m);

#endif
