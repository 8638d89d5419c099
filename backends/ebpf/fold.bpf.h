/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Repeats are counted, not told again. A call that has been told is known by a key: a seeded
 * hash of two lanes over everything that decides what its event means. What is looked up costs
 * a hash and a counter; the key is added only after the event was delivered, so that what was
 * lost is never taken as told, and where there is no room for a key there are only more events.
 *
 * In the key: call, error, flags; the process (its start and its execs, so the program); root
 * directory; name; the directory that it starts from and the file that it led to, each by its
 * place in the kernel's own tree of names. Such a place keeps its path as long as no directory
 * above it is renamed, removed or mounted over: `generation` grows whenever that can have happened,
 * by whomsoever. Where a file system changes names by itself (network, procfs), nothing is folded.
 */
#ifndef EBPF_FOLD_BPF_H
#define EBPF_FOLD_BPF_H

#define AT_REMOVEDIR_ 0x200
#define EEXIST_       17

/* Written by user space before the load. */
const volatile bool fold = false;

unsigned int fold_blind = 0; /* it may have grown unseen: from now on everything is told */
unsigned int fold_odd = 0;   /* which of the two maps is in use; user space empties the other one */
unsigned int fold_full = 0;  /* a key found no room in it */

#define FOLD_MAP(name)                                 \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_HASH);       \
		__uint(max_entries, 32768);            \
		__type(key, struct ebpf_fold_key);     \
		__type(value, struct ebpf_fold_value); \
	} name SEC(".maps")

FOLD_MAP(fold_even_map);
FOLD_MAP(fold_odd_map);

/*
 * The compiler would make one call of two that differ in the map. The kernel calls a map's own
 * function only where it knows the map, else by way of a table.
 */
#define KEEP_APART() asm volatile("" : : : "memory")

static __always_inline struct ebpf_fold_value *fold_lookup(struct scratch *s)
{
	struct ebpf_fold_value *value;

	if (s->foldable & EBPF_E_FOLD_ODD) {
		value = bpf_map_lookup_elem(&fold_odd_map, &s->fold);
		KEEP_APART();
		return value;
	}
	return bpf_map_lookup_elem(&fold_even_map, &s->fold);
}

/*
 * The time, up to a tick early, but never earlier than a record that was made before: reports go by
 * what came first. The clock takes long to be read, these two numbers are loads. (There is a helper
 * for the like, which tracing programs may not call.)
 */
static __always_inline __u64 tick_time(struct scratch *s)
{
	__u64 tick = bpf_jiffies64();
	__u32 seq = *(volatile __u32 *)&records_seq;

	if (s->tick != tick || s->tick_seq != seq) {
		s->tick_ns = bpf_ktime_get_ns();
		s->tick = tick;
		s->tick_seq = seq;
	}
	return s->tick_ns;
}

/* Counts the call whose key is made, if it was told before. */
static __always_inline int fold_count(struct scratch *s)
{
	struct ebpf_fold_value *value;

	s->foldable = EBPF_E_FOLD | (fold_odd & 1 ? EBPF_E_FOLD_ODD : 0);
	value = fold_lookup(s);
	if (!value)
		return 0;
	__sync_fetch_and_add(&value->count, 1);
	value->last = tick_time(s);
	return 1;
}

/*
 * Whether the call in the scratch was told before: then it is counted and 1 is returned. Else 0,
 * and `foldable` tells whether it may be remembered.
 */
static __always_inline int fold_find(struct task_struct *task, __u32 compat, bool direct)
{
	__u32 slot = SLOT_SYS_EXIT;
	struct scratch *s = scratch_of(slot);
	int st;

	if (!s)
		return 0;
	st = early_name(s);
	s->early = st;
	if ((st & (EBPF_S_UNREADABLE | EBPF_S_TRUNCATED)) ||
	    ((s->row.bits & EBPF_SYS_OUT_BUF) && clobbered(s, s->row.path)))
		return 0;
	s->fold.a = fold_seed[0];
	s->fold.b = fold_seed[1];
	put(s, WORD_CALL,
	    (__u64)s->ev.nr | (__u64)compat << 9 |
		    (__u64)(s->ev.ret < 0 ? (__u32)-s->ev.ret : 0) << 10 | (__u64)(__u32)st << 32 |
		    (__u64)s->ev.strings[0].len << 48);
	put(s, WORD_FLAGS, s->ev.flags);
	put(s, WORD_RESOLVE, s->ev.resolve);
	put_process(s, task, direct);
	if (!put_base(s, task, direct))
		return 0;
	if (s->ev.kind == EBPF_KIND_OPEN && s->ev.ret >= 0 && !put_opened(s, task, direct))
		return 0;
	s->hash_at = 0;
	if (!hash_some(s))
		for (int i = 1; i < EBPF_PATH_MAX / 8 / HASH_BLOCK; i++)
			if (hash_block(slot))
				break;
	return fold_count(s);
}

/*
 * Functions of their own, which the verifier goes through once; and no more of them than
 * these, because on processors whose returns are made safe one costs as much as twenty
 * instructions.
 */
__noinline int fold_find_direct(__u32 compat)
{
	return fold_find(CASTS ? CURRENT() : bpf_get_current_task_btf(), compat, true);
}

__noinline int fold_find_plain(__u32 compat)
{
	return fold_find(CURRENT(), compat, false);
}

/* Starts looking at a call. Returns 1 if it was told before. */
static __always_inline int fold_begin(struct scratch *s, __u32 compat, bool direct)
{
	__u32 may = s->ev.ret < 0 ? EBPF_FOLD_FAILED : EBPF_FOLD_OK;

	s->early = -1;
	s->foldable = 0;
	if (!fold || fold_blind || !(s->row.fold & may))
		return 0;
	return direct ? fold_find_direct(compat) : fold_find_plain(compat);
}

/* The record is delivered: from now on its repeats are counted. */
static __always_inline void fold_add(struct scratch *s)
{
	struct ebpf_fold_value value = {.last = s->ev.ts};
	long rc; /* before Linux 6.4 only 32 bits are right */

	if (s->foldable & EBPF_E_FOLD_ODD) {
		rc = bpf_map_update_elem(&fold_odd_map, &s->fold, &value, BPF_NOEXIST);
		KEEP_APART();
	} else {
		rc = bpf_map_update_elem(&fold_even_map, &s->fold, &value, BPF_NOEXIST);
	}
	if ((int)rc &&
	    (int)rc != -EEXIST_) /* -EEXIST: another thread was faster, and was told, too */
		fold_full = 1;
}

/* A call in the table has succeeded, whoever made it: can directories have other paths now? */
static __always_inline void fold_moves(__u64 nr, struct task_struct *task, struct pt_regs *regs,
				       bool direct)
{
	__u32 moves = EBPF_FOLD_MOVES | EBPF_FOLD_RMDIR;
	__u32 table, how;

	if (!((rows[nr].fold | rows[EBPF_NR_LIMIT + nr].fold) & moves))
		return;
	table = is_compat(task, direct);
	how = rows[(nr + table * EBPF_NR_LIMIT) & (2 * EBPF_NR_LIMIT - 1)].fold & moves;
	/* The flags of unlinkat are the third argument, which is in the same register in either
	 * ABI. */
	if (how == EBPF_FOLD_RMDIR && !(regs->dx & AT_REMOVEDIR_))
		how = 0;
	if (how)
		__sync_fetch_and_add(&generation, 1);
}

#endif
