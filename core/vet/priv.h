/* SPDX-License-Identifier: MIT */
/* What the files of core/vet share. All of it runs in the child. */
#ifndef VET_PRIV_H
#define VET_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tkit/model.h>

#include "plugin/ctx.h"
#include "vet/vet.h"

#define VET_FDS         1024 /* descriptors that are looked at */
#define VET_STAGE_BYTES 96
#define VET_FOUND_MAX   64
#define VET_TEXT_BYTES  600
#define LOANS_MAX       4 /* at a time */
#define VET_SELF_POISON ((void *)0x7e57ab1e)

/* Shared with the parent. */
struct vet_shared {
	char stage[VET_STAGE_BYTES]; /* "pump()": what runs now; "": the check itself */
	const char *crash_id;        /* a crash in this stage has its own finding; else NULL */
	const char *crash_text;
	uint64_t beats;              /* goes up with each stage */
	uintptr_t arena, arena_size; /* what is lent lies in here */
	struct {
		uintptr_t at, size;
	} lent[LOANS_MAX]; /* what is lent just now, to be read only */
	bool lent_touched, lent_written;
};

struct vet {
	const struct vet_config *config;
	struct vet_shared *shared;
	int pipe; /* findings to the parent */
	const struct plugin *plugin;
	struct plugin_options *options;
	char dir[128];                /* for outputs */
	bool stopped;                 /* no further lives: the plugin cannot run here */
	size_t lent;                  /* bytes of the arena that have been lent */
	bool inherited[VET_FDS];      /* descriptors that were there from the beginning */
	enum tkit_target_kind target; /* backends: what the lives are led with */
	uint64_t seen;                /* backends: events of a whole life */
	bool no_output;               /* sinks: -o means nothing to it */
	struct tkit_model *model;     /* reporters */
};

/* Tells the parent. The same ID and text is told once. */
void vet_found(struct vet *vet, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void vet_note(struct vet *vet, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How long a callback, a command or a drain may take. */
uint64_t vet_patience_ns(const struct vet *vet);

/* Says what runs now, for the finding if it crashes or hangs. */
void vet_stage(struct vet *vet, const char *stage);

/* As vet_stage(); a crash in it is this finding. */
void vet_stage_as(struct vet *vet, const char *stage, const char *id, const char *text);

/*
 * Judges what a callback returned: 0..max is right. Below, a cause of one line must have been
 * recorded, and self (if it is an open()) must be untouched. True: it succeeded.
 */
bool vet_result(struct vet *vet, const char *stage, struct tkit_ctx *ctx, int rc, int max);
void vet_self(struct vet *vet, const char *stage, int rc, const void *self);

/*
 * An open() that fails by what it says itself is no defect: it may need an option, a right, a
 * file. Notes it, and no more lives.
 */
void vet_refused(struct vet *vet, struct tkit_ctx *ctx, const char *stage);

/*
 * Memory for events and texts that are lent for a call: nobody can write to it meanwhile, and
 * afterwards nobody can touch it.
 */
struct loan {
	struct vet_shared *shared;
	char *data;
	size_t size, used;
};
int loan_new(struct vet *vet, struct loan *loan, size_t size); /* whole pages */
void *loan_take(struct loan *loan, size_t size);               /* aligned for anything, zeroed */
const char *loan_text(struct loan *loan, const char *text);
void loan_give(struct loan *loan); /* all is in it */
void loan_end(struct loan *loan);  /* takes it back */

/* One life of an instance, on a thread of its own; what is left behind is measured over many. */
typedef void (*vet_life)(struct vet *vet);
void vet_live(struct vet *vet, vet_life life);
void vet_lives(struct vet *vet, const char *what, vet_life life);

/* residue.c: state of the process. */
struct residue;
struct residue *residue_new(void);
/* Signals, umask and directory are as they were? */
void residue_settings(struct vet *vet, const struct residue *before);
/* Nothing is left open or running `behind`? Frees it. True: a thread goes on. */
bool residue_check(struct vet *vet, struct residue *before, const char *behind);
uint64_t residue_memory(void);       /* that malloc(3) has given out */
uint64_t residue_peak(void);         /* most that the process ever had in memory, bytes */
void vet_inherited(struct vet *vet); /* remembers what is open */
void vet_cloexec(struct vet *vet,
		 const char *stage); /* descriptors that came and would be inherited */

/* The kinds. */
void vet_backend(struct vet *vet);
void vet_sink(struct vet *vet);
void vet_reporter(struct vet *vet);

/* sample.c: a run and events for sinks and reporters. */
struct tkit_run_info *sample_run(struct loan *loan, size_t extra);
uint32_t sample_count(void);
void sample_event(struct loan *loan, uint32_t index, struct tkit_event *event);
struct tkit_batch *sample_batch(struct loan *loan, uint32_t backend, size_t extra);

/* watch.c: what a backend emits. */
struct watch {
	struct vet *vet;
	struct tkit_ctx ctx;
	const char *stage;
	uint64_t caps;     /* what it says it can */
	uint64_t since_ns; /* no event is older */
	uint64_t events;
	uint64_t lost; /* sum of the losses' counts */
	int stop_fd;
	pid_t thread;
	struct {
		int32_t tid;
		uint64_t ts_ns;
	} last[64];    /* of the threads seen last */
	bool timed;    /* the target is live: the clock is checked */
	bool may;      /* it may emit now */
	bool statused; /* it has told the command's end */
	int status;
	struct launch *launch; /* NULL: no command */
};
extern const struct ctx_session_ops watch_ops;

#endif
