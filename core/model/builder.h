/* SPDX-License-Identifier: MIT */
/*
 * Inside the model: what is collected while events come in, and what reports then see.
 *
 * Memory goes by distinct facts, never by events: each event ends in a cell, found by a
 * packed key. A cell knows when it happened first and last, as a position in its run
 * (`seq`), and everything that the model says about a path is a function of its cells.
 * So a run that was written out as one or two events for each cell (tkit merge) and read
 * again gives the same model, and merging in any order and grouping does, too.
 */
#ifndef MODEL_BUILDER_H
#define MODEL_BUILDER_H

#include <stdbool.h>

#include "model/evidence.h"
#include "model/keyed.h"
#include "model/model.h"
#include "model/pids.h"
#include "util/buf.h"
#include "util/intern.h"

/* `variant` of a cell: those pflags that the meaning of its names depends on, and so on. */
#define CELL_NOFOLLOW (1u << 0)
#define CELL_FD       (1u << 1)
#define CELL_EXEC     (1u << 2) /* an exec event: an access, and a new image */
#define CELL_DELETED  (1u << 3)
#define CELL_OUTSIDE  (1u << 4)
#define CELL_RES_CUT  (1u << 5)
#define CELL_CUT      (1u << 6)
#define CELL_INFERRED (1u << 7)

#define CELL_ERR_UNKNOWN (-1)

struct cell_key {
	uint32_t run;
	uint32_t path;    /* name id; INTERN_NONE: the path is not known, why is in `aux` */
	uint32_t program; /* name id of the exe; 0 (the empty name) = unknown */
	uint32_t aux;     /* resolved name; rename and mount: the other name; INTERN_NONE */
	uint32_t image;   /* exec: name id of what runs now; else 0 */
	uint32_t sysno;   /* INTERN_NONE = unknown */
	uint16_t op;
	int16_t err; /* CELL_ERR_UNKNOWN */
	uint8_t evidence;
	uint8_t variant; /* CELL_* */
	uint8_t arch;
	uint8_t via;
};
#define CELL_KEY_WORDS (sizeof(struct cell_key) / sizeof(uint64_t))
_Static_assert(sizeof(struct cell_key) == 4 * sizeof(uint64_t), "no padding in the key");

/* Two cache lines; what an access that was seen before changes is in the first one. */
struct cell {
	struct cell_key key;
	uint64_t count;
	uint64_t flags; /* ORed */
	uint64_t last_seq;
	uint64_t last_ns; /* since the run was armed */

	uint64_t first_seq;
	uint64_t first_ns;
	uint32_t requested; /* name ids; INTERN_NONE = absent */
	uint32_t base;
	uint32_t root;
	uint32_t resolved;
	uint32_t pflags; /* ORed; without CREATED, which `evidence` tells */
	int32_t first_pid;
	uint8_t has_pid;
	uint8_t has_flags;
	uint8_t reserved[22];
};
_Static_assert(sizeof(struct cell) == 128, "two cache lines");

/* One program in one run. */
struct prog {
	uint32_t run;
	uint32_t exe; /* name id */
	uint64_t execs;
	uint64_t forks;
	uint32_t parent; /* exe of who executed it first, if has_exec */
	uint32_t has_exec;
	uint32_t comm; /* name id; 0 = unknown */
	uint32_t reserved;
};

struct run_data {
	struct tkit_run pub;       /* `end` and `complete` are set when the model is finished */
	struct tkit_run_info info; /* strings in `texts` of the builder or model */
	struct tkit_run_end end;
	struct tkit_backend_info *backends;
	struct tkit_mount_info *mounts;
	const char **argv;
	uint64_t end_losses[TKIT_LOSS_COUNT_];
	uint64_t lost[TKIT_LOSS_COUNT_]; /* loss events and damage, as read */
	uint64_t caps;
	uint64_t seq;
	struct pids pids;
	uint64_t facts; /* sum of `count` over what was read */
	bool has_end;
};

struct model_builder {
	struct intern names; /* id 0 = "" */
	struct intern texts; /* NUL-terminated, the NUL included in the length */
	struct keyed cells;
	struct keyed progs;
	struct run_data **runs;
	uint32_t run_count;
	uint32_t run_room;
	bool orphan_damage; /* damage that belongs to no run */

	/* A rename or mount waits here for its second event. */
	struct cell pending;
	uint64_t pending_ts;
	bool has_pending;
};

/* Starts a run; *ret_run is its number, for the next two. The info is copied. */
int model_builder_begin_run(struct model_builder *builder, const struct tkit_run_info *info,
			    uint32_t *ret_run, struct err *err);
int model_builder_add_event(struct model_builder *builder, uint32_t run,
			    const struct tkit_event *event, struct err *err);
/* `end` may be NULL: the run was cut off. */
int model_builder_end_run(struct model_builder *builder, uint32_t run,
			  const struct tkit_run_end *end, struct err *err);

/* The access is one of two that belong together: a rename, a mount. */
bool builder_is_pair(const struct cell *cell);

/* Adds with saturation: counts come from files. */
static inline uint64_t add_count(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/* One access (or `count` of them) of a cell. */
struct cell_access {
	uint64_t count, seq, ns;
	uint64_t flags;
	uint32_t pflags;
	uint32_t resolved;
	uint8_t has_flags;
};

/* Counts an access of a cell that is there already. */
static inline void builder_count(struct cell *cell, const struct cell_access *more)
{
	cell->count = add_count(cell->count, more->count);
	cell->flags |= more->flags;
	if (more->seq > cell->last_seq) /* a REPEAT comes late */
		cell->last_seq = more->seq;
	if (more->ns > cell->last_ns)
		cell->last_ns = more->ns;
	/* Mostly nothing is new here: then the second cache line need not be written back. */
	if (more->pflags & ~cell->pflags)
		cell->pflags |= more->pflags;
	if (more->has_flags > cell->has_flags)
		cell->has_flags = more->has_flags;
	if (cell->resolved == INTERN_NONE && more->resolved != INTERN_NONE)
		cell->resolved = more->resolved;
}

/* Gives a new cell what only the first event's strings tell. 0 or -ENOMEM. */
int builder_new_cell(struct model_builder *builder, struct cell *cell,
		     const struct tkit_event *event);

/* A rename or mount that waits for its second event gets none. 0 or -ENOMEM. */
int builder_flush(struct model_builder *builder);

void run_data_free(struct run_data *run);

/*
 * Where something is mounted as a canonical path with a NUL byte, from a trace, where anything may
 * stand. False for what is none, or "/"; true also where memory was short (out->failed).
 */
bool mount_place(const char *text, struct buf *out);

/* False for a run whose header was lost: such runs are never taken for the same. */
bool run_has_id(const struct tkit_run_info *info);

/*
 * The place of an access in its run: in the order in which they come, by the clock as far as that
 * agrees, so that repeats, which come later than they happened, find theirs by it.
 */
static inline uint64_t run_place(struct run_data *run, uint32_t pflags, uint64_t ns)
{
	if (pflags & TKIT_P_REPEAT)
		return ns < run->seq ? ns : run->seq;
	run->seq = ns > run->seq ? ns : run->seq + 1;
	return run->seq;
}

/* Read to its end and undamaged: another copy of the run cannot be better. */
bool run_data_final(const struct run_data *run);

/* All losses of a run by reason: what the footer says and what was read, the larger. */
uint64_t run_data_lost(const struct run_data *run, int reason);

#endif
