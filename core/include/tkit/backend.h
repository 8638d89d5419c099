/* SPDX-License-Identifier: MIT */
/*
 * tkit/backend.h - writing a backend: something that watches a target and
 * emits events.
 *
 * Life of an instance, all on its own thread:
 *
 *	probe -> open -> start -> pump, pump, ... -> stop -> pump until END -> stats -> close
 *
 * A command is forked and held before open() and released only after every
 * backend's start() has returned, so its first instruction is seen. After stop()
 * core goes on calling pump() until it returns TKIT_END: whatever the kernel
 * had queued before stop() must come out there (the drain).
 *
 * With TKIT_BACKEND_EARLY open() may be called before it is known whom to watch, so that what takes
 * long (loading programs) is done by then: see TKIT_TARGET_LATE.
 *
 * A backend with TKIT_BACKEND_WAITS may have to serve the command beyond the end of the
 * trace (--duration, a failing sink): the first pump() after stop() that returns 0 means
 * that all has come out. stats() is called then, and pump() goes on being called, with
 * nothing to emit any more, until TKIT_END, or until close() when tkit is to end by force.
 */
#ifndef TKIT_BACKEND_H
#define TKIT_BACKEND_H

#include <tkit/event.h>
#include <tkit/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sock_filter; /* <linux/filter.h> */

/* Capability bits: what the backend can see. Unset = it is blind for it, and reports say so. */
#define TKIT_CAN_OPEN       (1ull << 0)  /* successful opens */
#define TKIT_CAN_EXEC       (1ull << 1)  /* successful execs */
#define TKIT_CAN_INTERP     (1ull << 2)  /* interpreters that the kernel opens */
#define TKIT_CAN_METADATA   (1ull << 3)  /* stat, access, readlink, xattr, ... */
#define TKIT_CAN_FAILED     (1ull << 4)  /* accesses that fail */
#define TKIT_CAN_REQUESTED  (1ull << 5)  /* paths as the program wrote them (symlink names) */
#define TKIT_CAN_RESOLVED   (1ull << 6)  /* final paths of opens from the kernel */
#define TKIT_CAN_CHANGES    (1ull << 7)  /* create, rename, unlink, chmod, ... */
#define TKIT_CAN_LIST       (1ull << 8)  /* directory listings */
#define TKIT_CAN_PROCESS    (1ull << 9)  /* fork, exec, exit */
#define TKIT_CAN_CREATED    (1ull << 10) /* tells a created from an opened file */
#define TKIT_CAN_IO_URING   (1ull << 11) /* opens made through io_uring */
#define TKIT_CAN_COMPAT32   (1ull << 12) /* 32-bit system calls */
#define TKIT_CAN_SOCKET     (1ull << 13) /* connect, bind on unix sockets */
#define TKIT_CAN_INODE      (1ull << 14) /* device and inode of opened files */
#define TKIT_CAN_READ       (1ull << 15) /* reads from files (op read) */
#define TKIT_CAN_COUNT_LOSS (1ull << 16) /* every loss is counted exactly */
/* Targets it can watch. */
#define TKIT_CAN_TARGET_COMMAND (1ull << 32)
#define TKIT_CAN_TARGET_PID     (1ull << 33)
#define TKIT_CAN_TARGET_CGROUP  (1ull << 34)
#define TKIT_CAN_TARGET_ALL     (1ull << 35)
#define TKIT_CAN_TARGET_NONE    (1ull << 36) /* makes or imports events by itself */
/* Behaviour. */
#define TKIT_BACKEND_WAITS (1ull << 48) /* reaps the command and reports tkit_command_status() */
#define TKIT_BACKEND_ENTRY (1ull << 49) /* sees calls before they are made: events without err */
#define TKIT_BACKEND_EARLY (1ull << 50) /* open() needs no more than TKIT_TARGET_LATE tells */

enum tkit_target_kind {
	TKIT_TARGET_NONE = 0,    /* nothing to watch: import or generator */
	TKIT_TARGET_COMMAND = 1, /* `pid` is forked and held; its descendants belong to it */
	TKIT_TARGET_PID = 2,     /* `pid` and its present and future descendants */
	TKIT_TARGET_CGROUP = 3,  /* everything in `cgroup_path` and below */
	TKIT_TARGET_ALL = 4      /* the whole host, tkit itself left out */
};

struct tkit_target {
	uint32_t size;    /* sizeof(struct tkit_target) in core */
	uint32_t kind;    /* enum tkit_target_kind */
	int32_t pid;      /* COMMAND, PID; CGROUP: the first process of a container; else 0 */
	int32_t pidfd;    /* of pid; -1 if there is none or the kernel has no pidfds */
	int32_t root_fd;  /* O_PATH of the target's root directory */
	int32_t self_pid; /* tkit's own process, never to be reported */
	const char *root; /* host path of the target's root directory, "/" as a rule */
	const char *cgroup_path; /* CGROUP: directory in a cgroup file system; else NULL */
	uint64_t cgroup_id;      /* CGROUP, v2: its id; 0 for v1 */
	const char *const *argv; /* COMMAND: NULL-terminated; else NULL */
	uint32_t flags;          /* TKIT_TARGET_FOLD, TKIT_TARGET_LATE */
	uint32_t reserved;       /* 0 */
};

/*
 * Nobody wants to see each repeat of a fact as it happens: all sinks say TKIT_SINK_FOLDS, and no
 * other backend tells the same facts. Repeats may come later, as one event with their `count`.
 */
#define TKIT_TARGET_FOLD (1u << 0)

/*
 * open() of a backend with TKIT_BACKEND_EARLY is called before the target is known, and may not
 * look at more of it than size, kind, self_pid and flags: all else is filled in, by another thread,
 * between open() and start(). If nobody comes to be watched, close() follows open(). For all other
 * backends the flag means nothing.
 */
#define TKIT_TARGET_LATE (1u << 1)

/* What a backend counted, all since start(). */
struct tkit_stats {
	uint32_t size;     /* set by core */
	uint32_t reserved; /* 0 */
	uint64_t produced; /* facts the source produced, as far as it knows; 0 = unknown */
	uint64_t emitted;  /* calls of tkit_emit() that returned 0, losses not counted */
	uint64_t
		deduped; /* facts beyond the first that single events stand for: sum of count - 1 */
	uint64_t lost;   /* facts reported as lost, over all reasons */
};

#define TKIT_END (-0x7001) /* pump(): nothing more will come */

struct tkit_backend_ops {
	/*
	 * Can this backend run here, for this kind of target? No side effects that
	 * outlive the call. Returns a rank 1..100 (--backend auto takes the highest)
	 * or -errno after tkit_fail() with what is missing and what would help.
	 * `target` has kind set and, as far as they are known, its other fields.
	 * NULL callback: rank 1.
	 */
	int (*probe)(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target);

	/*
	 * Makes an instance in *ret_self. `options` (filled by core from the option
	 * table; NULL if the plugin has none) and `target` live until close().
	 * On failure *ret_self is not read and close() is not called. Mandatory.
	 */
	int (*open)(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		    void **ret_self);

	/*
	 * Arms the backend. When it returns 0, whatever the target does from now on is
	 * seen or counted as lost. A held command is still held. Mandatory.
	 */
	int (*start)(struct tkit_ctx *ctx, void *self);

	/*
	 * Waits up to timeout_ms (0: does not wait) for facts and emits them. Returns the
	 * number of events, 0 if there was nothing, TKIT_END when nothing more will come
	 * (import read to its end; after stop(): drained), -errno on a fault that ends the
	 * trace. Must return soon after tkit_stop_fd() has become readable. Mandatory.
	 */
	int (*pump)(struct tkit_ctx *ctx, void *self, int timeout_ms);

	/*
	 * Stops watching; leaves every watched process as it was, running. What was
	 * queued comes out of the pump() calls that follow. NULL: nothing to stop.
	 */
	int (*stop)(struct tkit_ctx *ctx, void *self);

	/* Fills *stats. Losses must have been emitted as events before. NULL: core's own counts. */
	int (*stats)(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats);

	/* Frees the instance, also one that was never started. Mandatory. */
	void (*close)(struct tkit_ctx *ctx, void *self);

	/*
	 * What an instance with these options can do: a part of the plugin's caps, which say
	 * what it can do with the right options. NULL: all of them. Pure.
	 */
	uint64_t (*caps)(const void *options);
};

/*
 * Hands an event to the bus, which copies it. Blocks while the bus is full: slow
 * sinks slow the backend down, they never lose an event. Returns 0, or -ECANCELED
 * when the session was ended by force; stop pumping then. -EINVAL or -E2BIG for an event that
 * breaks the event model (no type or operation, a byte string of more than 1 MiB): a bug of the
 * backend, which ends the trace with an error. From start() to the last pump(). Instance's own
 * thread.
 */
TKIT_API int tkit_emit(struct tkit_ctx *ctx, const struct tkit_event *event);

/*
 * Counts `count` lost facts: emits a LOSS event and adds to the totals that the
 * footer and every report show. `detail` (may be NULL) is one short line, and is copied.
 * Returns as tkit_emit(); 0 without an event if `count` is 0. Instance's own thread, when
 * tkit_emit() may be called; also in a sink's callbacks between begin() and end().
 */
TKIT_API int tkit_lose(struct tkit_ctx *ctx, enum tkit_loss reason, uint64_t count,
		       const char *detail);

/*
 * Says by what means the backend works here, where it chooses between several: one short
 * line, "resolve=walk io_uring=submit_req". `without` has those bits of the descriptor's
 * `caps` that it lacks here because the kernel does, or because of its options or input. In probe()
 * `tkit doctor` shows it, from open() to the end of start() it goes to the head of the trace. The
 * last call counts; the text is copied. Instance's own thread.
 */
TKIT_API void tkit_facilities(struct tkit_ctx *ctx, const char *text, uint64_t without);

/*
 * A descriptor that becomes readable, and stays so, when the trace is to end: pump() should return
 * then. Core's: neither read nor close it. -1 in probe(). Any thread.
 */
TKIT_API int tkit_stop_fd(struct tkit_ctx *ctx);

/* CLOCK_MONOTONIC in nanoseconds, the clock of ts_ns. Any thread. */
TKIT_API uint64_t tkit_now_ns(void);

/*
 * Makes `path`, a path on the host (as readlink(2) of /proc/PID/cwd gives it),
 * relative to the target's root. Returns a pointer into `path` (or to "/"), or NULL
 * when it lies outside the target's root. Any thread.
 */
TKIT_API const char *tkit_target_path(const struct tkit_target *target, const char *path);

/*
 * Lists what the kernel opens when `path` (absolute, in the root directory root_fd)
 * is executed: the script interpreters of "#!" lines, one after the other to the
 * kernel's depth of 5, as written in the scripts. Calls fn(arg, interpreter, len)
 * for each. Returns their number, 0 for a file that is no script, -errno if the
 * first file cannot be read. Never leaves root_fd. Any thread.
 */
TKIT_API int tkit_script_interpreters(int root_fd, const char *path,
				      void (*fn)(void *arg, const char *interpreter, size_t len),
				      void *arg);

/*
 * For backends with TKIT_BACKEND_WAITS: reports what wait4(2) returned for the
 * command (exit, death by signal, job-control stop and continue). Core passes the
 * status on and mirrors stops. Instance's own thread.
 */
TKIT_API void tkit_command_status(struct tkit_ctx *ctx, int status);

/*
 * Installs a seccomp filter in the held command, between open() and the end of
 * start() only. `flags` as for seccomp(2); with SECCOMP_FILTER_FLAG_NEW_LISTENER
 * *ret_listener gets the notification fd (owned by the caller), else it may be
 * NULL. Where the process lacks CAP_SYS_ADMIN, core sets no_new_privs in the command
 * first and says so in a warning. Returns 0 or -errno. Instance's own thread.
 * Until its exec the held command itself calls recvfrom, sendto without an address (sendmsg
 * with a listener), close, sigaction and sigprocmask: the filter must let them through.
 */
TKIT_API int tkit_command_seccomp(struct tkit_ctx *ctx, const struct sock_filter *filter,
				  size_t count, unsigned int flags, int *ret_listener);

#ifdef __cplusplus
}
#endif
#endif
