/* SPDX-License-Identifier: MIT */
/* Rows of a block's tables: whole 64-bit words without padding, see rowtab.h. */
#ifndef TRACE_ROWS_H
#define TRACE_ROWS_H

#include <stdint.h>

struct kind_row {
	uint16_t type;
	uint16_t op;
	uint32_t valid;
	uint32_t pflags;
	int32_t err;
	uint64_t flags;
	int32_t sysno;
	uint16_t arch;
	uint16_t via;
	uint32_t reason;
	uint32_t zero;
};

struct task_row {
	int32_t pid;
	int32_t tid;
	int32_t ppid;
	uint32_t comm; /* string */
	uint32_t exe;  /* string */
	uint32_t zero;
	uint64_t cgroup;
};

struct name_row {
	uint32_t path; /* string */
	uint32_t base; /* string */
	uint32_t root; /* string */
	uint32_t zero;
};

struct file_row {
	uint32_t resolved; /* string */
	uint32_t mode;
	uint64_t dev;
	uint64_t ino;
};

_Static_assert(sizeof(struct kind_row) == 40, "padding in kind_row");
_Static_assert(sizeof(struct task_row) == 32, "padding in task_row");
_Static_assert(sizeof(struct name_row) == 16, "padding in name_row");
_Static_assert(sizeof(struct file_row) == 24, "padding in file_row");

#endif
