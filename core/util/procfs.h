/* SPDX-License-Identifier: MIT */
/* Facts from /proc. Processes come and go: each answer may be old when it arrives. */
#ifndef UTIL_PROCFS_H
#define UTIL_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct procfs_stat {
	char state; /* 'R', 'T', 't', 'Z', ... */
	pid_t parent;
	int threads;
	bool kernel;    /* a thread of the kernel's own */
	uint64_t start; /* clock ticks since the machine was booted */
};

/* /proc/PID/stat; procfs_stat_at(): of the process or thread whose directory it is. */
bool procfs_stat(pid_t pid, struct procfs_stat *ret_stat);
bool procfs_stat_at(int dir, struct procfs_stat *ret_stat);

/* Now, as `start` of a process that begins now. */
uint64_t procfs_now(void);

/* O_PATH of a thread of /proc/PID (`dir`) that has not ended, its number in name; -ESRCH. */
int procfs_living_thread(int dir, char name[16]);

/* The process that a thread belongs to; 0 if it is gone. */
pid_t procfs_process(pid_t tid);

/* Calls fn for every process until it returns a negative number; returns that, 0 or -errno. */
int procfs_each(int (*fn)(void *arg, pid_t pid), void *arg);

/* State letter of /proc/PID/stat ('R', 'T', 't', 'Z', ...); 0 if there is no such process. */
char procfs_state(pid_t pid);

/* Parent of a process, -1 if it is gone. */
pid_t procfs_parent(pid_t pid);

/* The process exists and is not a zombie. */
bool procfs_alive(pid_t pid);

/*
 * Calls fn for each present descendant of `pid`, itself left out, parents before children.
 * Returns their number or -errno.
 */
int procfs_descendants(pid_t pid, void (*fn)(void *arg, pid_t pid, pid_t parent), void *arg);

/* The text of /proc/PID/NAME, up to SMALLFILE_MAX bytes; caller frees. 0 or -errno. */
int procfs_text(pid_t pid, const char *name, char **ret);

/* readlink of /proc/PID/NAME into buf, NUL-terminated. Returns the length or -errno. */
ssize_t procfs_link(pid_t pid, const char *name, char *buf, size_t size);

#endif
