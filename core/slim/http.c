// SPDX-License-Identifier: MIT
#include "slim/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/num.h"
#include "util/proc.h"

#define RETRY (20 * PROC_MS)

/* ---- URLs ---- */

static int bad_url(const char *text, struct err *err)
{
	if (strncmp(text, "https:", 6) == 0)
		return err_set(err, -EPROTONOSUPPORT,
			       "%s: only http is spoken here; for https give a --script or --exec "
			       "with a client",
			       text);
	return err_set(err, -EINVAL, "%s: must be http://HOST[:PORT][/PATH]", text);
}

static bool plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

int http_url_parse(const char *text, struct http_url *ret, struct err *err)
{
	const char *p = text + 7, *end;
	char port[8] = "80";
	int number;
	size_t len;

	if (strncmp(text, "http://", 7) != 0 || !plain(text))
		return bad_url(text, err);
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end)
			return bad_url(text, err);
		len = (size_t)(end++ - p);
	} else {
		len = strcspn(p, ":/?#");
		end = p + len;
	}
	if (!len || len >= sizeof(ret->host))
		return bad_url(text, err);
	memcpy(ret->host, p, len);
	ret->host[len] = '\0';
	if (*end == ':') {
		len = strcspn(++end, "/?#");
		snprintf(port, sizeof(port), "%.*s", len < sizeof(port) ? (int)len : 0, end);
		end += len;
	}
	if (num_int(port, 1, 65535, &number) < 0)
		return bad_url(text, err);
	ret->port = (uint16_t)number;
	len = strcspn(end, "#");
	if (len + 2 > sizeof(ret->path))
		return bad_url(text, err);
	snprintf(ret->path, sizeof(ret->path), "%s%.*s", *end == '/' ? "" : "/", (int)len, end);
	return 0;
}

/* ---- asking ---- */

static int remaining_ms(uint64_t deadline)
{
	uint64_t now = proc_now();

	return now >= deadline ? 0 : (int)((deadline - now) / PROC_MS) + 1;
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd poller = {.fd = fd, .events = events};
	int rc;

	do
		rc = poll(&poller, 1, remaining_ms(deadline));
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(const struct sockaddr *address, socklen_t size, uint64_t deadline)
{
	_cleanup_close_ int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(int);
	int rc, error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, size) < 0 && errno != EINPROGRESS)
		return -errno;
	rc = wait_for(fd, POLLOUT, deadline);
	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
		return error ? -error : -errno;
	return TAKE_FD(fd);
}

static int connect_url(const struct http_url *url, uint64_t deadline)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(url->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(url->port)};
	int fd;

	if (inet_pton(AF_INET6, url->host, &v6.sin6_addr) == 1)
		return connect_to((struct sockaddr *)&v6, sizeof(v6), deadline);
	if (inet_pton(AF_INET, url->host, &v4.sin_addr) == 1)
		return connect_to((struct sockaddr *)&v4, sizeof(v4), deadline);
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = connect_to((struct sockaddr *)&v4, sizeof(v4), deadline);
	if (fd >= 0)
		return fd;
	v6.sin6_addr = in6addr_loopback;
	return connect_to((struct sockaddr *)&v6, sizeof(v6), deadline);
}

static int send_all(int fd, const struct buf *request, uint64_t deadline)
{
	size_t done = 0;

	while (done < request->size) {
		ssize_t n = send(fd, request->data + done, request->size - done, MSG_NOSIGNAL);
		int rc;

		if (n > 0)
			done += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
		else if ((rc = wait_for(fd, POLLOUT, deadline)) < 0)
			return rc;
	}
	return 0;
}

static int receive_all(int fd, struct buf *raw, uint64_t deadline)
{
	while (raw->size < HTTP_ANSWER_MAX) {
		char *to = buf_reserve(raw, 65536);
		ssize_t n;
		int rc;

		if (!to)
			return -ENOMEM;
		n = recv(fd, to, 65536, 0);
		if (n > 0) {
			raw->size += (size_t)n;
			continue;
		}
		if (n == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return raw->size ? 0 : -errno;
		rc = wait_for(fd, POLLIN, deadline);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int ask(const struct http_url *url, uint64_t deadline, struct buf *raw)
{
	_cleanup_(buf_done) struct buf request = BUF_INIT;
	_cleanup_close_ int fd = connect_url(url, deadline);
	bool v6 = strchr(url->host, ':') != NULL;
	int rc;

	if (fd < 0)
		return fd;
	buf_printf(&request,
		   "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: tkit\r\nAccept: */*\r\n"
		   "Connection: close\r\n\r\n",
		   url->path, v6 ? "[" : "", url->host, v6 ? "]" : "", url->port);
	rc = request.failed ? -ENOMEM : send_all(fd, &request, deadline);
	if (rc == 0)
		rc = receive_all(fd, raw, deadline);
	return rc < 0 ? rc : raw->size ? 0 : -ECONNRESET;
}

int http_get(const struct http_url *url, uint64_t deadline, struct buf *raw)
{
	const struct timespec pause = {.tv_nsec = (long)RETRY};

	for (;;) {
		int rc;

		buf_clear(raw);
		rc = ask(url, deadline, raw);
		if (rc == 0 || rc == -ENOMEM || proc_now() + RETRY >= deadline)
			return rc;
		nanosleep(&pause, NULL);
	}
}

/* ---- answers ---- */

/* The value of a header, NULL if it is not there; its length in *ret_len. */
static const char *header(const char *head, size_t size, const char *name, size_t *ret_len)
{
	size_t n = strlen(name);

	for (const char *p = head, *end; p < head + size; p = end + 1) {
		end = memchr(p, '\n', (size_t)(head + size - p));
		if (!end)
			return NULL;
		if ((size_t)(end - p) <= n || p[n] != ':' || strncasecmp(p, name, n) != 0)
			continue;
		p += n + 1;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		*ret_len = (size_t)(end - p);
		if (*ret_len && p[*ret_len - 1] == '\r')
			--*ret_len;
		return p;
	}
	return NULL;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

	if (c >= '0' && c <= '9')
		return c - '0';
	return at && c ? (int)(at - digits) : -1;
}

static int join_chunks(const char *p, size_t size, struct buf *body)
{
	const char *end = p + size;

	for (;;) {
		uint64_t len = 0;
		const char *line = p;

		while (p < end && hex_digit(*p) >= 0 && len < (1ull << 40))
			len = len * 16 + (uint64_t)hex_digit(*p++);
		p = p > line ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		if (!p)
			return -EBADMSG;
		p++;
		if (!len)
			return 0;
		if (len > (uint64_t)(end - p))
			return -EBADMSG;
		buf_add(body, p, (size_t)len);
		p += len;
		if (end - p >= 2 && p[0] == '\r')
			p++;
		if (p == end || *p++ != '\n')
			return -EBADMSG;
	}
}

int http_answer(const char *raw, size_t size, int *ret_status, struct buf *body)
{
	const char *end = memmem(raw, size, "\r\n\r\n", 4), *value;
	size_t head, len;
	int status = 0;

	if (!end || size < 12 || memcmp(raw, "HTTP/1.", 7) != 0 || raw[8] != ' ')
		return -EBADMSG;
	for (int i = 9; i < 12; i++) {
		if (raw[i] < '0' || raw[i] > '9')
			return -EBADMSG;
		status = status * 10 + raw[i] - '0';
	}
	*ret_status = status;
	head = (size_t)(end - raw) + 2;
	end += 4;
	value = header(raw, head, "Transfer-Encoding", &len);
	if (value && len >= 7 && strncasecmp(value, "chunked", 7) == 0)
		return join_chunks(end, size - (size_t)(end - raw), body);
	value = header(raw, head, "Content-Length", &len);
	if (value) {
		char text[24];
		uint64_t want;

		snprintf(text, sizeof(text), "%.*s", len < sizeof(text) ? (int)len : 0, value);
		if (num_u64(text, &want) < 0 || want > size - (size_t)(end - raw))
			return -EBADMSG;
		size = (size_t)(end - raw) + (size_t)want;
	}
	buf_add(body, end, size - (size_t)(end - raw));
	return body->failed ? -ENOMEM : 0;
}
