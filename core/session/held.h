/* SPDX-License-Identifier: MIT */
/*
 * What a process has open, mapped and running: its program, working and root directory,
 * descriptors and mapped files, as /proc tells. Names are what readlink(2) says there, never
 * a guess from text: a file whose name ends in " (deleted)" is told from a deleted one.
 */
#ifndef SESSION_HELD_H
#define SESSION_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tkit/backend.h>

/* What all processes of a target have in common. */
struct held_scope {
	const struct tkit_target *target;
	uint64_t mnt_ns;   /* inode of the target's mount namespace; 0 = unknown */
	uint64_t root_dev; /* of the target's root directory */
	uint64_t root_ino;
	uint64_t unnamed[2]; /* devices of memory that has no name (memfd, shared memory) */
};

void held_scope_init(struct held_scope *scope, const struct tkit_target *target);

struct held_file {
	struct tkit_bytes path; /* in the target's root, or as P_OUTSIDE_ROOT says */
	uint32_t pflags;        /* TKIT_P_DELETED, _OUTSIDE_ROOT, _NOFOLLOW (an open symlink) */
	bool has_inode;
	uint64_t dev, ino;
	uint32_t mode;
	bool has_flags; /* of a descriptor of a regular file */
	uint32_t flags; /* O_WRONLY, O_RDWR, O_APPEND, ... */
};

struct held_process {
	pid_t pid;
	pid_t parent;
	struct tkit_bytes comm;
	struct tkit_bytes exe; /* empty: unknown, or not in the target's root */
};

struct held_result {
	const char *entry;  /* of /proc/PID that could not be read; NULL = none */
	int error;          /* -errno of that */
	uint64_t truncated; /* names that are too long for readlink(2) */
};

/*
 * Calls fn for each distinct file that `pid` holds. `start` is its start time
 * (procfs_stat()): another process of the same number is not read. Returns 0, -ESRCH if it has
 * ended (before or while it was read), a negative number that fn returned, or -ENOMEM.
 */
int held_read(const struct held_scope *scope, pid_t pid, uint64_t start,
	      int (*fn)(void *arg, const struct held_process *process,
			const struct held_file *file),
	      void *arg, struct held_result *ret_result);

#endif
