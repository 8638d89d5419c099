/* SPDX-License-Identifier: MIT */
/*
 * tkit/event.h - the event model: what a backend reports.
 *
 * An event is one observed fact. Its fields are plain numbers and borrowed
 * byte strings; `valid` says which of them the backend really knows. A field
 * whose bit is not set is unknown, never a guess and never "zero".
 *
 * Paths are bytes: any byte but NUL, up to PATH_MAX and beyond where the
 * kernel can produce it. They are never escaped or re-encoded here.
 *
 * Three spaces must not be mixed up:
 *   requested  the bytes that the program passed to the kernel (`path`)
 *   absolute   requested, made absolute lexically with `base` and `root`
 *              (tkit_event_abs(); not stored, because it can be derived)
 *   resolved   where the kernel ended up after all symlinks (`resolved`)
 * `base`, `root` and `resolved` are paths in the target's root directory: in a
 * container, container paths; with `--root DIR`, paths below DIR. A location
 * that cannot be reached from the target's root has TKIT_P_OUTSIDE_ROOT.
 */
#ifndef TKIT_EVENT_H
#define TKIT_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A borrowed run of bytes; not NUL-terminated. ptr may be NULL only if len is 0. */
struct tkit_bytes {
	const char *ptr;
	size_t len;
};

/* Kinds of event. Values are stored in traces and are never reused. */
enum tkit_event_type {
	TKIT_EVENT_NONE = 0,
	TKIT_EVENT_ACCESS = 1, /* one access to one path, successful or not */
	TKIT_EVENT_EXEC = 2,   /* a successful exec: an access (op exec) and a new image in one */
	TKIT_EVENT_FORK = 3,   /* process `pid` was created by `ppid`; also sent for a process
				* that was already there when an attached trace began */
	TKIT_EVENT_EXIT = 4,   /* process `pid` ended; `ret` is its wait(2) status */
	TKIT_EVENT_LOSS = 5    /* `count` facts were lost for `reason`; `path` may hold detail */
};

/*
 * Operations: what was done to the path. One canonical name for every system
 * call that does the same thing (open, openat, openat2, creat: "open"); the
 * exact call is in `sysno`. X(symbol, value, name, class).
 * Values are stored in traces and are never reused. TKIT_OP_COUNT_ and its like are what this
 * header knows, not what a trace can hold: expect larger values, and skip them.
 */
#define TKIT_OPS(X)                                                                              \
	X(NONE, 0, "none", NONE)                                                                 \
	X(OPEN, 1, "open", CONTENT)                                                              \
	X(EXEC, 2, "exec", EXEC)                                                                 \
	X(INTERP, 3, "interp", EXEC)                                                             \
	X(STAT, 4, "stat", METADATA)                                                             \
	X(ACCESS, 5, "access", METADATA)                                                         \
	X(READLINK, 6, "readlink", METADATA)                                                     \
	X(STATFS, 7, "statfs", METADATA)                                                         \
	X(GETXATTR, 8, "getxattr", METADATA)                                                     \
	X(LISTXATTR, 9, "listxattr", METADATA)                                                   \
	X(LIST, 10, "list", LIST)                                                                \
	X(CHDIR, 11, "chdir", DIRECTORY)                                                         \
	X(CHROOT, 12, "chroot", DIRECTORY)                                                       \
	X(PIVOT_ROOT, 13, "pivot_root", DIRECTORY)                                               \
	X(PIVOT_OLD, 14, "pivot_old", DIRECTORY)                                                 \
	X(MKDIR, 15, "mkdir", CREATE)                                                            \
	X(MKNOD, 16, "mknod", CREATE)                                                            \
	X(SYMLINK, 17, "symlink", CREATE)                                                        \
	X(LINK_FROM, 18, "link_from", MODIFY)                                                    \
	X(LINK_TO, 19, "link_to", CREATE)                                                        \
	X(RENAME_FROM, 20, "rename_from", REMOVE)                                                \
	X(RENAME_TO, 21, "rename_to", CREATE)                                                    \
	X(UNLINK, 22, "unlink", REMOVE)                                                          \
	X(RMDIR, 23, "rmdir", REMOVE)                                                            \
	X(TRUNCATE, 24, "truncate", MODIFY)                                                      \
	X(CHMOD, 25, "chmod", MODIFY)                                                            \
	X(CHOWN, 26, "chown", MODIFY)                                                            \
	X(UTIME, 27, "utime", MODIFY)                                                            \
	X(SETXATTR, 28, "setxattr", MODIFY)                                                      \
	X(REMOVEXATTR, 29, "removexattr", MODIFY)                                                \
	X(SETATTR, 30, "setattr", MODIFY)                                                        \
	X(MOUNT, 31, "mount", MOUNT)                                                             \
	X(MOUNT_SOURCE, 32, "mount_source", MOUNT)                                               \
	X(UMOUNT, 33, "umount", MOUNT)                                                           \
	X(SWAPON, 34, "swapon", CONTENT)                                                         \
	X(SWAPOFF, 35, "swapoff", METADATA)                                                      \
	X(ACCT, 36, "acct", MODIFY)                                                              \
	X(QUOTACTL, 37, "quotactl", METADATA)                                                    \
	X(WATCH, 38, "watch", METADATA)                                                          \
	X(CONNECT, 39, "connect", SOCKET)                                                        \
	X(BIND, 40, "bind", CREATE)                                                              \
	X(SENDTO, 41, "sendto", SOCKET)                                                          \
	X(HANDLE, 42, "handle", METADATA)                                                        \
	X(READ, 43, "read", CONTENT) /* content was read, the open itself not seen (fanotify) */ \
	X(HELD, 44, "held", CONTENT) /* was already open or mapped when the trace began */

#define TKIT_OP_ENUM_(sym, value, name, class) TKIT_OP_##sym = value,
enum tkit_op { TKIT_OPS(TKIT_OP_ENUM_) TKIT_OP_COUNT_ = 45 };

/* What an operation needs of its path; the closure and the reports go by this. */
enum tkit_class {
	TKIT_CLASS_NONE = 0,
	TKIT_CLASS_CONTENT,   /* the bytes of the file */
	TKIT_CLASS_EXEC,      /* executed, by a program or by the kernel */
	TKIT_CLASS_METADATA,  /* its existence, mode, size, times, link target */
	TKIT_CLASS_LIST,      /* the names in the directory */
	TKIT_CLASS_DIRECTORY, /* became a working or root directory */
	TKIT_CLASS_CREATE,    /* the name came into being; needs its parent */
	TKIT_CLASS_REMOVE,    /* the name went away */
	TKIT_CLASS_MODIFY,    /* was changed in place */
	TKIT_CLASS_MOUNT,     /* something was mounted there, or unmounted */
	TKIT_CLASS_SOCKET,    /* a unix socket of that name was talked to */
	TKIT_CLASS_COUNT_
};

/* How the kernel was asked. */
enum tkit_via {
	TKIT_VIA_SYSCALL = 1,  /* native system call */
	TKIT_VIA_IO_URING = 2, /* submission to io_uring */
	TKIT_VIA_COMPAT32 = 3, /* 32-bit system call on a 64-bit kernel */
	TKIT_VIA_KERNEL = 4,   /* the kernel itself (ELF and script interpreters) */
	TKIT_VIA_SNAPSHOT = 5, /* read from /proc when the trace began */
	TKIT_VIA_NOTIFY = 6    /* a file system notification (fanotify) */
};

/* Whose system call numbers `sysno` is in (enum AUDIT_ARCH would not fit 16 bits). */
enum tkit_arch {
	TKIT_ARCH_NONE = 0,
	TKIT_ARCH_X86_64 = 1,
	TKIT_ARCH_I386 = 2,
	TKIT_ARCH_AARCH64 = 3
};

/* Why facts were lost. Values are stored in traces. X(symbol, value, name, help) */
#define TKIT_LOSSES(X)                                                                          \
	X(NONE, 0, "none", "no loss")                                                           \
	X(RING_FULL, 1, "ring-full", "the kernel ring buffer was full; use a larger ring-size") \
	X(MAP_FULL, 2, "map-full", "a kernel map was full; use larger limits")                  \
	X(TRUNCATED, 3, "truncated", "a name was longer than the backend or tool can carry")    \
	X(UNREADABLE, 4, "unreadable", "a name could not be read, from memory or from /proc")   \
	X(QUEUE_OVERFLOW, 5, "queue-overflow", "the kernel's notification queue overflowed")    \
	X(RECURSION, 6, "recursion",                                                            \
	  "a kernel program was skipped because it was running already")                        \
	X(PARSE, 7, "parse", "a line or record of the input was not understood")                \
	X(SINK, 8, "sink", "a sink dropped events because its reader was slow or gone")         \
	X(DAMAGED, 9, "damaged", "a part of the trace file is cut off or damaged")              \
	X(UNFINISHED, 10, "unfinished", "the end of an operation was never seen")               \
	X(UNTRACED, 11, "untraced", "a process could not be followed")                          \
	X(UPSTREAM, 12, "upstream", "the imported tool itself reported lost events")            \
	X(FORCED, 13, "forced", "tracing was stopped by force before all events were read")     \
	X(INJECTED, 14, "injected", "losses made on purpose by the null backend")               \
	X(UNSEEN, 15, "unseen",                                                                 \
	  "accesses can have been made in a way that the backend does not see")

#define TKIT_LOSS_ENUM_(sym, value, name, help) TKIT_LOSS_##sym = value,
enum tkit_loss { TKIT_LOSSES(TKIT_LOSS_ENUM_) TKIT_LOSS_COUNT_ = 16 };

/* Validity bits: which fields of struct tkit_event are known. Each is named as its field. */
#define TKIT_V_TS       (1u << 0)
#define TKIT_V_PID      (1u << 1)
#define TKIT_V_TID      (1u << 2)
#define TKIT_V_PPID     (1u << 3)
#define TKIT_V_ERR      (1u << 4)
#define TKIT_V_RET      (1u << 5)
#define TKIT_V_FLAGS    (1u << 6)
#define TKIT_V_SYSNO    (1u << 7) /* sysno and arch */
#define TKIT_V_INODE    (1u << 8) /* dev, ino, mode of what `resolved` names */
#define TKIT_V_CGROUP   (1u << 9)
#define TKIT_V_PATH     (1u << 10) /* may be valid and empty: the program passed "" */
#define TKIT_V_BASE     (1u << 11)
#define TKIT_V_ROOT     (1u << 12) /* absent means: the target's root */
#define TKIT_V_RESOLVED (1u << 13)
#define TKIT_V_COMM     (1u << 14)
#define TKIT_V_EXE      (1u << 15)
#define TKIT_V_CREATED  (1u << 16) /* TKIT_P_CREATED in pflags is known to be right */
#define TKIT_V_PATH2    (1u << 17) /* reserved */

/* Facts about the path (`pflags`). */
#define TKIT_P_NOFOLLOW     (1u << 0)  /* a symlink in the last component is not followed */
#define TKIT_P_TRUNCATED    (1u << 1)  /* `path` is cut: more bytes followed */
#define TKIT_P_UNREADABLE   (1u << 2)  /* the path pointer could not be read; `path` is absent */
#define TKIT_P_CLOBBERED    (1u << 3)  /* `path` may have been overwritten before it was read */
#define TKIT_P_DELETED      (1u << 4)  /* the resolved file had no name any more */
#define TKIT_P_OUTSIDE_ROOT (1u << 5)  /* `resolved` lies outside the target's root */
#define TKIT_P_CREATED      (1u << 6)  /* this very call brought the file into being */
#define TKIT_P_FD           (1u << 7)  /* no name was given: the access is to `base` itself */
#define TKIT_P_RES_TRUNC    (1u << 8)  /* `resolved` is incomplete */
#define TKIT_P_ABSTRACT     (1u << 9)  /* abstract socket name, not a file */
#define TKIT_P_DIRECTORY    (1u << 10) /* `mode` is unknown, but it is a directory */
/* `count` repeats of a fact that was told before, the last at `ts_ns`; others were told since. */
#define TKIT_P_REPEAT (1u << 11)

/*
 * One event. Lay out on the stack, memset to 0, set `size`, `type` and what is
 * known, and pass it to tkit_emit(). All byte strings are borrowed for the call.
 * New fields are only ever added at the end.
 */
struct tkit_event {
	uint32_t size;   /* sizeof(struct tkit_event) where the producer was compiled */
	uint16_t type;   /* enum tkit_event_type */
	uint16_t op;     /* enum tkit_op; ACCESS and EXEC only */
	uint32_t valid;  /* TKIT_V_* */
	uint32_t pflags; /* TKIT_P_* */
	uint64_t ts_ns; /* CLOCK_MONOTONIC, nanoseconds; the header of a trace has the zero point */
	int32_t pid;    /* process (thread group) id in tkit's pid namespace */
	int32_t tid;    /* thread id; equals pid in the main thread */
	int32_t ppid;   /* parent process; FORK: the creator */
	int32_t err;    /* errno value, 0 = success */
	int64_t ret;    /* what the call returned (fd, 0, -errno); EXIT: wait status */
	uint64_t flags; /* the call's flags argument as passed (O_*, AT_*, access mode) */
	int32_t sysno;  /* system call number in `arch`; io_uring: the IORING_OP_* */
	uint16_t arch;  /* enum tkit_arch */
	uint16_t via;   /* enum tkit_via; 0 = TKIT_VIA_SYSCALL */
	uint64_t dev;   /* makedev(3) value as stat(2) shows it */
	uint64_t ino;   /* inode number */
	uint32_t mode;  /* st_mode */
	uint32_t reason; /* LOSS: enum tkit_loss */
	uint64_t cgroup; /* cgroup v2 id (inode number of the cgroup directory) */
	uint64_t count;  /* how many identical facts this event stands for; 0 counts as 1 */
	struct tkit_bytes path;
	struct tkit_bytes base; /* directory that a relative `path` starts from; or the file
				 * itself with TKIT_P_FD */
	struct tkit_bytes root; /* the process's root directory, if it is not the target's; empty:
				 * it cannot be reached from there, absolute paths are unknown */
	struct tkit_bytes resolved; /* absolute, symlink-free */
	struct tkit_bytes comm;     /* thread name, at most 15 bytes */
	struct tkit_bytes exe;      /* EXEC: the new image; others: running program */
};

/* Always use this to start an event: sets size and type, clears the rest. Never fails. */
TKIT_API void tkit_event_init(struct tkit_event *event, enum tkit_event_type type);

/*
 * Writes the absolute path of `event` to buf (not NUL-terminated) and returns
 * its length. Lexical only: joins root, base and path, drops "." and repeated
 * slashes, keeps "..", because dropping it would be wrong behind a symlink.
 * Returns 0 when the absolute path is not known (no path, no base, "" as path),
 * -ENAMETOOLONG when it does not fit in `size` bytes: buf is undefined then. Any thread.
 */
TKIT_API long tkit_event_abs(const struct tkit_event *event, char *buf, size_t size);

/*
 * Names for numbers, and back, as `tkit dump` prints them. The pointers are static. An unknown
 * value gives NULL (tkit_op_class(): TKIT_CLASS_NONE), an unknown name -1. Any thread.
 */
TKIT_API const char *tkit_event_type_name(int type);
TKIT_API const char *tkit_op_name(int op);
TKIT_API int tkit_op_by_name(const char *name);
TKIT_API enum tkit_class tkit_op_class(int op);
TKIT_API const char *tkit_class_name(int cls);
TKIT_API const char *tkit_via_name(int via);
TKIT_API const char *tkit_loss_name(int reason);
TKIT_API const char *tkit_loss_help(int reason); /* one line: what it means, what helps */
TKIT_API const char *tkit_errno_name(int err);   /* "ENOENT" */

/*
 * A run of events of one backend instance, as sinks get it. Owned by core and
 * valid for the call only. Walk it with tkit_batch_event(): the stride between
 * events is core's, not the plugin's sizeof.
 */
struct tkit_batch {
	uint32_t size;    /* sizeof(struct tkit_batch) in core */
	uint32_t backend; /* index of the backend in the session */
	uint32_t count;   /* number of events */
	uint32_t stride;  /* bytes from one event to the next */
	const struct tkit_event *events;
};

/* Event number i (from 0, below batch->count); lent as long as the batch. Evaluates i once. */
#define tkit_batch_event(batch, i)                                                 \
	((const struct tkit_event *)(const void *)((const char *)(batch)->events + \
						   (size_t)(batch)->stride * (i)))

#ifdef __cplusplus
}
#endif
#endif
