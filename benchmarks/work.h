/* SPDX-License-Identifier: MIT */
/*
 * The workloads of `tkit bench`. Each makes a known number of accesses to names that begin with
 * a token ("tkb1f3a_open_"), so that whatever a tracer prints, the accesses of this workload in
 * this run can be counted in it.
 */
#ifndef WORK_H
#define WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct work {
	long count;        /* how many times, or how many files */
	const char *token; /* beginning of each name */
};

/* What one unit of the count is to those who watch names. */
#define WORK_CONTROL 'c' /* nothing: no call that names a file */
#define WORK_OPEN    'o' /* one open that succeeds */
#define WORK_FAILED  'f' /* one open that fails */
#define WORK_OTHER   'm' /* one access of another kind, no open */
#define WORK_COUNTED 'p' /* a program: how many accesses it makes is counted under a tracer */
#define WORK_ASIDE   'a' /* like OPEN, but not traced itself, while something else is */

struct workload {
	const char *name;
	long count;        /* default */
	char kind;         /* WORK_* */
	const char *needs; /* programs, separated by blanks; NULL = none */
	const char *text;
	void (*prepare)(const struct work *work); /* in the working directory; may be NULL */
	void (*run)(const struct work *work);     /* what is timed */
};

extern const struct workload loops[], programs[];
extern const size_t loop_count, program_count;

/* Ends the process with status 1 and `what` and errno as its words, unless ok. */
void need(bool ok, const char *what);

/* The measured part begins, ends: a workload that has to set something up first calls these
 * itself; else all of run() is measured. */
void clock_start(void);
void clock_stop(void);

#define NAME_SIZE 256

/* TOKEN then the formatted text, in buf[NAME_SIZE]. Returns buf. */
const char *name_of(char *buf, const struct work *work, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A new file that holds the formatted text. */
void write_file(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * `count` files of `size` bytes in directories of a hundred each below "tree". All names but
 * that begin with the token.
 */
void make_tree(const struct work *work, long count, size_t size);

/* Starts a program found in PATH with no output; it dies with us. */
pid_t start_program(const char *const *argv);
void run_program(const char *const *argv); /* and waits: its status must be 0 */
bool have_program(const char *name);

#endif
