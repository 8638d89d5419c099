// SPDX-License-Identifier: MIT
#include "stream.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <tkit/backend.h>

static int timeout_ms(const struct stream *stream)
{
	uint64_t ms = (stream->timeout_ns + 999999) / 1000000;

	return ms > 0x7fffffff ? 0x7fffffff : (int)ms;
}

/* Waits until the socket can be written to (or is broken). 0, -ETIMEDOUT, -ECANCELED, -errno. */
static int wait_writable(const struct stream *stream)
{
	struct pollfd pfds[2] = {{.fd = stream->fd, .events = POLLOUT},
				 {.fd = stream->stop_fd, .events = POLLIN}};
	int rc;

	do {
		rc = poll(pfds, 2, timeout_ms(stream));
	} while (rc < 0 && errno == EINTR);
	if (rc > 0 && !pfds[0].revents)
		return -ECANCELED;
	return rc > 0 ? 0 : rc == 0 ? -ETIMEDOUT : -errno;
}

static int connect_to(struct stream *stream, const struct sockaddr *addr, socklen_t len)
{
	int failed = 0;
	socklen_t size = sizeof(failed);
	int rc;

	stream->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return -errno;
	if (connect(stream->fd, addr, len) == 0)
		return 0;
	/* EAGAIN: a unix socket whose queue of connections is full; there is no waiting for it */
	if (errno != EINPROGRESS && errno != EINTR)
		return -errno;
	rc = wait_writable(stream);
	if (rc == 0 && getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &failed, &size) < 0)
		rc = -errno;
	return rc < 0 ? rc : -failed;
}

static int open_unix(struct tkit_ctx *ctx, struct stream *stream, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int rc;

	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return tkit_fail(ctx, -EINVAL, "%s: the path of a socket has 1 to %zu bytes",
				 stream->to, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	rc = connect_to(stream, (const struct sockaddr *)&addr, sizeof(addr));
	return rc < 0 ? tkit_fail(ctx, rc, "connecting to %s", stream->to) : 0;
}

static bool is_loopback(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)addr;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)addr;

		return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	}
	return false;
}

static int open_tcp(struct tkit_ctx *ctx, struct stream *stream, const char *address, bool remote)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	const char *port = strrchr(address, ':');
	struct addrinfo *found = NULL;
	char host[256];
	size_t len = port ? (size_t)(port - address) : 0;
	int rc = -EADDRNOTAVAIL;

	/* [::1]:7000 */
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (!len || !port[1] || len >= sizeof(host))
		return tkit_fail(ctx, -EINVAL, "%s is not tcp:HOST:PORT", stream->to);
	memcpy(host, address, len);
	host[len] = '\0';
	/* Without names there is no DNS to wait for. */
	if (!remote && strcmp(host, "localhost"))
		hints.ai_flags = AI_NUMERICHOST;
	rc = getaddrinfo(host, port + 1, &hints, &found);
	if (rc)
		return tkit_fail(ctx, -EINVAL, "%s: %s", stream->to, gai_strerror(rc));
	rc = -EADDRNOTAVAIL;
	for (struct addrinfo *ai = found; ai; ai = ai->ai_next) {
		if (!remote && !is_loopback(ai->ai_addr)) {
			rc = -EPERM;
			continue;
		}
		stream_close(stream);
		rc = connect_to(stream, ai->ai_addr, ai->ai_addrlen);
		if (rc == 0)
			break;
	}
	freeaddrinfo(found);
	if (rc == -EPERM)
		return tkit_fail(ctx, rc,
				 "%s is another machine, and a trace is not encrypted on its way; "
				 "give allow-remote=yes if that is all right",
				 stream->to);
	return rc < 0 ? tkit_fail(ctx, rc, "connecting to %s", stream->to) : 0;
}

int stream_open(struct tkit_ctx *ctx, const char *to, bool remote, uint64_t timeout_ns,
		struct stream *stream)
{
	int rc;

	*stream = (struct stream){
		.fd = -1, .to = to, .timeout_ns = timeout_ns, .stop_fd = tkit_stop_fd(ctx)};
	if (!strncmp(to, "unix:", 5))
		rc = open_unix(ctx, stream, to + 5);
	else if (!strncmp(to, "tcp:", 4))
		rc = open_tcp(ctx, stream, to + 4, remote);
	else
		rc = tkit_fail(ctx, -EINVAL, "%s is neither unix:PATH nor tcp:HOST:PORT", to);
	if (rc < 0)
		stream_close(stream);
	return rc;
}

void stream_close(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	free(stream->data);
	stream->data = NULL;
	stream->start = stream->end = stream->room = 0;
}

int stream_add(struct stream *stream, const void *data, size_t size)
{
	if (stream->start) {
		memmove(stream->data, stream->data + stream->start, stream_queued(stream));
		stream->end -= stream->start;
		stream->start = 0;
	}
	if (size > stream->room - stream->end) {
		size_t room = stream->end + size + 65536;
		char *grown = realloc(stream->data, room);

		if (!grown)
			return -ENOMEM;
		stream->data = grown;
		stream->room = room;
	}
	memcpy(stream->data + stream->end, data, size);
	stream->end += size;
	return 0;
}

int stream_send(struct stream *stream)
{
	while (stream_queued(stream)) {
		ssize_t n = send(stream->fd, stream->data + stream->start, stream_queued(stream),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			stream->start += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int stream_drain(struct stream *stream, size_t left)
{
	int rc = stream_send(stream);

	while (rc == 0 && stream_queued(stream) > left) {
		rc = wait_writable(stream);
		if (rc == 0)
			rc = stream_send(stream);
	}
	return rc;
}
