/* SPDX-License-Identifier: MIT */
/*
 * A connected stream socket with a queue in front of it. Nothing here waits unless it says
 * so, and then no longer than the timeout without progress.
 */
#ifndef SINK_SOCKET_STREAM_H
#define SINK_SOCKET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tkit/plugin.h>

struct stream {
	int fd;
	const char *to; /* as given, for messages */
	uint64_t timeout_ns;
	int stop_fd; /* readable: no more waiting; -1 = none */
	char *data;  /* queue: [start, end) of it */
	size_t start, end, room;
};

/*
 * Connects to "unix:PATH" or "tcp:HOST:PORT". Without `remote` the host must be this one.
 * Waits up to the timeout.
 */
int stream_open(struct tkit_ctx *ctx, const char *to, bool remote, uint64_t timeout_ns,
		struct stream *stream);
void stream_close(struct stream *stream);

static inline size_t stream_queued(const struct stream *stream)
{
	return stream->end - stream->start;
}

/* Adds to the queue. 0 or -ENOMEM. */
int stream_add(struct stream *stream, const void *data, size_t size);

/* Sends what can be sent at once. 0, or -errno if the reader is gone. */
int stream_send(struct stream *stream);

/*
 * Sends until no more than `left` bytes are queued. -ETIMEDOUT: the reader takes nothing;
 * -ECANCELED: stop_fd became readable while waiting.
 */
int stream_drain(struct stream *stream, size_t left);

#endif
