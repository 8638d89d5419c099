// SPDX-License-Identifier: MIT
#include "container/early.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"

#define ORDER_MAX 32768
#define TAKEN     't' /* answer to an order; what is wrong from then on is the trace's failure */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- the socket ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

/* Ids and directories are longer than an address: a hash of them. */
static socklen_t make_address(const char *root, const char *id, struct sockaddr_un *ret)
{
	uint64_t hash = hash_text(hash_text(0xcbf29ce484222325ull, root ? root : ""), id);
	int len;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	len = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "tkit/create/%u/%016llx",
		       (unsigned int)geteuid(), (unsigned long long)hash);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Anybody can take or call a name that is in no directory. */
static bool is_own(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

int early_listen(const char *root, const char *id)
{
	_cleanup_close_ int fd = make_socket();
	struct sockaddr_un address;
	socklen_t size = make_address(root, id, &address);

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int reach(const char *root, const char *id)
{
	_cleanup_close_ int fd = make_socket();
	struct sockaddr_un address;
	socklen_t size = make_address(root, id, &address);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, size) < 0)
		return -errno;
	return is_own(fd) ? TAKE_FD(fd) : -EPERM;
}

/* Waits for something to read. 0, -ETIMEDOUT, or -ECANCELED when it came from `stop_fd`. */
static int await_input(int fd, int stop_fd, uint64_t deadline)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
	uint64_t now;

	while ((now = now_ns()) < deadline) {
		int rc = poll(fds, 2, (int)((deadline - now) / 1000000u) + 1);

		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc > 0)
			return fds[1].revents ? -ECANCELED : 0;
	}
	return -ETIMEDOUT;
}

/* ---- the tracer ---- */

void early_order_done(struct early_order *order)
{
	free(order->text);
	if (order->ready_fd >= 0)
		close(order->ready_fd);
	*order = (struct early_order){.ready_fd = -1};
}

/* Cuts `size` bytes of order->text into words. */
static bool cut(struct early_order *order, size_t size)
{
	if (!size || order->text[size - 1])
		return false;
	for (size_t at = 0; at < size; at += strlen(order->text + at) + 1) {
		if (order->count == EARLY_WORDS_MAX)
			return false;
		order->words[order->count++] = order->text + at;
	}
	return true;
}

static bool begins_with(const struct early_order *order, char *const *own, size_t count)
{
	if (count > order->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(order->words[i], own[i]) != 0)
			return false;
	return true;
}

/* 1: a good order. 0: somebody else's, or a bad one. -ECANCELED: called off. */
static int take_order(int fd, int stop_fd, char *const *own, size_t count, struct early_order *ret)
{
	const char taken = TAKEN;
	ssize_t n;

	if (!is_own(fd) || await_input(fd, stop_fd, now_ns() + 1000000000u) < 0)
		return 0;
	*ret = (struct early_order){.text = malloc(ORDER_MAX), .ready_fd = -1};
	if (!ret->text)
		return -ENOMEM;
	n = recv(fd, ret->text, ORDER_MAX, MSG_TRUNC);
	if (n == 1 && !ret->text[0])
		return -ECANCELED;
	if (n <= 0 || n > ORDER_MAX || !cut(ret, (size_t)n) || !begins_with(ret, own, count))
		return 0;
	return send(fd, &taken, 1, MSG_NOSIGNAL) == 1;
}

int early_await(int listen_fd, int stop_fd, char *const *own, size_t count, struct early_order *ret,
		struct err *err)
{
	uint64_t deadline = now_ns() + EARLY_WAIT_NS;
	int rc;

	*ret = (struct early_order){.ready_fd = -1};
	while ((rc = await_input(listen_fd, stop_fd, deadline)) == 0) {
		_cleanup_close_ int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return err_sys(err, -errno, "waiting for the container");
		rc = fd < 0 ? 0 : take_order(fd, stop_fd, own, count, ret);
		if (rc > 0) {
			ret->ready_fd = TAKE_FD(fd);
			return 0;
		}
		early_order_done(ret);
		if (rc < 0)
			break;
	}
	return err_sys(err, rc == -ETIMEDOUT ? -ECANCELED : rc, "waiting for the container");
}

/* ---- who tells it ---- */

int early_tell(const char *root, const char *id, char *const *words, size_t count,
	       uint64_t timeout_ns)
{
	_cleanup_close_ int fd = reach(root, id);
	struct buf order = BUF_INIT;
	char answer = 0;
	ssize_t n;
	int rc;

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < count; i++)
		buf_add(&order, words[i], strlen(words[i]) + 1);
	n = order.failed || order.size > ORDER_MAX ? -1
						   : send(fd, order.data, order.size, MSG_NOSIGNAL);
	buf_done(&order);
	if (n < 0)
		return -E2BIG;
	rc = await_input(fd, -1, now_ns() + timeout_ns);
	if (rc < 0)
		return rc;
	return recv(fd, &answer, 1, 0) == 1 && answer == TAKEN ? TAKE_FD(fd) : -ECONNREFUSED;
}

void early_call_off(const char *root, const char *id)
{
	_cleanup_close_ int fd = reach(root, id);

	if (fd >= 0 && send(fd, "", 1, MSG_NOSIGNAL) < 0)
		errno = 0; /* it is gone by itself */
}
