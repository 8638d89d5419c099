/* SPDX-License-Identifier: MIT */
/* Records of tkit's bpftrace program: what record.c (the form) and call.c (the meaning) share. */
#ifndef BPFTRACE_LOG_RECORD_H
#define BPFTRACE_LOG_RECORD_H

#include <tkit/syscalls.h>

#include "live.h"

#define RECORD_THREADS 1024
#define RECORD_PIECE   127 /* bytes of a piece of a name that is not the last */

struct name {
	bool known; /* a piece has come */
	bool cut;   /* the last piece that has come is not the end */
	char *text;
	size_t len;
};

struct descriptor {
	bool known;
	struct file_id id;
	uint32_t mode;
};

/* What has come of a thread's call under way. */
struct thread {
	struct thread *next;
	uint64_t tid;
	struct name names[2];
	struct descriptor fds[2];
};

struct call {
	uint64_t ts, tid, pid, ppid, key, ret, args[5], how;
	struct file_id cwd, root;
	struct tkit_bytes comm;
	const struct thread *thread; /* NULL: nothing came before */
};

struct records {
	struct import *import;
	const struct tkit_target *target; /* NULL: a log */
	struct dirs *dirs;                /* NULL: a log */
	int arch;
	bool ready;
	pid_t tracer;
	uint64_t shift;      /* to be added to a record's time */
	struct file_id root; /* the root directory of the target */
	bool root_known;     /* the first call of the target has told */
	struct thread *threads[RECORD_THREADS];
};

/* A number in hexadecimal behind blanks; moves *at behind it. */
bool record_field(const char **at, const char *end, uint64_t *ret);

/* The kernel's own form of a device number as stat(2) shows it. */
uint64_t record_dev(uint64_t dev);

/* Emits the events of a call. LINE_USED, LINE_BAD or -errno. */
int record_call(struct records *records, const struct call *call);

#endif
