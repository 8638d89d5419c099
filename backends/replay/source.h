/* SPDX-License-Identifier: MIT */
/* Where a replayed trace comes from: a file, standard input, or the first to connect. */
#ifndef BACKEND_REPLAY_SOURCE_H
#define BACKEND_REPLAY_SOURCE_H

#include <stdbool.h>
#include <sys/un.h>

#include <tkit/plugin.h>

struct source {
	int fd;           /* to read from, without waiting; -1 = nobody has connected yet */
	int listen_fd;    /* -1 = no listener */
	const char *name; /* for messages */
	char unlink_path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" = none */
	int restore_flags; /* of standard input; -1 = nothing to restore */
};

/* `path`: a file, a FIFO or "-". */
int source_open(struct tkit_ctx *ctx, const char *path, struct source *source);

/* `address`: unix:PATH or tcp:HOST:PORT. Without `remote` HOST must be this machine. */
int source_listen(struct tkit_ctx *ctx, const char *address, bool remote, struct source *source);

/* Takes the one connection. 1, 0 if there is none yet, -errno. */
int source_accept(struct tkit_ctx *ctx, struct source *source);

void source_close(struct source *source);

#endif
