// SPDX-License-Identifier: MIT
#include "session/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "util/procfs.h"

#define PID_LIMIT (4u << 20) /* the kernel's PID_MAX_LIMIT */

int tree_init(struct tree *tree, pid_t root)
{
	*tree = (struct tree){.root = root};
	/* Mostly untouched, so mostly not there. */
	tree->alive = calloc(PID_LIMIT / 64, sizeof(*tree->alive));
	if (!tree->alive)
		return -ENOMEM;
	pthread_mutex_init(&tree->lock, NULL);
	tree_add(tree, root);
	return 0;
}

void tree_done(struct tree *tree)
{
	if (!tree->alive)
		return;
	free(tree->alive);
	tree->alive = NULL;
	pthread_mutex_destroy(&tree->lock);
}

static void set(struct tree *tree, pid_t pid, bool alive)
{
	uint64_t bit = 1ull << ((unsigned int)pid % 64);
	uint64_t *word;

	if (pid <= 0 || (unsigned int)pid >= PID_LIMIT)
		return;
	word = &tree->alive[(unsigned int)pid / 64];
	if (alive && !(*word & bit)) {
		*word |= bit;
		tree->count++;
	} else if (!alive && (*word & bit)) {
		*word &= ~bit;
		tree->count--;
	}
}

static bool has(const struct tree *tree, pid_t pid)
{
	return pid > 0 && (unsigned int)pid < PID_LIMIT &&
	       tree->alive[(unsigned int)pid / 64] >> ((unsigned int)pid % 64) & 1;
}

void tree_add(struct tree *tree, pid_t pid)
{
	pthread_mutex_lock(&tree->lock);
	set(tree, pid, true);
	pthread_mutex_unlock(&tree->lock);
}

void tree_observe(struct tree *tree, const struct tkit_batch *batch)
{
	pthread_mutex_lock(&tree->lock);
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);

		if (!(event->valid & TKIT_V_PID))
			continue;
		if (event->type == TKIT_EVENT_FORK) {
			set(tree, event->pid, true);
		} else if (event->type == TKIT_EVENT_EXIT) {
			set(tree, event->pid, false);
			if (event->pid == tree->root)
				tree->root_gone = true;
		}
	}
	pthread_mutex_unlock(&tree->lock);
}

static size_t others(const struct tree *tree)
{
	return tree->count - (has(tree, tree->root) ? 1 : 0);
}

size_t tree_others(struct tree *tree)
{
	size_t n;

	pthread_mutex_lock(&tree->lock);
	n = others(tree);
	pthread_mutex_unlock(&tree->lock);
	return n;
}

bool tree_root_gone(struct tree *tree)
{
	bool gone;

	pthread_mutex_lock(&tree->lock);
	gone = tree->root_gone;
	pthread_mutex_unlock(&tree->lock);
	return gone;
}

int tree_each(struct tree *tree, int (*fn)(void *arg, pid_t pid), void *arg)
{
	int rc = 0;

	pthread_mutex_lock(&tree->lock);
	for (size_t word = 0; rc >= 0 && tree->count && word < PID_LIMIT / 64; word++)
		for (uint64_t left = tree->alive[word]; rc >= 0 && left; left &= left - 1)
			rc = fn(arg, (pid_t)(word * 64 + (size_t)__builtin_ctzll(left)));
	pthread_mutex_unlock(&tree->lock);
	return rc < 0 ? rc : 0;
}

size_t tree_prune(struct tree *tree)
{
	size_t n;

	pthread_mutex_lock(&tree->lock);
	for (size_t word = 0; tree->count && word < PID_LIMIT / 64; word++)
		for (uint64_t left = tree->alive[word]; left; left &= left - 1) {
			pid_t pid = (pid_t)(word * 64 + (size_t)__builtin_ctzll(left));

			if (!procfs_alive(pid))
				set(tree, pid, false);
		}
	if (!has(tree, tree->root))
		tree->root_gone = true;
	n = others(tree);
	pthread_mutex_unlock(&tree->lock);
	return n;
}
