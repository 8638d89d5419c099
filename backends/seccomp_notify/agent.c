// SPDX-License-Identifier: MIT
/*
 * The agent of a container: an OCI runtime that puts a filter with SCMP_ACT_NOTIFY into a container
 * connects to linux.seccomp.listenerPath and hands the listener over, with the container's state
 * (runtime-spec, "The Container Process State"). One for the container, and one more for each
 * process that `exec` brings in.
 */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 16

int sn_agent_listen(struct tkit_ctx *ctx, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return tkit_fail(ctx, -ENAMETOOLONG, "listen=%s: longer than %zu bytes", path,
				 sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return tkit_fail(ctx, -errno, "making a socket");
	/* For root alone: whoever connects gives orders. */
	fchmod(fd, 0600);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0 ? -errno
											: 0;
	if (rc < 0) {
		close(fd);
		return tkit_fail(ctx, rc, "listening at %s", path);
	}
	return fd;
}

/* Makes room for `count` listeners, and for waiting for them. */
static int make_room(struct sn *sn, size_t count)
{
	struct sn_listener *list = reallocarray(sn->listeners, count, sizeof(*list));
	struct pollfd *polled;

	if (!list)
		return -ENOMEM;
	sn->listeners = list;
	polled = reallocarray(sn->polled, count + 2, sizeof(*polled));
	if (!polled)
		return -ENOMEM;
	sn->polled = polled;
	return 0;
}

static int add_listener(struct sn *sn, int fd)
{
	struct sn_listener *list;

	if (make_room(sn, sn->listener_count + 1) < 0)
		return -ENOMEM;
	list = sn->listeners;
	list[sn->listener_count++] = (struct sn_listener){.fd = fd};
	return 0;
}

/* Descriptors of one message; the first is the listener, others are closed. -1: there was none. */
static int take_descriptors(struct msghdr *msg)
{
	int listener = -1;

	for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(fd), sizeof(fd));
			if (listener < 0)
				listener = fd;
			else
				close(fd);
		}
	}
	return listener;
}

/*
 * The state comes with the descriptor; what it says is known, so it is read away. -EMFILE: tkit has
 * no descriptor left for the one that was handed over; -ENODATA: none was.
 */
static int receive(int peer)
{
	char state[65536], control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct timeval patience = {.tv_sec = 5};
	int listener = -1;

	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (listener < 0) {
		struct iovec part = {state, sizeof(state)};
		struct msghdr msg = {.msg_iov = &part,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(peer, &msg, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENODATA;
		listener = take_descriptors(&msg);
		if (listener < 0 && (msg.msg_flags & MSG_CTRUNC))
			return -EMFILE;
	}
	return listener;
}

static bool may_connect(int peer)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

int sn_agent_accept(struct sn *sn)
{
	int peer = accept4(sn->agent, NULL, NULL, SOCK_CLOEXEC), fd, rc = 0;

	if (peer < 0 && (errno == EMFILE || errno == ENFILE)) {
		sn_threads_release(sn);
		peer = accept4(sn->agent, NULL, NULL, SOCK_CLOEXEC);
	}
	if (peer < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return 0;
		return tkit_fail(sn->ctx, -errno, "taking over a listener");
	}
	fd = may_connect(peer) ? receive(peer) : -ENODATA;
	if (fd == -EMFILE)
		sn_lose(sn, TKIT_LOSS_UNTRACED,
			"no descriptor was left for a listener: its processes fail");
	else if (fd < 0)
		tkit_log(sn->ctx, TKIT_LOG_WARN, "somebody connected and handed no listener over");
	else
		rc = add_listener(sn, fd);
	if (rc < 0)
		close(fd);
	close(peer);
	return rc < 0 ? tkit_fail(sn->ctx, rc, "taking over a listener") : 0;
}

/*
 * What the runtime's own process does before it executes the container's program is not the
 * container's. True if the call is to be told.
 */
bool sn_agent_inside(struct sn *sn, struct sn_listener *listener)
{
	struct stat own;
	char path[64];

	if (listener->inside)
		return true;
	if (!sn->sys || sn->sys->op != TKIT_OP_EXEC)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)sn->tid);
	if (!sn->root_known && stat(path, &own) == 0) {
		if (!sn_loop_valid(sn))
			return false; /* it may have been another process's */
		sn->target_root = own;
		sn->root_known = true;
	}
	listener->inside = true;
	return true;
}
