/* SPDX-License-Identifier: MIT */
/*
 * The seccomp_notify backend's inside. One thread does everything.
 *
 *	plugin.c   the callbacks but pump()
 *	loop.c     pump(): the loop of notifications
 *	filter.c   the seccomp filter
 *	call.c     one call: its paths, its events
 *	thread.c   what is known of threads from call to call
 *	place.c    where descriptors and directories are
 *	agent.c    containers: listeners that an OCI runtime hands over
 */
#ifndef SECCOMP_NOTIFY_NOTIFY_H
#define SECCOMP_NOTIFY_NOTIFY_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <tkit/backend.h>
#include <tkit/syscalls.h>

/* Calls without a path that the filter asks about all the same. */
#define SN_NR_IO_URING_SETUP 425

/* setns(2): asked about since it can change a root directory. -1 for other architectures. */
static inline int sn_nr_setns(int arch)
{
	return arch == TKIT_ARCH_X86_64    ? 308
	       : arch == TKIT_ARCH_I386    ? 346
	       : arch == TKIT_ARCH_AARCH64 ? 268
					   : -1;
}

enum sn_choice { SN_AUTO, SN_YES, SN_NO }; /* order of the options' range */

struct sn_options {
	int sync;           /* enum sn_choice */
	const char *listen; /* NULL: the command's filter is installed by tkit */
};

/* A listener that an OCI runtime has handed over. */
struct sn_listener {
	int fd;
	bool inside; /* the container's program has been executed */
};

#define SN_PATH (PATH_MAX + 64) /* with the kernel's " (deleted)" */

/* A directory or file, as /proc tells it. */
struct sn_place {
	char host[SN_PATH];
	const char *path; /* in host: as the target's root has it */
	size_t len;
	uint32_t pflags; /* TKIT_P_DELETED, TKIT_P_OUTSIDE_ROOT */
};

/* One path of a call. */
struct sn_name {
	uint16_t op;
	uint32_t valid;
	uint32_t pflags;
	size_t path_len;
	struct sn_place base;
	char path[PATH_MAX];
};

enum sn_root { SN_ROOT_SAME, SN_ROOT_INSIDE, SN_ROOT_OUTSIDE };

/* What is known of a thread from one call to the next; see thread.c. */
struct sn_thread {
	pid_t tid; /* 0: nothing is known */
	pid_t pid; /* 0: unknown */
	int dir;   /* /proc/TID, O_PATH; -1: to be asked for by its number */
	int comm;  /* its file of that name */
	char *exe; /* the program, exe_len bytes; NULL: has no path, or may not be read */
	size_t exe_len;
	bool exe_known;        /* exe need not be read again */
	enum sn_root exe_root; /* root_kind when it was read */
};

#define SN_THREADS 128 /* a slot each for tid modulo this */

struct sn {
	struct tkit_ctx *ctx;
	const struct sn_options *opt;
	const struct tkit_target *target;
	struct stat target_root;
	int listener; /* that is answered now; -1 before start() */
	int agent;    /* listen=: the socket, else -1 */
	struct sn_listener *listeners;
	struct pollfd *polled; /* room for them, and two more */
	size_t listener_count;
	uint64_t since;  /* start */
	bool root_known; /* target_root is the container's */
	bool reaped;     /* the command's end was reported */
	bool passing;    /* after stop(): calls are let through, nothing is told */
	bool over;
	bool rings_told;
	bool roots_watched; /* the root is looked at for each call */
	int emit_error;
	uint64_t emitted, lost;
	uint32_t pumped;

	/* The kernel's structs may be larger than the ones that we know. */
	struct seccomp_notif *request;
	struct seccomp_notif_resp *response;
	size_t request_size, response_size;

	/* The call that is looked at. */
	const struct tkit_syscall *sys;
	uint64_t flags;
	uint64_t resolve; /* openat2: RESOLVE_* */
	uint16_t arch, via;
	int nr; /* without x32's bit */
	pid_t tid;
	enum sn_root root_kind;
	struct sn_thread *thread; /* NULL: was not needed yet */
	uint64_t now;
	char root_host[SN_PATH]; /* what /proc calls the process's root */
	char comm[16];
	size_t comm_len;
	uint32_t unreadable; /* names that the program can read, but tkit could not */
	bool too_long;       /* a directory has a path that /proc cannot tell */
	uint32_t name_count;
	struct sn_name names[2];

	/* From call to call. */
	struct sn_thread threads[SN_THREADS], stray; /* stray: one that cannot be kept */
	uint64_t thread_execs[16]; /* processes whose other threads may execute: a set of pids */
	struct {
		bool known;
		uint32_t dev_major, dev_minor;
		uint64_t ino, mount;
	} root_seen; /* the target's root, where /proc calls it "/" */
};

/* filter.c: builds the filter; *ret is to be freed. */
int sn_filter_build(struct tkit_ctx *ctx, struct sock_filter **ret, size_t *ret_count);

/* call.c: takes a look at which call sn->request is of: sn->sys, NULL if it is not in the table. */
void sn_call_identify(struct sn *sn);
/*
 * Reads all that is to be known of it while the thread waits; true if there is something to tell.
 * Nothing of it is to be believed before the kernel has taken the answer: then the thread has
 * waited all the time, and what was asked for by its number was its own. Reading has no effect on
 * anybody.
 */
bool sn_call_read(struct sn *sn);
/* After the call was let go on. */
void sn_call_emit(struct sn *sn);
void sn_lose(struct sn *sn, enum tkit_loss reason, const char *detail);

/* agent.c */
int sn_agent_listen(struct tkit_ctx *ctx, const char *path);
int sn_agent_accept(struct sn *sn);
bool sn_agent_inside(struct sn *sn, struct sn_listener *listener);

/* loop.c */
bool sn_loop_valid(struct sn *sn); /* sn->request waits still: its number is its own */
int sn_loop_pump(struct sn *sn, int timeout_ms);

/* thread.c: the thread of sn->tid, with its name in sn->comm and its root in sn->root_kind. */
struct sn_thread *sn_thread(struct sn *sn);
void sn_thread_exe(struct sn *sn);    /* its program, into exe */
void sn_thread_execs(struct sn *sn);  /* is about to execute */
void sn_thread_forget(struct sn *sn); /* the kernel did not take the answer to its call */
void sn_threads_release(struct sn *sn);

/* place.c */
void sn_root_read(struct sn *sn);
/* Where a link of /proc/TID leads: 0, -ENODATA for what has no path, -errno. */
int sn_place_read(struct sn *sn, const char *what, struct sn_place *place);
/* The same for a descriptor; AT_FDCWD is the working directory. */
int sn_place_fd(struct sn *sn, int fd, struct sn_place *place);

#endif
