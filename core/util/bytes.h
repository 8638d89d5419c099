/* SPDX-License-Identifier: MIT */
/* Small helpers on struct tkit_bytes. */
#ifndef UTIL_BYTES_H
#define UTIL_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tkit/event.h>

#define BYTES(ptr, len) ((struct tkit_bytes){(ptr), (len)})
#define BYTES_LIT(lit)  ((struct tkit_bytes){(lit), sizeof(lit) - 1})

static inline struct tkit_bytes bytes_str(const char *s)
{
	return s ? BYTES(s, strlen(s)) : BYTES(NULL, 0);
}

static inline bool bytes_eq(struct tkit_bytes a, struct tkit_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool bytes_is(struct tkit_bytes a, const char *s)
{
	return bytes_eq(a, bytes_str(s));
}

static inline int bytes_cmp(struct tkit_bytes a, struct tkit_bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (c)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool bytes_starts(struct tkit_bytes a, struct tkit_bytes prefix)
{
	return a.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* `path` is `dir` or lies below it; component-wise, so /a is not above /ab. */
static inline bool bytes_below(struct tkit_bytes path, struct tkit_bytes dir)
{
	while (dir.len && dir.ptr[dir.len - 1] == '/')
		dir.len--;
	return bytes_starts(path, dir) && (path.len == dir.len || path.ptr[dir.len] == '/');
}

/* The next line of *rest, without its line feed; false at the end. */
static inline bool bytes_line(struct tkit_bytes *rest, struct tkit_bytes *ret_line)
{
	const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;

	if (!rest->len)
		return false;
	ret_line->ptr = rest->ptr;
	ret_line->len = end ? (size_t)(end - rest->ptr) : rest->len;
	rest->ptr += ret_line->len + !!end;
	rest->len -= ret_line->len + !!end;
	return true;
}

/* The rest of a line that begins with `key` ("Package:"), without the blanks before it. */
static inline bool bytes_field(struct tkit_bytes line, const char *key,
			       struct tkit_bytes *ret_value)
{
	if (!bytes_starts(line, bytes_str(key)))
		return false;
	line = BYTES(line.ptr + strlen(key), line.len - strlen(key));
	while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
		line = BYTES(line.ptr + 1, line.len - 1);
	*ret_value = line;
	return true;
}

/* Whole text is valid UTF-8 (no surrogates, no overlong forms). */
bool bytes_utf8(struct tkit_bytes text);

/* Length of the valid UTF-8 sequence at p (1..4), 0 if there is none. */
size_t utf8_sequence(const unsigned char *p, size_t len);

/* 64-bit hash, seeded: for tables that hold untrusted strings. */
uint64_t bytes_hash(struct tkit_bytes text, uint64_t seed);

#endif
