/* SPDX-License-Identifier: MIT */
/*
 * The held child: what runs between fork and exec. Only async-signal-safe calls, nothing
 * allocated. It serves requests on a socket until it is told to go; when the other end
 * closes, it exits.
 */
#ifndef SESSION_HOLD_H
#define SESSION_HOLD_H

#include <linux/filter.h>
#include <signal.h>
#include <stdint.h>

#define HOLD_INSTALL    1u /* install `count` instructions as a seccomp filter */
#define HOLD_GO         2u /* execute the command */
#define HOLD_FILTER_MAX 4096u

struct hold_request {
	uint32_t op;
	uint32_t flags; /* INSTALL: for seccomp(2) */
	uint32_t count;
	uint32_t no_new_privs; /* INSTALL: set it first */
	struct sock_filter filter[HOLD_FILTER_MAX];
};

#define HOLD_REQUEST_HEAD offsetof(struct hold_request, filter)

/* The answer to each request, and the greeting when the hold begins: 0 or an errno. */
struct hold_reply {
	int32_t error;
};

struct hold_plan {
	const char *path; /* to execute */
	char *const *argv;
	char *const *shell_argv; /* for a text file without "#!", as execvp(3); or NULL */
	char *const *envp;
	int root_fd; /* becomes the root and working directory; -1 = neither */
	sigset_t mask;
	struct sigaction pipe_action; /* SIGPIPE and SIGCHLD as tkit itself got them */
	struct sigaction child_action;
};

/* Never returns. `request` is the caller's buffer for requests. */
_Noreturn void hold_child(int sock, const struct hold_plan *plan, struct hold_request *request);

#endif
