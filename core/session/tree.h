/* SPDX-License-Identifier: MIT */
/*
 * Which processes of the target's tree are alive, by the fork and exit events that pass
 * the bus: the session ends with the last of them.
 */
#ifndef SESSION_TREE_H
#define SESSION_TREE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tkit/event.h>

struct tree {
	pthread_mutex_t lock;
	uint64_t *alive; /* one bit per pid */
	size_t count;    /* alive, root included */
	pid_t root;
	bool root_gone; /* its exit event has passed */
};

int tree_init(struct tree *tree, pid_t root); /* 0 or -ENOMEM */
void tree_done(struct tree *tree);

/* Any thread. */
void tree_add(struct tree *tree, pid_t pid);
void tree_observe(struct tree *tree, const struct tkit_batch *batch);

/* Calls fn for each process, until it returns a negative number; returns that or 0. Any thread. */
int tree_each(struct tree *tree, int (*fn)(void *arg, pid_t pid), void *arg);

/* Live processes without the root. Any thread. */
size_t tree_others(struct tree *tree);
bool tree_root_gone(struct tree *tree);

/*
 * Drops processes that are gone by /proc, for exit events that were lost. To be called
 * only when no event is under way. Returns what tree_others() would. Any thread.
 */
size_t tree_prune(struct tree *tree);

#endif
