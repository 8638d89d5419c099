// SPDX-License-Identifier: MIT
#include "source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_NONE ((struct source){.fd = -1, .listen_fd = -1, .restore_flags = -1})

/*
 * Standard input is shared with other processes: making it non-blocking would change it
 * for them, so it is opened anew where that is possible.
 */
static int open_stdin(struct tkit_ctx *ctx, struct source *source)
{
	int flags;

	source->name = "standard input";
	source->fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source->fd >= 0 && lseek(STDIN_FILENO, 0, SEEK_CUR) <= 0)
		return 0;
	if (source->fd >= 0) /* a file that was read from already: go on where it stands */
		close(source->fd);
	source->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (source->fd < 0)
		return tkit_fail(ctx, -errno, "opening standard input");
	flags = fcntl(source->fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK) &&
	    fcntl(source->fd, F_SETFL, flags | O_NONBLOCK) == 0)
		source->restore_flags = flags;
	return 0;
}

int source_open(struct tkit_ctx *ctx, const char *path, struct source *source)
{
	*source = SOURCE_NONE;
	source->name = path;
	if (!strcmp(path, "-"))
		return open_stdin(ctx, source);
	source->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source->fd < 0)
		return tkit_fail(ctx, -errno, "opening %s", path);
	return 0;
}

static int listen_on(struct source *source, const struct sockaddr *addr, socklen_t len)
{
	int on = 1;

	source->listen_fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (source->listen_fd < 0)
		return -errno;
	if (addr->sa_family != AF_UNIX)
		setsockopt(source->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(source->listen_fd, addr, len) < 0)
		return -errno;
	if (addr->sa_family == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)addr;

		memcpy(source->unlink_path, un->sun_path, sizeof(un->sun_path));
		/* Nobody can connect before listen(). */
		if (chmod(un->sun_path, 0600) < 0)
			return -errno;
	}
	return listen(source->listen_fd, 1) < 0 ? -errno : 0;
}

static int listen_unix(struct tkit_ctx *ctx, const char *path, struct source *source)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int rc;

	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return tkit_fail(ctx, -EINVAL, "%s: the path of a socket has 1 to %zu bytes",
				 source->name, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	rc = listen_on(source, (const struct sockaddr *)&addr, sizeof(addr));
	if (rc == -EADDRINUSE)
		return tkit_fail(ctx, rc, "%s is there already; remove it if nobody uses it", path);
	return rc < 0 ? tkit_fail(ctx, rc, "listening on %s", source->name) : 0;
}

static bool is_loopback(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)addr)->sin_addr.s_addr) >>
			       24 ==
		       127;
	return addr->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr);
}

static int listen_tcp(struct tkit_ctx *ctx, const char *address, bool remote, struct source *source)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	const char *port = strrchr(address, ':');
	size_t len = port ? (size_t)(port - address) : 0;
	struct addrinfo *found = NULL;
	char host[64];
	int rc;

	/* [::1]:7000 */
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (!len || !port[1] || len >= sizeof(host))
		return tkit_fail(ctx, -EINVAL, "%s is not tcp:HOST:PORT", source->name);
	memcpy(host, address, len);
	host[len] = '\0';
	rc = getaddrinfo(strcmp(host, "localhost") ? host : "127.0.0.1", port + 1, &hints, &found);
	if (rc)
		return tkit_fail(ctx, -EINVAL, "%s: %s", source->name, gai_strerror(rc));
	if (!remote && !is_loopback(found->ai_addr))
		rc = tkit_fail(ctx, -EPERM,
			       "%s can be reached from other machines; give allow-remote=yes if "
			       "that is all right",
			       source->name);
	else
		rc = listen_on(source, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (rc < 0 && rc != -EPERM)
		return tkit_fail(ctx, rc, "listening on %s", source->name);
	return rc;
}

int source_listen(struct tkit_ctx *ctx, const char *address, bool remote, struct source *source)
{
	int rc;

	*source = SOURCE_NONE;
	source->name = address;
	if (!strncmp(address, "unix:", 5))
		rc = listen_unix(ctx, address + 5, source);
	else if (!strncmp(address, "tcp:", 4))
		rc = listen_tcp(ctx, address + 4, remote, source);
	else
		rc = tkit_fail(ctx, -EINVAL, "%s is neither unix:PATH nor tcp:HOST:PORT", address);
	if (rc < 0)
		source_close(source);
	return rc;
}

static void stop_listening(struct source *source)
{
	if (source->listen_fd >= 0)
		close(source->listen_fd);
	source->listen_fd = -1;
	if (source->unlink_path[0])
		unlink(source->unlink_path);
	source->unlink_path[0] = '\0';
}

int source_accept(struct tkit_ctx *ctx, struct source *source)
{
	source->fd = accept4(source->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (source->fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return 0;
		return tkit_fail(ctx, -errno, "accepting a connection on %s", source->name);
	}
	stop_listening(source);
	return 1;
}

void source_close(struct source *source)
{
	stop_listening(source);
	if (source->restore_flags >= 0)
		fcntl(source->fd, F_SETFL, source->restore_flags);
	if (source->fd >= 0)
		close(source->fd);
	*source = SOURCE_NONE;
}
