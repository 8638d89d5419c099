/* SPDX-License-Identifier: MIT */
/*
 * Reading the memory of another thread that stands still (a tracee in a stop, a thread that waits
 * for the answer to a seccomp notification). All functions take the number of the thread: what was
 * read is to be believed only if the caller knows that it still was that thread's afterwards. Any
 * thread; no state.
 *
 * A static library of its own, as more than one backend reads memory and plugins share nothing
 * else.
 */
#ifndef PROCMEM_H
#define PROCMEM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All `size` bytes at `addr`: 0, -EFAULT if they are not all there, else why they may not be read.
 */
int procmem_read(pid_t tid, uint64_t addr, void *buf, size_t size);

/*
 * A path, as the kernel's getname() takes it: up to a NUL, at most PATH_MAX bytes with it. Never
 * touches a page behind the one that the string ends in. Returns its length, -ENAMETOOLONG if there
 * is no NUL (then buf is full), -EFAULT if there is no such memory, else why it may not be read.
 * *ret_forced (may be NULL): the memory was such as a program cannot read by itself.
 */
ssize_t procmem_string(pid_t tid, uint64_t addr, char buf[PATH_MAX], bool *ret_forced);

#endif
