/* SPDX-License-Identifier: MIT */
/* One HTTP/1.1 GET: all that is needed to see that a service answers, and what. */
#ifndef SLIM_HTTP_H
#define SLIM_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

#define HTTP_ANSWER_MAX (16u << 20)

struct http_url {
	char host[256];
	char path[2048]; /* with the query; begins with "/" */
	uint16_t port;
};

/* "http://HOST[:PORT][/PATH]"; HOST may be an IPv6 address in brackets. */
int http_url_parse(const char *text, struct http_url *ret, struct err *err);

/*
 * Asks until something answers or the time is over. `raw` gets the whole answer. A name that
 * is no address is looked for on the loopback interface: the container's network has no other.
 * 0, -ETIMEDOUT, -ECONNREFUSED, ...
 */
int http_get(const struct http_url *url, uint64_t deadline_ns, struct buf *raw);

/* Takes an answer apart: status and body (chunks joined). -EBADMSG if it is none. */
int http_answer(const char *raw, size_t size, int *ret_status, struct buf *body);

#endif
