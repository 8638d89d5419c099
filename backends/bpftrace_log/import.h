/* SPDX-License-Identifier: MIT */
/*
 * The parts of the import: lines.c reads lines, one parser per format turns a line into
 * events, import.c ties them together.
 */
#ifndef BPFTRACE_LOG_IMPORT_H
#define BPFTRACE_LOG_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tkit/tkit.h>

enum format { FORMAT_AUTO, FORMAT_ARTICLE, FORMAT_OPENSNOOP, FORMAT_JSON, FORMAT_STRACE };

struct options {
	const char *file;
	int format; /* enum format */
	const char *container;
	const char *cwd;
	int live;
	const char *bpftrace;
	const char *program;
	uint64_t ring_size;
};

struct strace;
struct live;
struct order;
struct records;

struct import {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_target *target;
	struct lines *lines;
	enum format format; /* FORMAT_AUTO until the first line tells */
	uint64_t zero_ns;   /* what the log's time 0 is shown as */
	uint64_t emitted;
	bool skipping;         /* inside the block of another container */
	struct strace *strace; /* state of the strace parser; made at need */
	struct {
		int pid, comm, fd, err, flags, path, time; /* opensnoop: column numbers, -1 */
		bool known;
	} columns;
	uint64_t made;           /* records that tkit's bpftrace program made, as it says itself, */
	uint64_t come;           /* ... that came of them, */
	uint64_t gone;           /* ... and that bpftrace told lost */
	struct records *records; /* records of tkit's own bpftrace program; made at need */
	struct order *order;     /* those that wait for earlier ones */
	struct live *live;       /* NULL: a log is imported */
	bool stopping;
	uint64_t stop_ns; /* when bpftrace was asked to end */
	bool ended;       /* bpftrace has */
};

/* What a parser says of a line. */
enum verdict {
	LINE_BAD = 0,  /* not of this format: a parse loss */
	LINE_USED = 1, /* understood (events may have been emitted) */
};

/* A line without its newline; NUL-terminated, but a NUL may also stand inside. */
struct line {
	const char *text;
	size_t len;
	uint64_t number;
};

/* Each returns a verdict, or -errno from tkit_emit(). */
int article_line(struct import *import, const struct line *line);
int opensnoop_line(struct import *import, const struct line *line);
int json_line(struct import *import, const struct line *line);
int json_end(struct import *import); /* after the last line; -errno from tkit_lose() */
int strace_line(struct import *import, const struct line *line);
void strace_free(struct strace *strace);

/* Lines that tell of losses or nothing, common to bpftrace's formats. 1 = taken. */
int common_line(struct import *import, const struct line *line);

/* Starts an open event for `path`; ret as the call returned (fd or -errno). */
void open_event(struct import *import, struct tkit_event *event, const char *path, size_t len,
		int64_t ret);

/* Emits; flags a name of exactly a tool's limit as truncated, and counts that. */
int emit(struct import *import, struct tkit_event *event);

/*
 * Reads and takes up to `max` lines, and the records whose time has come. Returns the number
 * of events, TKIT_END at the end of the input with nothing held any more, -errno.
 */
int import_pump(struct import *import, int timeout_ms, int max);

/* Holds a record of tkit's bpftrace program until it is its turn. A verdict, or -errno. */
int import_record(struct import *import, const struct line *line, uint64_t ts);

/* Can live=true work here? 0 or -errno with the cause. */
int live_probe(struct tkit_ctx *ctx, const struct options *options);

/* ---- lines.c ---- */

struct lines;

int lines_new(struct tkit_ctx *ctx, const char *file, struct lines **ret_lines);
int lines_new_fd(struct tkit_ctx *ctx, int fd, const char *name, struct lines **ret_lines);
void lines_free(struct lines *lines);  /* NULL-safe */
void lines_drain(struct lines *lines); /* from now on a wish to stop does not end waiting */

/*
 * Next line. 1 = *ret_line filled (until the next call), 0 = nothing within timeout_ms,
 * TKIT_END at the end, -errno. A line longer than the limit comes cut with *ret_cut set.
 */
int lines_next(struct tkit_ctx *ctx, struct lines *lines, int timeout_ms, struct line *ret_line,
	       bool *ret_cut);
const char *lines_name(const struct lines *lines);

/* ---- symbols.c ---- */

/* "O_RDONLY|O_CLOEXEC", "AT_EMPTY_PATH", "0x1000|R_OK" to a number; unknown names are 0. */
uint64_t symbols_value(const char *text, size_t len);

/* "ENOENT" to 2; 0 if unknown. */
int symbols_errno(const char *text, size_t len);

#endif
