/* SPDX-License-Identifier: MIT */
/*
 * struct tkit_ctx: what core keeps for one plugin instance. The command line makes a
 * bare one, too, to call public functions that take a context.
 */
#ifndef PLUGIN_CTX_H
#define PLUGIN_CTX_H

#include <tkit/backend.h>

#include "util/err.h"

struct tkit_ctx {
	const char *name; /* of the plugin, for log lines; NULL for core itself */
	struct err err;   /* the recorded causes */
	char *facilities; /* what tkit_facilities() was told; NULL: nothing */
	uint64_t without; /* capabilities that are missing here */

	/* Backends only: the session's side (core/session); NULL elsewhere. */
	const struct ctx_session_ops *session_ops;
	void *session;
};

/* What a session gives to the backends it runs; see <tkit/backend.h> for each. */
struct ctx_session_ops {
	int (*emit)(void *session, const struct tkit_event *event);
	int (*stop_fd)(void *session);
	void (*command_status)(void *session, int status);
	int (*command_seccomp)(void *session, struct err *err, const struct sock_filter *filter,
			       size_t count, unsigned int flags, int *ret_listener);
};

#define CTX_INIT(who)         \
	{                     \
		.name = (who) \
	}

void ctx_done(struct tkit_ctx *ctx);

#endif
