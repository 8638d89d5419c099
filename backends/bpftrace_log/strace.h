/* SPDX-License-Identifier: MIT */
/* The text of strace -f [-y], cut into its parts. */
#ifndef BPFTRACE_LOG_STRACE_H
#define BPFTRACE_LOG_STRACE_H

#include "import.h"

#define STRACE_ARGS 7

/* One argument as printed: a string, a descriptor, a number, a structure. */
struct strace_arg {
	const char *text;
	size_t len;
};

enum strace_form {
	STRACE_CALL = 1,   /* name(args) = result */
	STRACE_UNFINISHED, /* name(args <unfinished ...> */
	STRACE_RESUMED,    /* <... name resumed>args) = result */
	STRACE_EXIT,       /* +++ exited with N +++, +++ killed by SIG +++ */
	STRACE_SIGNAL,     /* --- SIG {...} --- */
};

struct strace_parts {
	enum strace_form form;
	int32_t pid; /* 0: none printed */
	const char *name;
	size_t name_len;
	const char *args; /* the text between the brackets, or what there is of it */
	size_t args_len;
	const char *result; /* behind "= " */
	size_t result_len;
};

/* Cuts a line. False if it is not of strace. */
bool strace_cut(const char *text, size_t len, struct strace_parts *ret);

/* Cuts arguments at the commas between them. Returns their number, -1 if brackets or quotes do
 * not match. */
int strace_args(const char *text, size_t len, struct strace_arg args[STRACE_ARGS]);

/*
 * The bytes of a quoted string; buf must hold arg->len bytes. Returns the length, -1 if the
 * argument is no string. *ret_cut: strace left out the rest ("..."...).
 */
long strace_string(const struct strace_arg *arg, char *buf, bool *ret_cut);

/*
 * "3</a/b>" or "AT_FDCWD</a>": the path behind a descriptor, unescaped into buf (arg->len
 * bytes). Returns its length, 0 if there is none (no -y, a pipe or socket), -1 if this is no
 * descriptor.
 */
long strace_fd_path(const char *text, size_t len, char *buf);

/* ---- strace_state.c: what is known from the lines before ---- */

/* What is known of a thread, as far as the log has told. */
struct strace_task {
	int32_t pid;
	bool used;
	char *cwd; /* NULL: unknown */
	/* a call that another thread's line interrupted; a thread has at most one */
	char name[24];
	char *args; /* NULL: none */
	size_t args_len;
};

struct strace {
	struct strace_task *tasks; /* open addressing by pid */
	uint32_t room;             /* power of two */
	uint32_t count;
	uint64_t seed;
	char *joined;  /* arguments of a resumed call */
	char *text[3]; /* unescaped strings of one line: path, base, resolved */
	size_t text_room;
};

struct strace *strace_state(struct import *import); /* NULL: no memory */
/* Buffers for the strings of a line of that length. */
bool strace_room(struct strace *strace, size_t len);
/* Its directory; NULL: unknown. Until the next strace_set_cwd() or strace_forget() for `pid`. */
const char *strace_cwd(const struct strace *strace, int32_t pid);
/* NULL: unknown from now on. */
void strace_set_cwd(struct strace *strace, int32_t pid, const char *path, size_t len);
/* A thread has ended. */
void strace_forget(struct strace *strace, int32_t pid);
/* Keeps the first half of an interrupted call; puts a resumed call's halves together. LINE_* or
 * -ENOMEM */
int strace_keep(struct import *import, const struct strace_parts *parts);
int strace_join(struct import *import, struct strace_parts *parts);

#endif
