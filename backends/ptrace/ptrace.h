/* SPDX-License-Identifier: MIT */
/*
 * The ptrace backend's inside. One thread does everything: ptrace(2) ties a tracee to
 * the thread that attached it.
 *
 *	plugin.c   the callbacks, options, probe
 *	loop.c     what each kind of stop asks for
 *	wait.c     waiting for the next stop, with a time limit
 *	pin.c      the CPU of the tracing thread
 *	group.c    a control group as target
 *	attach.c   beginning and end: seize, detach
 *	tracee.c   the table of threads
 *	call.c     a system call's entry and exit
 *	name.c     reading one path of a call and what it is relative to
 *	place.c    where descriptors and directories are, in the target's root
 *	lookup.c   looking a path up as the tracee would
 *	walk.c     ... through the magic links of /proc
 *	proc.c     what /proc says of a thread
 *	ring.c     io_uring
 *	message.c  socketcall, sendmsg, sendmmsg
 *	strict.c   programs that use seccomp themselves
 *	exec.c     successful execs and what the kernel opened for them
 *	emit.c     events
 *	filter.c   the seccomp filter
 *	parse.c    pure helpers: auxv, maps, sockaddr
 */
#ifndef PTRACE_PTRACE_H
#define PTRACE_PTRACE_H

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <sys/ptrace.h>

#include <tkit/backend.h>
#include <tkit/syscalls.h>

/* SECCOMP_RET_DATA of our own filter; anything else is a filter of the program's. */
#define PT_DATA_CALL    0x7c17 /* a call of the table, or one that moves roots */
#define PT_DATA_FOREIGN 0x7c18 /* a call of an ABI that has no table: x32, 32-bit ARM */

/* The same in all architectures. */
#define PT_NR_IO_URING_SETUP 425
#define PT_NR_IO_URING_ENTER 426

enum pt_choice { PT_AUTO, PT_YES, PT_NO }; /* order of the options' range */

struct pt_options {
	int seccomp;   /* enum pt_choice */
	int exit_kill; /* enum pt_choice */
	int pin;       /* enum pt_choice */
	int inode;     /* bool */
};

/* A string in the store of a tracee. */
struct pt_str {
	uint32_t offset;
	uint32_t len;
};

/* One path of a call, as it was on entry. */
struct pt_name {
	uint16_t op;
	uint32_t valid;  /* TKIT_V_PATH, BASE, ROOT, RESOLVED, INODE */
	uint32_t pflags; /* TKIT_P_* */
	bool forced;     /* read from memory that the program itself may not read */
	bool magic;      /* the path may lead through a magic link of /proc */
	struct pt_str path;
	struct pt_str base;
	struct pt_str root;
	struct pt_str resolved;
	uint32_t resolved_flags; /* TKIT_P_* that hold if the call succeeds */
	uint64_t dev, ino;
	uint32_t mode;
};

/* A call between its entry and its exit. */
struct pt_call {
	const struct tkit_syscall *sys; /* NULL: a call that is watched for another reason */
	int32_t nr;
	uint16_t arch;
	uint16_t via;
	uint64_t args[6];
	uint64_t flags;
	uint64_t resolve;        /* openat2: RESOLVE_* */
	bool creat;              /* asks for O_CREAT */
	int8_t existed;          /* then: 1 there before, 0 not, -1 unknown */
	bool moves_root;         /* counted in pt->roots_moving */
	bool unstrip;            /* clone flags are to be put back, see call.c */
	bool ring;               /* a call of io_uring, see ring.c */
	bool traces;             /* ptrace(2) */
	uint64_t messages;       /* sendmmsg: where its array is; 0: it is another call */
	int exec_fd;             /* exec: O_PATH of the file asked for; -1 */
	struct timespec entered; /* creat: CLOCK_REALTIME_COARSE */
	uint8_t name_count;
	struct pt_name names[2];
};

/* Name of a program, shared by the processes that run it. */
struct pt_exe {
	uint32_t refs;
	uint32_t len;
	char path[];
};

struct pt_proc {
	pid_t pid;
	uint32_t refs;       /* threads */
	bool exited;         /* EXIT was emitted */
	uint64_t rings_told; /* io_uring: bit fd: counted as a loss */
	struct pt_exe *exe;  /* NULL: unknown */
};

enum pt_root {
	PT_ROOT_UNKNOWN,
	PT_ROOT_SAME,   /* the target's root; `root_host` is what /proc calls it */
	PT_ROOT_INSIDE, /* a directory in the target's root */
	PT_ROOT_OUTSIDE /* cannot be reached from the target's root */
};

struct pt_tracee {
	struct pt_tracee *next; /* in its bucket */
	pid_t tid;
	struct pt_proc *proc; /* NULL while the creator's event has not been seen */
	bool held;            /* stopped until the creator's event comes */
	bool dead;            /* ... and died meanwhile, with `status` */
	bool parked;          /* stopped with `status`, which pump() still has to look at */
	bool announce;        /* was there before the trace: FORK is still to be emitted */
	bool listening;       /* in a group stop */
	bool in_call;         /* `call` waits for its exit */
	bool strict;          /* in the strict mode of seccomp, played by us */
	bool foreign_told;    /* its calls in an ABI without a table were counted as lost */
	int status;
	uint64_t held_since;
	char comm[16];
	uint8_t comm_len;
	bool comm_known;

	int proc_dir;   /* place.c: its directory in /proc; -1 */
	uint32_t links; /* looks at links in it, as long as it is not open */

	uint8_t root_kind; /* enum pt_root */
	bool root_own;     /* the root directory and mount namespace are tkit's own */
	uint64_t root_gen; /* pt->root_gen when it was read */
	char *root_host;   /* what /proc calls the root; NULL for "/" */
	char *root_target; /* OUTSIDE: where it is in the target's root all the same; or NULL */

	char *store; /* bytes of `call` */
	uint32_t store_len;
	uint32_t store_size;
	struct pt_call call;
};

#define PT_BUCKETS 1024
#define PT_QUEUE   4096

/* See pin.c. */
struct pt_pin {
	bool off;
	bool guarded;       /* the guard is there, and what it shares */
	cpu_set_t affinity; /* of the tracing thread at the start */
	int cpu;            /* where it is pinned to; -1 */
	pid_t last_tid;
	uint32_t stops;
	uint32_t same;     /* of the last window: by the same thread as the one before */
	uint32_t in_a_row; /* stops by last_tid without a break */
	uint32_t misses;   /* stops that had to be waited for, since the last look */
	uint32_t patience; /* ... that lead to a look */

	pthread_t guard;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	enum { PT_PIN_STARTING, PT_PIN_NO_POLICY, PT_PIN_USUAL, PT_PIN_LOW, PT_PIN_OVER } state;
	pid_t tid;         /* the tracing thread */
	int policy;        /* ... its own */
	uint64_t low_ns;   /* since when it is SCHED_IDLE */
	uint64_t again_ns; /* not before */
	uint64_t backoff_ns;
	atomic_uint busy; /* another number with each stop; 0: nothing to do */
};

struct pt {
	struct tkit_ctx *ctx;
	const struct pt_options *opt;
	const struct tkit_target *target;

	bool filter;    /* the command carries our filter */
	bool started;   /* something was seized */
	bool unparked;  /* the first pump() was there */
	bool passing;   /* after stop(): tracees run on, no events */
	bool detaching; /* after stop(): tracees are let go one by one */
	bool over;      /* no tracee is left */
	bool detached; /* there may be mounts that hang in no namespace: paths are to be verified */
	bool refusal_told;
	bool fuse;       /* a tracee may serve a file system: no lookups, they could wait for it */
	bool timer_made; /* wait.c */
	bool chld_changed; /* wait.c */
	bool crowded;      /* wait.c: several had stopped at the last sweep */
	int emit_error;    /* the session was ended by force */
	long ptrace_options;
	uint64_t emitted, lost;
	uint64_t watched; /* when the control group was looked at */

	struct pt_tracee *buckets[PT_BUCKETS];
	uint32_t count;      /* tracees */
	uint32_t held_count; /* ... of which held */
	uint32_t proc_dirs;  /* ... of which have their proc_dir open */
	uint32_t pumped;

	uint64_t root_gen; /* goes up when some tracee's root may have changed */
	struct stat target_root;
	struct stat own_root;
	ino_t own_mnt_ns;
	uint32_t roots_moving; /* calls under way that change a root */

	struct pt_pin pin;

	/* wait.c */
	int chld_flags;
	timer_t timer;
	bool waited;      /* for the last stop */
	uint32_t unswept; /* since the last sweep */
	uint32_t queue_at, queue_count;
	struct pt_stopped {
		pid_t tid;
		int status;
	} queue[PT_QUEUE]; /* were waited for, and are still to be looked at */

	uint64_t direct_ns[64]; /* loop.c: when somebody but tkit last sent it the signal */
};

/* Where something is. */
struct pt_place {
	char host[PATH_MAX + 1]; /* as /proc tells it, without " (deleted)" */
	const char *path;        /* in host: as the target's root has it */
	size_t len;
	uint32_t pflags; /* TKIT_P_DELETED, TKIT_P_OUTSIDE_ROOT */
};

/* proc.c */
long pt_status(pid_t tid, const char *key, long none);
bool pt_is_ours(pid_t tid);
char pt_state(pid_t tid, pid_t *ret_parent);
bool pt_each_fd(pid_t pid, bool (*fn)(void *arg, int fd, const char *target), void *arg);

/* ring.c */
bool pt_ring_enter(struct pt_tracee *t);
void pt_ring_exit(struct pt *pt, struct pt_tracee *t, int64_t ret);
void pt_scan_fds(struct pt *pt, struct pt_tracee *t);

/* tracee.c */
struct pt_tracee *pt_tracee_find(struct pt *pt, pid_t tid);
struct pt_tracee *pt_tracee_add(struct pt *pt, pid_t tid); /* NULL: no memory */
void pt_tracee_drop(struct pt *pt, struct pt_tracee *t);
int pt_tracee_join(struct pt_tracee *t, struct pt_proc *proc); /* NULL: a new process */
void pt_proc_exe(struct pt_proc *proc, const char *path, size_t len);
void pt_proc_inherit(struct pt_proc *proc, const struct pt_proc *from);
void pt_tracee_hold(struct pt *pt, struct pt_tracee *t, bool held);
int pt_store(struct pt_tracee *t, const char *bytes, size_t len, struct pt_str *ret);
void pt_call_drop(struct pt *pt, struct pt_tracee *t);

/* place.c */
void pt_root(struct pt *pt, struct pt_tracee *t);
int pt_place(struct pt *pt, struct pt_tracee *t, const char *link, struct pt_place *place);
int pt_place_verified(struct pt *pt, struct pt_tracee *t, const char *link, struct pt_place *place);
int pt_place_host(struct pt *pt, struct pt_tracee *t, const char *host, struct pt_place *place);
int pt_place_fd(struct pt *pt, struct pt_tracee *t, int fd, struct pt_place *place);
int pt_stat_link(struct pt *pt, struct pt_tracee *t, const char *link, struct statx *stx);
bool pt_fd_link(char link[64], pid_t tid, int fd);

/* mounts.c: `path`, as `link` of /proc shows it, becomes the same file's path in the target's root.
 * -errno, and `path` as it was, if it has none there. */
int pt_translate(struct pt *pt, const struct pt_tracee *t, const char *link, char path[PATH_MAX]);

/* lookup.c */
int pt_lookup(struct pt *pt, struct pt_tracee *t, int dirfd, const char *path, bool magic);
int pt_exists(struct pt *pt, struct pt_tracee *t, int dirfd, const char *path, bool magic);
int pt_created(const struct pt_call *call, const struct statx *stx);

/* walk.c */
enum pt_walk {
	PT_WALK_FOLLOW,
	PT_WALK_NOFOLLOW, /* a last symlink is not followed */
	PT_WALK_MAKE      /* what the last component names need not exist */
};
int pt_walk(struct pt_tracee *t, int dirfd, const char *path, enum pt_walk how,
	    char last[NAME_MAX + 2], bool *ret_magic);
void pt_walk_name(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int dirfd,
		  const char *path);

/* name.c */
bool pt_name_read(struct pt *pt, struct pt_tracee *t, int index);

/* call.c */
bool pt_call_enter(struct pt *pt, struct pt_tracee *t, const struct __ptrace_syscall_info *info);
void pt_call_exit(struct pt *pt, struct pt_tracee *t, int64_t ret);

/* exec.c */
void pt_exec_enter(struct pt *pt, struct pt_tracee *t);
void pt_exec_done(struct pt *pt, struct pt_tracee *t);

/* emit.c */
void pt_event_init(struct tkit_event *event, struct pt_tracee *t, enum tkit_event_type type);
void pt_event_name(struct tkit_event *event, const struct pt_tracee *t, const struct pt_name *name);
void pt_event_place(struct tkit_event *event, const struct pt_place *place,
		    const struct statx *stx);
void pt_emit(struct pt *pt, const struct tkit_event *event);
void pt_emit_fork(struct pt *pt, struct pt_tracee *t, pid_t ppid, bool snapshot);
void pt_emit_exit(struct pt *pt, struct pt_tracee *t, int status);
void pt_lose(struct pt *pt, enum tkit_loss reason, const char *detail);

/* loop.c */
void pt_stop(struct pt *pt, pid_t tid, int status);
void pt_resume(struct pt *pt, struct pt_tracee *t, int sig);
void pt_adopt_late(struct pt *pt, uint64_t now);

/* message.c */
const struct tkit_syscall *pt_message_enter(struct pt_tracee *t);
bool pt_message_next(struct pt *pt, struct pt_tracee *t, uint32_t index);

/* strict.c */
void pt_answer(struct pt_tracee *t, long value);
bool pt_strict_enter(struct pt *pt, struct pt_tracee *t);
void pt_strict_call(struct pt_tracee *t, const struct __ptrace_syscall_info *info);

/* wait.c */
int pt_wait_init(struct pt *pt);
void pt_wait_done(struct pt *pt);
void pt_wait_ticks(struct pt *pt, bool on);
pid_t pt_wait(struct pt *pt, bool block, int *ret_status);

/* pin.c */
void pt_pin_init(struct pt *pt);
void pt_pin_done(struct pt *pt);
void pt_pin_stop(struct pt *pt, pid_t tid);
/* There is something to do; there is nothing until a tracee stops. */
void pt_pin_work(struct pt *pt);
void pt_pin_rest(struct pt *pt);

/* attach.c */
int pt_seize_command(struct pt *pt);
int pt_seize_pid(struct pt *pt);
int pt_seize_process(struct pt *pt, pid_t pid);
void pt_park(struct pt *pt);
void pt_announce(struct pt *pt);
void pt_detach_begin(struct pt *pt);
void pt_unpark(struct pt *pt);
void pt_detach_one(struct pt *pt, struct pt_tracee *t, int sig);
void pt_abandon(struct pt *pt);
void pt_detach_now(struct pt *pt);

/* group.c */
int pt_seize_group(struct pt *pt);
void pt_watch_group(struct pt *pt);

/* filter.c */
int pt_filter_build(struct tkit_ctx *ctx, struct sock_filter **ret, size_t *ret_count);

/* parse.c */
uint64_t pt_auxv_base(const void *auxv, size_t size);
int pt_maps_find(char *maps, uint64_t addr, const char **ret_path);
bool pt_maybe_magic(const char *base, size_t base_len, const char *path, bool nofollow);
size_t pt_sockaddr_name(const void *addr, size_t size, const char **ret_name, bool *ret_abstract);

#endif
