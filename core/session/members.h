/* SPDX-License-Identifier: MIT */
/* Which processes belong to a target now. */
#ifndef SESSION_MEMBERS_H
#define SESSION_MEMBERS_H

#include <tkit/backend.h>

#include "session/tree.h"

struct members {
	const struct tkit_target *target;
	struct tree *tree; /* PID: what the backends have told of the tree; NULL = nothing */
	void (*fn)(void *arg, pid_t pid);
	void *arg;
	uint64_t strangers; /* CGROUP: members that have no number in tkit's pid namespace */
};

/*
 * Calls fn for each process of a PID, CGROUP or ALL target, some perhaps more than once,
 * tkit itself never. Processes come and go meanwhile. Returns 0 or -errno.
 */
int members_list(struct members *members);

#endif
