/* SPDX-License-Identifier: MIT */
/*
 * The seccomp_notify backend's inside. One thread does everything.
 *
 *	plugin.c   the callbacks, the loop of notifications
 *	filter.c   the seccomp filter
 *	call.c     one call: its paths, its events
 *	agent.c    containers: listeners that an OCI runtime hands over
 *	place.c    where descriptors and directories are; the program's memory
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
#define SN_NR_SENDTO_X86_64  44

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

#define SN_LISTENERS_POLLED 256

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

struct sn {
	struct tkit_ctx *ctx;
	const struct sn_options *opt;
	const struct tkit_target *target;
	struct stat target_root;
	int listener; /* that is answered now; -1 before start() */
	int agent;    /* listen=: the socket, else -1 */
	struct sn_listener *listeners;
	size_t listener_count;
	bool root_known; /* target_root is the container's */
	uint64_t since;  /* start */
	bool reaped;     /* the command's end was reported */
	bool passing;    /* after stop(): calls are let through, nothing is told */
	bool over;
	bool rings_told;
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
	pid_t tid, pid;
	uint64_t now;
	enum sn_root root_kind;
	char root_host[SN_PATH]; /* what /proc calls the process's root */
	char exe[SN_PATH];
	size_t exe_len;
	uint32_t exe_pflags;
	bool exe_known;
	char comm[16];
	size_t comm_len;
	uint32_t unreadable; /* names that the program can read, but tkit could not */
	bool too_long;       /* a directory has a path that /proc cannot tell */
	uint32_t name_count;
	struct sn_name names[2];

	/* Thread ids and the processes that they belong to, for a tenth of a second. */
	struct {
		pid_t tid, pid;
	} known[64];
	uint64_t known_since;
};

/* filter.c: builds the filter; *ret is to be freed. */
int sn_filter_build(struct tkit_ctx *ctx, struct sock_filter **ret, size_t *ret_count);

/*
 * call.c: reads all that is to be known of sn->request while the thread waits; true if there is
 * something to tell. Nothing is to be believed before the kernel has said that the request is still
 * valid.
 */
bool sn_call_read(struct sn *sn);
/* After the call was let go on. */
void sn_call_emit(struct sn *sn);
void sn_lose(struct sn *sn, enum tkit_loss reason, const char *detail);

/* call.c: the call of sn->request, from the table; sn->sys is NULL if it is not in it. */
void sn_call_identify(struct sn *sn);

/* agent.c */
int sn_agent_listen(struct tkit_ctx *ctx, const char *path);
int sn_agent_accept(struct sn *sn);
bool sn_agent_inside(struct sn *sn, struct sn_listener *listener);

/* place.c */
void sn_root_read(struct sn *sn);
int sn_place_fd(struct sn *sn, int fd, struct sn_place *place);
void sn_process_read(struct sn *sn);
int sn_memory(pid_t tid, uint64_t addr, void *buf, size_t size);
ssize_t sn_string(pid_t tid, uint64_t addr, char buf[PATH_MAX]);

#endif
