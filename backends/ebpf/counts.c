// SPDX-License-Identifier: MIT
/*
 * The counts of repeats, in two maps of the kernel's: when one is full, the other one takes over,
 * and the full one is read and emptied as soon as no program is at it any more and all that was
 * told while it was in use has come out of the ring.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"
#include "tkit.skel.h"

#define READ_AT_ONCE 1024
#define GRACE_MS     100 /* far longer than a program runs */

bool counts_wanted(const struct ebpf_options *options, const struct tkit_target *target)
{
	if (options->dedup != EBPF_DEDUP_AUTO)
		return options->dedup == EBPF_DEDUP_ON;
	return counts_for_files(target);
}

bool counts_for_files(const struct tkit_target *target)
{
	return target->size >= offsetof(struct tkit_target, flags) + sizeof(target->flags) &&
	       (target->flags & TKIT_TARGET_FOLD);
}

void counts_configure(struct ebpf *e, bool wanted)
{
	struct tkit_bpf *skel = e->skel;
	uint32_t entries = wanted ? (uint32_t)e->options->dedup_entries : 1;
	uint64_t secret[2 * EBPF_FOLD_WORDS + 4];

	if (wanted && getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		wanted = false;
	bpf_map__set_max_entries(skel->maps.fold_even_map, entries);
	bpf_map__set_max_entries(skel->maps.fold_odd_map, entries);
	skel->rodata->fold = wanted;
	if (!wanted)
		return;
	for (int i = 0; i < EBPF_FOLD_WORDS; i++) {
		skel->rodata->fold_a[i] = secret[2 * i] | 1;
		skel->rodata->fold_b[i] = secret[2 * i + 1] | 1;
	}
	for (int i = 0; i < 4; i++)
		skel->rodata->fold_seed[i] = secret[2 * EBPF_FOLD_WORDS + i] | 1;
}

/* Reads a map, with which no program works any more, into a list. -errno or 0. */
static int read_map(int fd, size_t room, struct fold_counted *list, size_t *ret_count)
{
	struct ebpf_fold_key *keys = calloc(READ_AT_ONCE, sizeof(*keys));
	struct ebpf_fold_value *values = calloc(READ_AT_ONCE, sizeof(*values));
	uint32_t place, got;
	bool first = true;
	int rc = keys && values ? 0 : -ENOMEM;

	*ret_count = 0;
	while (!rc) {
		got = READ_AT_ONCE;
		rc = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &place, &place, keys,
						     values, &got, NULL);
		first = false;
		if (rc && rc != -ENOENT)
			break;
		for (uint32_t i = 0; i < got && *ret_count < room; i++)
			if (values[i].count)
				list[(*ret_count)++] = (struct fold_counted){keys[i], values[i]};
	}
	free(keys);
	free(values);
	return rc == -ENOENT ? 0 : rc;
}

/* Tells the counts of one of the two maps, in the order of the last repeats, and empties it. */
static void empty(struct ebpf *e, unsigned int odd)
{
	int fd = bpf_map__fd(odd ? e->skel->maps.fold_odd_map : e->skel->maps.fold_even_map);
	size_t room = (size_t)e->options->dedup_entries, count = 0;
	struct fold_counted *list = calloc(room, sizeof(*list));
	int rc = list ? read_map(fd, room, list, &count) : -ENOMEM;

	if (rc)
		decode_lose(e, TKIT_LOSS_UNFINISHED, 1, "the counts of repeats could not be read");
	fold_tell(e, odd, list, count);
	free(list);
}

/* Waits until no program works any more with what it read before. */
static void wait_for_programs(void)
{
	/* Waits for all that is under RCU or must not be preempted; not on nohz_full processors. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		poll(NULL, 0, GRACE_MS);
}

void counts_step(struct ebpf *e)
{
	struct fold *fold = &e->fold;

	if (!e->skel->rodata->fold)
		return;
	if (fold->retiring && e->consumed >= fold->retire_at) {
		empty(e, !fold->odd);
		fold->retiring = false;
	}
	if (fold->retiring || !e->skel->bss->fold_full)
		return;
	fold->odd = !fold->odd;
	e->skel->bss->fold_odd = fold->odd;
	wait_for_programs();
	e->skel->bss->fold_full = 0;
	fold->retire_at = load_counter(e, EBPF_CNT_PRODUCED) - load_counter(e, EBPF_CNT_RING_FULL);
	fold->retiring = true;
}

/* All processes of the tree have ended: no program works for any of them. */
static bool tree_is_gone(const struct ebpf *e)
{
	uint32_t tgid;

	return e->skel->rodata->filter == EBPF_FILTER_TREE &&
	       bpf_map_get_next_key(bpf_map__fd(e->skel->maps.processes), NULL, &tgid) == -ENOENT;
}

void counts_end(struct ebpf *e)
{
	if (!e->skel->rodata->fold)
		return;
	if (!tree_is_gone(e))
		wait_for_programs();
	if (e->fold.retiring)
		empty(e, !e->fold.odd);
	empty(e, e->fold.odd);
	e->fold.retiring = false;
}
