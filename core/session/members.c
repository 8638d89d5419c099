// SPDX-License-Identifier: MIT
#include "session/members.h"

#include <errno.h>

#include "session/cgroup.h"
#include "util/procfs.h"

static int add(struct members *m, pid_t pid)
{
	if (pid != m->target->self_pid)
		m->fn(m->arg, pid);
	return 0;
}

static int add_any(void *arg, pid_t pid)
{
	return add(arg, pid);
}

static void add_descendant(void *arg, pid_t pid, pid_t parent)
{
	add(arg, pid);
}

static int list_tree(struct members *m)
{
	int rc;

	add(m, m->target->pid);
	rc = procfs_descendants(m->target->pid, add_descendant, m);
	/* Orphans have another parent now. */
	if (rc >= 0 && m->tree)
		rc = tree_each(m->tree, add_any, m);
	return rc < 0 ? rc : 0;
}

static int add_member(void *arg, pid_t pid)
{
	struct members *m = arg;

	if (!pid)
		m->strangers++;
	return pid ? add(m, pid) : 0;
}

static int list_group(struct members *m)
{
	int rc = cgroup_each_all(m->target->cgroup_path, add_member, m);

	return rc == -ENOENT ? 0 : rc; /* gone, and everybody with it */
}

int members_list(struct members *m)
{
	m->strangers = 0;
	switch (m->target->kind) {
	case TKIT_TARGET_PID:
		return list_tree(m);
	case TKIT_TARGET_CGROUP:
		return list_group(m);
	case TKIT_TARGET_ALL:
		return procfs_each(add_any, m);
	default:
		return 0;
	}
}
