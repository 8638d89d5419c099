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

/* A call that another process's line interrupted. */
struct strace_pending {
	int32_t pid; /* 0 = free */
	char name[24];
	char *args;
	size_t args_len;
};

/* The working directory of a process, as far as the log has told. */
struct strace_cwd {
	int32_t pid;
	char *path;
};

struct strace {
	struct strace_pending *pending;
	size_t pending_count;
	struct strace_cwd *cwds;
	size_t cwd_count;
	char *joined;  /* arguments of a resumed call */
	char *text[3]; /* unescaped strings of one line: path, base, resolved */
	size_t room;
};

struct strace *strace_state(struct import *import); /* NULL: no memory */
/* Buffers for the strings of a line of that length. */
bool strace_room(struct strace *strace, size_t len);
/* NULL: not known, or no memory to `make` it. */
struct strace_cwd *strace_cwd(struct strace *strace, int32_t pid, bool make);
void strace_set_cwd(struct strace *strace, int32_t pid, const char *path, size_t len);
/* Keeps the first half of an interrupted call; puts a resumed call's halves together. LINE_* or
 * -ENOMEM */
int strace_keep(struct import *import, const struct strace_parts *parts);
int strace_join(struct import *import, struct strace_parts *parts);

#endif
