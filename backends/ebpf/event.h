/* SPDX-License-Identifier: MIT */
/*
 * What the kernel programs and user space share: the configuration that is written before
 * the load, and the records in the ring. Both sides are built from one tree, so a version
 * byte is all the checking there is. Plain C types only: this is compiled for two targets.
 */
#ifndef EBPF_EVENT_H
#define EBPF_EVENT_H

#define EBPF_VERSION 2

#define EBPF_NR_LIMIT    512  /* system call numbers below this are looked at */
#define EBPF_PATH_MAX    4096 /* room for a string with its NUL */
#define EBPF_DATA_MAX    24576
#define EBPF_URING_LIMIT 64   /* io_uring opcodes below this are looked at, a power of two */
#define EBPF_REQUESTS    8192 /* io_uring requests that can be under way at one time */

/* How a system call is handled beyond its names. */
enum ebpf_kind {
	EBPF_KIND_NONE = 0, /* not in the table */
	EBPF_KIND_PATH,     /* names are all there is */
	EBPF_KIND_OPEN,     /* a successful call returns a descriptor */
	EBPF_KIND_EXEC,     /* success comes from sched_process_exec */
	EBPF_KIND_CHDIR,
	EBPF_KIND_CHROOT,
	EBPF_KIND_PIVOT,
	EBPF_KIND_STATE /* may change working and root directory, names nothing (setns) */
};

/* Of <tkit/syscalls.h>, which needs a C library; load.c checks that they are the same. */
#define EBPF_SYS_NOPATH       (1u << 1)
#define EBPF_SYS_EMPTY        (1u << 4)
#define EBPF_SYS_EMPTY_ALWAYS (1u << 5)
#define EBPF_SYS_NULL_EMPTY   (1u << 6)
#define EBPF_SYS_NULL_FD      (1u << 7)
#define EBPF_SYS_NULL_OK      (1u << 8)
#define EBPF_SYS_FD           (1u << 9)
#define EBPF_SYS_OUT_BUF      (1u << 10)
#define EBPF_SYS_SOURCE       (1u << 11)
#define EBPF_SYS_SOCKADDR     (1u << 12)
#define EBPF_SYS_FLAGS_HOW    2
#define EBPF_SYS_FLAGS_AT     3

/* One system call; the values are those of struct tkit_syscall. */
struct ebpf_row {
	unsigned char kind; /* enum ebpf_kind */
	unsigned char flags_as;
	signed char path;
	signed char dirfd;
	signed char flags;
	signed char path2;
	signed char dirfd2;
	unsigned char fold; /* EBPF_FOLD_* */
	unsigned int bits;  /* EBPF_SYS_* */
};

/* Which results of a call may be counted instead of told again, see fold.bpf.h. */
#define EBPF_FOLD_OK     1 /* success */
#define EBPF_FOLD_FAILED 2 /* failure */
#define EBPF_FOLD_MOVES  4 /* success can give directories other paths */
#define EBPF_FOLD_RMDIR  8 /* so can this one's, with AT_REMOVEDIR */

#define EBPF_FOLD_WORDS 22 /* of a key, beside its name */

struct ebpf_fold_key {
	unsigned long long a;
	unsigned long long b;
};

struct ebpf_fold_value {
	unsigned long long count; /* repeats */
	unsigned long long last;  /* when, CLOCK_MONOTONIC */
};

/* Whom to watch. */
enum ebpf_filter {
	EBPF_FILTER_TREE = 1,   /* a process and its descendants: a set of tgids */
	EBPF_FILTER_CGROUP = 2, /* a cgroup and what is below */
	EBPF_FILTER_ALL = 3
};

/* Kernel counters, one slot per CPU each. */
enum ebpf_counter {
	EBPF_CNT_PRODUCED = 0, /* facts that were to be delivered */
	EBPF_CNT_RING_FULL,    /* of those: the ring had no room */
	EBPF_CNT_MAP_FULL,     /* a process or a request could not be remembered */
	EBPF_CNT_D_PATH,       /* no loss: opens whose path is bpf_d_path()'s */
	EBPF_CNT_COUNT
};

/* Kinds of record. */
enum ebpf_type {
	EBPF_ACCESS = 1,
	EBPF_EXEC = 2,
	EBPF_FORK = 3,
	EBPF_EXIT = 4,
	EBPF_STATE = 5,    /* no fact: the directories of a process as they are now */
	EBPF_PROC = 6,     /* as STATE, for a process that is there when the trace begins */
	EBPF_PREPARE = 7,  /* no fact: an exec by descriptor, which the exec itself may close */
	EBPF_URING = 8,    /* no fact yet: a request, as ACCESS but without its result */
	EBPF_URING_END = 9 /* the result of a request; `facts` is 0 if it was cancelled */
};

/* A string of the program's. */
#define EBPF_S_PRESENT    1u  /* this name is a fact (an event is to be made) */
#define EBPF_S_NULL       2u  /* the pointer was NULL */
#define EBPF_S_UNREADABLE 4u  /* the pointer could not be read */
#define EBPF_S_TRUNCATED  8u  /* more bytes followed */
#define EBPF_S_ABSTRACT   16u /* abstract socket name */
#define EBPF_S_FD         32u /* no name: the descriptor itself */
#define EBPF_S_CLOBBERED  64u
/*
 * The name may lead through a magic link of /proc. Walk EBPF_WALK_MAGIC (of the second
 * name: EBPF_WALK_MAGIC2) is from descriptor `fd`, if "fd/N" is in the name, else from the working
 * directory.
 */
#define EBPF_S_MAGIC 128u
#define EBPF_NO_FD   0xffff

struct ebpf_string {
	unsigned short off; /* in data[] */
	unsigned short len; /* without NUL */
	unsigned short flags;
	unsigned short fd; /* MAGIC */
};

/*
 * A directory or file, as the names on the way from it up to the root of its mount
 * namespace, each with its NUL: the last name comes first.
 */
#define EBPF_W_DONE     1u
#define EBPF_W_INSIDE   2u  /* the target's root is on the way, `mark` bytes up */
#define EBPF_W_TRUNC    4u  /* the way up was longer than the walker goes */
#define EBPF_W_DELETED  8u  /* the file has no name any more */
#define EBPF_W_NOPATH   16u /* pipe, socket, memfd, ...: never had one */
#define EBPF_W_DETACHED 32u /* its mount hangs in no namespace */
#define EBPF_W_PATH     64u /* no names, but the path in the target's root: bpf_d_path()'s */

struct ebpf_walk {
	unsigned short off;
	unsigned short len;
	unsigned short mark;
	unsigned short flags;
};

enum ebpf_walk_index {
	EBPF_WALK_BASE = 0,     /* FORK, STATE, PROC, pivot_root: working directory (new) */
	EBPF_WALK_BASE2 = 1,    /* of the second name */
	EBPF_WALK_LOADER = 1,   /* EXEC: the ELF interpreter */
	EBPF_WALK_ROOT = 2,     /* absent: the target's root */
	EBPF_WALK_RESOLVED = 3, /* where it led; CHDIR, CHROOT: the new directory */
	EBPF_WALK_MAGIC = 3,    /* calls that neither open nor move */
	EBPF_WALK_MAGIC2 = 4,
	EBPF_WALK_EXE = 4, /* EXEC, PROC: /proc/PID/exe */
	EBPF_WALK_COUNT = 5
};

struct ebpf_inode {
	unsigned long long ino;
	unsigned int dev;  /* the kernel's encoding: major << 20 | minor */
	unsigned int mode; /* 0: unknown */
};

#define EBPF_E_COMPAT    1u     /* 32-bit system call */
#define EBPF_E_CREATED   2u     /* the open made the file */
#define EBPF_E_FILE      4u     /* the opened file was there to be looked at */
#define EBPF_E_OLD_CWD   8u     /* the working directory was changed by this very call */
#define EBPF_E_OLD_ROOT  16u    /* the root directory was changed by this very call */
#define EBPF_E_FDPATH    32u    /* EXEC: the name is the kernel's "/dev/fd/N[/REST]" (execveat) */
#define EBPF_E_INTERP    64u    /* EXEC: string 1 is an interpreter (script, binfmt_misc) */
#define EBPF_E_FS_LAST   128u   /* EXIT: nobody else shares its directories */
#define EBPF_E_NO_LOADER 256u   /* EXEC: the ELF interpreter was not looked for */
#define EBPF_E_URING     512u   /* made through io_uring: `nr` is the opcode */
#define EBPF_E_DIRECT    1024u  /* URING: opens into the ring's own table */
#define EBPF_E_SILENT    2048u  /* URING: has no end if it succeeds */
#define EBPF_E_NO_RET    8192u  /* user space: what the call returned is not known */
#define EBPF_E_NO_ERR    16384u /* user space: nor whether it failed */
#define EBPF_E_FOLD      32768u /* repeats will be counted under `fold`, */
#define EBPF_E_FOLD_ODD  65536u /* in the second of the two maps */
#define EBPF_E_AGAIN     4096u  /* URING: the request before it at this address had no end */

struct ebpf_event {
	unsigned long long ts;      /* CLOCK_MONOTONIC */
	unsigned int size;          /* of the record, a multiple of 8 */
	unsigned char version;      /* EBPF_VERSION */
	unsigned char type;         /* enum ebpf_type */
	unsigned char kind;         /* enum ebpf_kind */
	unsigned char facts;        /* how many facts were lost if this record were */
	unsigned int bits;          /* EBPF_E_* */
	int nr;                     /* system call */
	long long ret;              /* EXIT: wait status */
	unsigned long long flags;   /* the flags argument */
	unsigned long long resolve; /* openat2: open_how.resolve */
	unsigned long long fs;      /* which struct fs_struct: shared by who shares directories */
	unsigned long long cgroup;  /* cgroup v2 id */
	unsigned long long request; /* URING, URING_END: which one */
	struct ebpf_fold_key fold;  /* E_FOLD */
	unsigned int lost_seq;      /* grows with each lost record */
	unsigned int len;           /* bytes used in data[] */
	int pid;
	int tid;
	int ppid; /* FORK: the creator */
	int pad;
	struct ebpf_string strings[2];
	struct ebpf_walk walks[EBPF_WALK_COUNT];
	struct ebpf_inode inodes[2]; /* of `resolved` (or the descriptor); of the loader */
	char comm[16];
#ifndef __bpf__ /* there, struct scratch has it */
	char data[];
#endif
};

/* User space has to look at files for this record, which may not be there for long. */
#define EBPF_IS_URGENT(ev)                                         \
	(((ev)->bits & (EBPF_E_INTERP | EBPF_E_NO_LOADER)) != 0 || \
	 (((ev)->strings[0].flags | (ev)->strings[1].flags) & EBPF_S_MAGIC) != 0)

#endif
