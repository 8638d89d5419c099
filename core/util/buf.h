/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer. Running out of memory is remembered (`failed`) and checked once
 * at the end, so that building text needs no check at each step.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tkit/event.h>

struct buf {
	char *data;
	size_t size; /* bytes used */
	size_t room; /* bytes allocated */
	bool failed; /* an allocation failed: content is incomplete */
};

#define BUF_INIT  \
	{         \
		0 \
	}

void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */

/* Makes room for `more` bytes behind the end; returns where they go, or NULL. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *data, size_t size);
void buf_str(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_u64(struct buf *buf, uint64_t value);
void buf_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Path for people: C escapes for control bytes, quotes nothing, keeps valid UTF-8. */
void buf_escaped(struct buf *buf, struct tkit_bytes text);

/* JSON string with its quotes. Invalid UTF-8 becomes U+FFFD; returns false then. */
bool buf_json(struct buf *buf, struct tkit_bytes text);

/* Base64 (RFC 4648, with padding). */
void buf_base64(struct buf *buf, struct tkit_bytes data);

#endif
