/* SPDX-License-Identifier: MIT */
/*
 * Text into a buffer of fixed size, as snprintf does it: what does not fit is counted but
 * not written. No malloc, no locale.
 */
#ifndef TRACE_OUT_H
#define TRACE_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tkit/event.h>

struct out {
	char *data;
	size_t size; /* of `data` */
	size_t len;  /* needed so far */
};

static inline void out_add(struct out *out, const char *text, size_t len)
{
	if (out->len < out->size) {
		size_t room = out->size - out->len;

		memcpy(out->data + out->len, text, len < room ? len : room);
	}
	out->len += len;
}

static inline void out_char(struct out *out, char c)
{
	if (out->len < out->size)
		out->data[out->len] = c;
	out->len++;
}

#define out_lit(out, lit) out_add(out, lit, sizeof(lit) - 1)

static inline void out_str(struct out *out, const char *text)
{
	out_add(out, text, strlen(text));
}

void out_u64(struct out *out, uint64_t value);
void out_i64(struct out *out, int64_t value);
void out_hex(struct out *out, uint64_t value);   /* 0x1f */
void out_octal(struct out *out, uint64_t value); /* 0644 */
void out_padded(struct out *out, uint64_t value, unsigned int digits);

/* JSON string with its quotes; invalid UTF-8 becomes U+FFFD, and false is returned. */
bool out_json(struct out *out, struct tkit_bytes text);
void out_base64(struct out *out, struct tkit_bytes data);

/* C string with its quotes: controls, `"`, `\\` and what is no UTF-8 escaped. */
void out_quoted(struct out *out, struct tkit_bytes text);
/* The same without quotes; `>` escaped, for use between < and >. */
void out_bracketed(struct out *out, struct tkit_bytes text);

#endif
