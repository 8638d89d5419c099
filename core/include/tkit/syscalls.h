/* SPDX-License-Identifier: MIT */
/*
 * tkit/syscalls.h - the table of system calls that take a path, for backends
 * that see system calls. Generated from core/event/syscalls.def.
 */
#ifndef TKIT_SYSCALLS_H
#define TKIT_SYSCALLS_H

#include <tkit/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How to read the flags argument of a call. */
enum tkit_sys_flags {
	TKIT_SYS_FLAGS_NONE = 0,
	TKIT_SYS_FLAGS_OPEN,   /* O_* of open(2) */
	TKIT_SYS_FLAGS_HOW,    /* pointer to struct open_how, openat2(2); its flags are O_* */
	TKIT_SYS_FLAGS_AT,     /* AT_* */
	TKIT_SYS_FLAGS_MODE,   /* R_OK, W_OK, X_OK, F_OK */
	TKIT_SYS_FLAGS_CMODE,  /* permission bits */
	TKIT_SYS_FLAGS_RENAME, /* RENAME_* */
	TKIT_SYS_FLAGS_MS,     /* MS_* of mount(2) */
	TKIT_SYS_FLAGS_UMOUNT, /* MNT_*, UMOUNT_NOFOLLOW */
	TKIT_SYS_FLAGS_FSPICK, /* FSPICK_* */
	TKIT_SYS_FLAGS_IN,     /* IN_* of inotify_add_watch(2) */
	TKIT_SYS_FLAGS_FAN     /* FAN_MARK_* */
};

/* Properties of a call. */
#define TKIT_SYS_CREAT            (1u << 0) /* behaves as O_CREAT|O_WRONLY|O_TRUNC */
#define TKIT_SYS_NOPATH           (1u << 1) /* opens without a name; only the result tells the file */
#define TKIT_SYS_NOFOLLOW         (1u << 2)  /* never follows a last symlink */
#define TKIT_SYS_NOFOLLOW_DEFAULT (1u << 3)  /* follows only with AT_SYMLINK_FOLLOW */
#define TKIT_SYS_EMPTY            (1u << 4)  /* "" means the dirfd itself with AT_EMPTY_PATH */
#define TKIT_SYS_EMPTY_ALWAYS     (1u << 5)  /* "" means the dirfd itself, no flag needed */
#define TKIT_SYS_NULL_EMPTY       (1u << 6)  /* with AT_EMPTY_PATH, NULL is as good as "" */
#define TKIT_SYS_NULL_FD          (1u << 7)  /* a NULL path means the dirfd itself */
#define TKIT_SYS_NULL_OK          (1u << 8)  /* a NULL path is a valid request that names no file */
#define TKIT_SYS_FD               (1u << 9)  /* has no path: acts on the dirfd argument itself */
#define TKIT_SYS_OUT_BUF          (1u << 10) /* writes a buffer that may overlap the path */
#define TKIT_SYS_SOURCE           (1u << 11) /* path is a path only for some mounts: see mount(2) */
#define TKIT_SYS_SOCKADDR         (1u << 12) /* path argument is a sockaddr, its length follows */

/* One row: what a call does to which of its arguments (0 is the first). */
struct tkit_syscall {
	const char *name;
	int16_t nr;       /* in the architecture that was asked for */
	uint16_t op;      /* enum tkit_op */
	int8_t path;      /* argument index, -1 = none */
	int8_t dirfd;     /* argument index, -1 = working directory */
	int8_t flags;     /* argument index, -1 = none */
	uint8_t flags_as; /* enum tkit_sys_flags */
	uint32_t bits;    /* TKIT_SYS_* */
	uint16_t op2;     /* second path, TKIT_OP_NONE = none */
	int8_t path2;     /* as path and dirfd, of the second path */
	int8_t dirfd2;
};

/*
 * Rows of the table for one architecture (enum tkit_arch), sorted by nr, no two
 * with the same nr. *ret_count gets their number. Static memory. NULL and 0 for an
 * architecture that tkit does not know. Any thread.
 */
TKIT_API const struct tkit_syscall *tkit_syscalls(int arch, size_t *ret_count);

/* The row of one call, or NULL if the call takes no path. O(1). Any thread. */
TKIT_API const struct tkit_syscall *tkit_syscall_by_nr(int arch, int nr);

/* The row by name, or NULL. Any thread. */
TKIT_API const struct tkit_syscall *tkit_syscall_by_name(int arch, const char *name);

/* The architecture this library was built for, enum tkit_arch. Any thread. */
TKIT_API int tkit_native_arch(void);

/*
 * Whether a last symlink stays unfollowed, given the call's flags as passed
 * (for FLAGS_HOW: the flags in open_how). Nonzero = TKIT_P_NOFOLLOW.
 */
TKIT_API int tkit_syscall_nofollow(const struct tkit_syscall *sys, uint64_t flags);

/*
 * Whether an empty path (or a NULL one, `is_null` nonzero) refers to the dirfd
 * itself (or the working directory for AT_FDCWD), given the flags as passed.
 * Nonzero = TKIT_P_FD.
 */
TKIT_API int tkit_syscall_names_fd(const struct tkit_syscall *sys, uint64_t flags, int is_null);

#ifdef __cplusplus
}
#endif
#endif
