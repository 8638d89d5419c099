/* SPDX-License-Identifier: MIT */
/*
 * bpftrace running tkit's own program: live.c starts and ends it, order.c puts its records
 * in order, record.c makes events of them, dirs.c finds names for inodes.
 */
#ifndef BPFTRACE_LOG_LIVE_H
#define BPFTRACE_LOG_LIVE_H

#include <sys/types.h>

#include "import.h"

struct file_id {
	uint64_t dev; /* as stat(2) shows it */
	uint64_t ino;
};

/* ---- dirs.c ---- */

struct dirs;

int dirs_new(struct tkit_ctx *ctx, const struct tkit_target *target, struct dirs **ret_dirs);
void dirs_free(struct dirs *dirs); /* NULL-safe */

/*
 * Path of a file in the target's root, or NULL. If it was not met before, `link` (a link of
 * /proc that may lead to it, or NULL) is asked.
 */
const char *dirs_name(struct dirs *dirs, const struct file_id *id, const char *link);

/* A path that was just used: what it leads to now may be asked for later. */
void dirs_learn(struct dirs *dirs, const char *path, size_t len);

/* What was at and below `path` has moved or gone. */
void dirs_forget(struct dirs *dirs, const char *path, size_t len);

/* ---- order.c ---- */

struct order;

int order_new(struct order **ret_order);
void order_free(struct order *order); /* NULL-safe */

/* Keeps a copy of a record with its time. 0 or -ENOMEM. */
int order_put(struct order *order, uint64_t ts, uint64_t arrived, const char *text, size_t len,
	      uint64_t number);

/*
 * The earliest record, if it arrived before `before` or more than `keep` are held. NULL-
 * terminated, valid until the next call. False: none.
 */
bool order_take(struct order *order, uint64_t before, size_t keep, struct line *ret_line);

/* ---- record.c ---- */

struct records;

/* target: NULL for a log of another time or machine: names of inodes are not looked for. */
int records_new(struct import *import, const struct tkit_target *target,
		struct records **ret_records);
void records_free(struct records *records); /* NULL-safe */

/* Is this a record of tkit's program? *ret_ts: its time. */
bool records_is(const struct line *line, uint64_t *ret_ts);

/* Turns one record into events; in the order of time. As the parsers of import.h. */
int records_take(struct records *records, const struct line *line);

/* The program said that all is attached; ret_pid: bpftrace as the kernel numbers it. */
bool records_ready(const struct records *records, pid_t *ret_pid);

/* ---- live.c ---- */

struct live;

/* Starts bpftrace on the target and waits until it is attached. */
int live_start(struct import *import, const struct tkit_target *target, struct live **ret_live);
void live_free(struct live *live); /* NULL-safe; ends bpftrace if it still runs */
void live_stop(struct live *live); /* asks it to end; its output ends then */
void live_kill(struct live *live); /* it did not */

/* Reads what it said on standard error, without waiting. */
void live_listen(struct live *live);

/* Its output has ended: collects it. If it was not asked to, that is a loss. */
int live_ended(struct live *live);

#endif
