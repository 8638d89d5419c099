/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Maps, settings and the record that is being made. */
#ifndef EBPF_COMMON_BPF_H
#define EBPF_COMMON_BPF_H

/* Written by user space before the load. */
const volatile struct ebpf_row rows[2 * EBPF_NR_LIMIT] = {};   /* native, then 32-bit */
const volatile unsigned short uring_nr[EBPF_URING_LIMIT] = {}; /* system call like an opcode */
const volatile unsigned int filter = EBPF_FILTER_TREE;
const volatile unsigned int wake_bytes = 65536; /* data in the ring that is worth a wake-up */

/* Written by user space before the seeding pass, or found out by it. */
unsigned int seed_pid = 0;            /* FILTER_TREE: its first process, as tkit sees it */
int root_fd = -1;                     /* tkit's descriptor of the target's root */
int cgroup_fd = -1;                   /* FILTER_CGROUP: tkit's descriptor of the directory */
unsigned long long filter_cgroup = 0; /* its id; 0 until it is known */
bool filter_named = false;            /* a hierarchy without controllers: takes `use_named` */
unsigned int filter_level = 0;        /* how deep it is in its hierarchy */
int filter_hierarchy = 0;             /* 0: cgroup v2 */
int filter_subsys = -1;               /* v1: the hierarchy's controller; -1: it has none */
unsigned int self_tgid = 0;           /* tkit itself, in the first pid namespace */
unsigned int self_level = 0;          /* depth of tkit's pid namespace */
unsigned long long self_pidns = 0;    /* and which one it is */
unsigned long long target_root = 0;   /* struct dentry of the target's root directory */
unsigned int seeded = 0;              /* processes that the seeding passes have found */
unsigned int lost_seq = 0;
unsigned int records_seq = 0; /* grows with each record */

/*
 * Written by user space before the load: cgroups of hierarchies without controllers can be watched,
 * too. To go through a task's hierarchies is a fifth of what the verifier has to do.
 */
const volatile bool use_named = false;

/* Written by user space before the load, if EBPF_CAST: numbers of the kernel's types. */
const volatile unsigned int id_task_struct = 0, id_fs_struct = 0, id_file = 0, id_dentry = 0,
			    id_mount = 0, id_list_head = 0;

/* Written by user space before the load: the program `opened` is loaded. */
const volatile bool use_d_path = false;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EBPF_CNT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* The traced processes. Ids are those of the first pid namespace, wherever tkit runs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} processes SEC(".maps");

unsigned int processes_seq = 0; /* grows with each change of it */

/*
 * Where records are made. One slot for each program: the kernel never runs a program on a
 * CPU where it is running already (it counts that, see recursion_misses), but it may run another.
 */
enum {
	SLOT_SYS_EXIT,
	SLOT_FORK,
	SLOT_EXEC,
	SLOT_EXIT,
	SLOT_SEED,
	SLOT_URING,
	SLOT_URING_END,
	SLOT_URING_FAIL,
	SLOT_PREPARE,
	SLOT_COUNT
};

#define HEAD_ROOM 64 /* of a name, that a magic link's must be in */

#define MEMO_WORDS 8
#define MEMO_ROOM  512

/* Where the last name started from: what it was known by, and the names on the way up from it. */
struct memo {
	__u64 words[MEMO_WORDS];
	__u32 len; /* 0: nothing */
	__u32 mark;
	__u32 flags;
	char names[MEMO_ROOM];
};

struct scratch {
	__u64 number; /* NUMBER() */
	__u64 dentry; /* the walker's place */
	__u64 mnt;
	__u64 mnt_root;
	__u64 target_root;
	__u64 args[8]; /* of the system call */
	struct ebpf_row row;
	__u32 walk_start;
	__u32 walk_mark;
	__u32 walk_flags;
	__u32 first[2];     /* first byte of each name */
	__u32 kernel_names; /* the names in `args` are the kernel's own */
	__u32 in_proc;      /* walk_base() began in a procfs */
	__u32 head_at;      /* the search for "fd/N": place, progress, result */
	__u32 head_state;
	__u32 head_fd;
	char head[HEAD_ROOM]; /* the beginning of a name */
	/* fold.bpf.h */
	struct ebpf_fold_key fold;
	char dentry_bytes[64] __attribute__((aligned(8)));
	__u64 words[EBPF_FOLD_WORDS];
	__u32 asked_tgid; /* filter.bpf.h: the last one that was looked for, */
	__u32 asked_seq;
	__u32 asked_found;
	__u64 tick; /* fold.bpf.h: when the clock was read last */
	__u64 tick_ns;
	__u32 tick_seq;
	__u64 urgent_tick; /* when a record woke the reader up */
	__u32 hash_at;
	struct memo memo;
	__u32 based;    /* the key has the directory that the name starts from */
	__u32 foldable; /* EBPF_E_FOLD, if repeats may be counted */
	__s32 early;    /* what came of reading the first name before all else; -1: it was not */
	struct ebpf_event ev;
	char data[EBPF_DATA_MAX + EBPF_PATH_MAX] __attribute__((aligned(8))); /* is ev.data */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOT_COUNT);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/*
 * One hop. In the `direct` programs (Linux 5.11) from a pointer that the verifier knows the type
 * of, which costs a load; in the others by a helper.
 */
#define HOP(direct, from, field) ((direct) ? (from)->field : BPF_CORE_READ(from, field))

/*
 * A pointer that was a number, and what is behind it. Where the kernel can give a number a type
 * (bpf_rdonly_cast(), Linux 6.2) that is a load for each field; else a helper that does the same in
 * some fifty instructions. Built in both forms; the numbers of the types come from user space.
 */
#ifdef EBPF_CAST
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
#define AT(type, address) ((struct type *)bpf_rdonly_cast((const void *)(address), id_##type))
#define READ(from, ...)   (___arrow((from), __VA_ARGS__))
#define CURRENT()         AT(task_struct, bpf_get_current_task())
#define CASTS             true
/* Back to a number, which functions that are verified by themselves take: by way of memory. */
#define NUMBER(s, pointer)                                          \
	({                                                          \
		*(volatile __u64 *)&(s)->number = (__u64)(pointer); \
		*(volatile __u64 *)&(s)->number;                    \
	})
#else
#define AT(type, address)  ((struct type *)(address))
#define READ(from, ...)    BPF_CORE_READ(from, __VA_ARGS__)
#define CURRENT()          ((struct task_struct *)bpf_get_current_task())
#define CASTS              false
#define NUMBER(s, pointer) ((__u64)(pointer))
#endif

/* A bound that the compiler cannot turn into something the verifier does not follow. */
#define ONE_BIT(x)                                      \
	({                                              \
		__u64 _x = (x);                         \
		asm volatile("%0 &= 1" : "+r"(_x) : :); \
		_x;                                     \
	})

static __always_inline struct scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

static __always_inline void count(__u32 what, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &what);

	/* Programs preempt each other on a CPU, so even a per-CPU counter is added to atomically.
	 */
	if (value)
		__sync_fetch_and_add(value, n);
}

/* A pid as tkit sees it; 0 if it does not see it. */
static __always_inline int pid_nr(struct pid *pid)
{
	__u32 level = self_level;
	struct upid *upid;

	if (level > BPF_CORE_READ(pid, level))
		return 0;
	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       (__u64)level * bpf_core_type_size(struct upid);
	if (level && (__u64)BPF_CORE_READ(upid, ns) != self_pidns)
		return 0;
	return BPF_CORE_READ(upid, nr);
}

static __always_inline int task_tgid(struct task_struct *task)
{
	return pid_nr(BPF_CORE_READ(task, group_leader, thread_pid));
}

/* Starts a record about `task`, usually the current one. */
static __always_inline void record(struct scratch *s, struct task_struct *task, __u8 type)
{
	task = AT(task_struct, task);
	__builtin_memset(&s->ev, 0, sizeof(s->ev));
	s->ev.ts = bpf_ktime_get_ns();
	s->ev.version = EBPF_VERSION;
	s->ev.type = type;
	s->ev.lost_seq = lost_seq;
	s->ev.fs = (__u64)READ(task, fs);
	s->ev.cgroup = bpf_get_current_cgroup_id();
	if (self_level) {
		s->ev.pid = task_tgid(task);
		s->ev.tid = pid_nr(BPF_CORE_READ(task, thread_pid));
		s->ev.ppid = task_tgid(BPF_CORE_READ(task, real_parent));
	} else {
		s->ev.pid = READ(task, tgid);
		s->ev.tid = READ(task, pid);
		s->ev.ppid = READ(task, real_parent, tgid);
	}
	bpf_get_current_comm(s->ev.comm, sizeof(s->ev.comm));
}

/*
 * Is this record worth a wake-up of its own? One a tick: once awake, the reader looks every few
 * milliseconds while such records come.
 */
static __always_inline bool is_urgent(struct scratch *s)
{
	__u64 tick;

	if (!EBPF_IS_URGENT(&s->ev))
		return false;
	tick = bpf_jiffies64();
	if (s->urgent_tick == tick)
		return false;
	s->urgent_tick = tick;
	return true;
}

/* Hands the record to user space, or counts it as lost and returns false. */
static __always_inline bool deliver(struct scratch *s, __u32 facts)
{
	__u32 len = s->ev.len;
	__u64 avail, flags = BPF_RB_NO_WAKEUP;
	__u32 wake = wake_bytes;

	if (len > EBPF_DATA_MAX)
		len = EBPF_DATA_MAX;
	len = (sizeof(s->ev) + len + 7) & ~7u;
	s->ev.size = len;
	s->ev.facts = facts;
	__sync_fetch_and_add(&records_seq, 1);
	if (facts)
		count(EBPF_CNT_PRODUCED, facts);
	/*
	 * A wake-up costs more than all the rest. The consumer looks by itself now and then and
	 * empties the ring whenever it looks: one is enough, at the threshold. But what is left for
	 * it to look up in the file system may not be there for long.
	 */
	avail = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	if ((avail < wake && avail + len + 8 >= wake) || is_urgent(s))
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&ring, &s->ev, len, flags)) {
		if (facts)
			count(EBPF_CNT_RING_FULL, facts);
		__sync_fetch_and_add(&lost_seq, 1);
		return false;
	}
	return true;
}

#endif
