/* SPDX-License-Identifier: MIT */
/* A directory for a test of containers; the test's own process plays a container's first one. */
#ifndef CONTAINER_DIR_H
#define CONTAINER_DIR_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "container/container.h"
#include "tree.h"
#include "util/cleanup.h"
#include "util/procfs.h"

struct state_dir {
	struct tree tree;
	char root[80];
	uint64_t start;
	bool in_group; /* this process is in a control group that is mounted here */
};

static int dir_setup(void **state)
{
	struct state_dir *dir = calloc(1, sizeof(*dir));
	_cleanup_free_ char *group = NULL;
	struct procfs_stat stat;

	if (!dir || tree_new(&dir->tree) < 0)
		return -1;
	snprintf(dir->root, sizeof(dir->root), "%s/runc", dir->tree.dir);
	dir->in_group = container_cgroup_dir(getpid(), &group, NULL) == 0;
	*state = dir;
	if (!procfs_stat(getpid(), &stat))
		return -1;
	dir->start = stat.start;
	return 0;
}

static int dir_teardown(void **state)
{
	struct state_dir *dir = *state;

	tree_done(&dir->tree);
	free(dir);
	return 0;
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)

#endif
