/* SPDX-License-Identifier: MIT */
/*
 * A child process that can do nothing but compute, and read and write the descriptors that
 * it was given: no open, no exec, no network, no signals to others, no capabilities, nobody
 * instead of root, bounded memory.
 */
#ifndef ROOTFS_SANDBOX_H
#define ROOTFS_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

struct sandbox {
	const int *keep; /* descriptors that it may use; all others are closed in it */
	unsigned int keep_count;
	uint64_t memory;      /* address space beyond what it is born with, bytes */
	uint64_t file_size;   /* largest file it may write */
	unsigned int new_fds; /* descriptors it may get sent */
};

/*
 * Forks. `run` is called in the child, whose exit status is its result; it prints nothing.
 * Where the sandbox cannot be made run() is not called and the status is SANDBOX_FAILED.
 * Returns the pid or -errno with the cause.
 */
#define SANDBOX_FAILED 121
pid_t sandbox_start(const struct sandbox *sandbox, int (*run)(void *arg), void *arg,
		    struct err *err);

/* Waits for it. 0 if it ended with status 0; else -errno, with what became of it as cause. */
int sandbox_wait(pid_t pid, struct err *err);

#endif
