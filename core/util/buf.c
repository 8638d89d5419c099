// SPDX-License-Identifier: MIT
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/digits.h"

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *buf)
{
	buf->size = 0;
	buf->failed = false;
}

char *buf_reserve(struct buf *buf, size_t more)
{
	if (more > buf->room - buf->size) {
		size_t room = buf->room ? buf->room : 256;
		char *data;

		while (room - buf->size < more) {
			if (room > SIZE_MAX / 2) {
				buf->failed = true;
				return NULL;
			}
			room *= 2;
		}
		data = realloc(buf->data, room);
		if (!data) {
			buf->failed = true;
			return NULL;
		}
		buf->data = data;
		buf->room = room;
	}
	return buf->data ? buf->data + buf->size : NULL;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
	char *p = buf_reserve(buf, size);

	if (p && size) {
		memcpy(p, data, size);
		buf->size += size;
	}
}

void buf_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_u64(struct buf *buf, uint64_t value)
{
	char digits[DIGITS_MAX];
	size_t at = digits_put(digits, value);

	buf_add(buf, digits + at, sizeof(digits) - at);
}

void buf_i64(struct buf *buf, int64_t value)
{
	if (value < 0)
		buf_char(buf, '-');
	buf_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : buf_reserve(buf, (size_t)n + 1);
	if (p) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		buf->size += (size_t)n;
	} else {
		buf->failed = true;
	}
	va_end(again);
}

static const char hex[] = "0123456789abcdef";

void buf_escaped(struct buf *buf, struct tkit_bytes text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0;

	while (i < text.len) {
		size_t n = utf8_sequence(p + i, text.len - i);
		unsigned char c = p[i];
		/* C1 controls (U+0080..U+009F) drive terminals as well as C0 ones do */
		bool c1 = n == 2 && c == 0xc2 && p[i + 1] < 0xa0;

		if (n && !c1 && c >= 0x20 && c != 0x7f && c != '\\') {
			buf_add(buf, p + i, n);
			i += n;
			continue;
		}
		if (c == '\n' || c == '\r' || c == '\t' || c == '\\') {
			char named[2] = {'\\', c == '\n'   ? 'n'
					       : c == '\r' ? 'r'
					       : c == '\t' ? 't'
							   : '\\'};

			buf_add(buf, named, 2);
		} else {
			char numbered[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};

			buf_add(buf, numbered, 4);
		}
		i++; /* of a C1 control the second byte comes next, alone and thus invalid */
	}
}

bool buf_json(struct buf *buf, struct tkit_bytes text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0, run = 0;
	bool valid = true;

	buf_char(buf, '"');
	while ((i += json_plain(p + i, text.len - i)) < text.len) {
		size_t n = utf8_sequence(p + i, text.len - i);
		unsigned char c = p[i];

		if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			i += n;
			continue;
		}
		buf_add(buf, p + run, i - run);
		if (n == 0) {
			valid = false;
			buf_str(buf, "\xef\xbf\xbd");
		} else if (c == '"' || c == '\\') {
			char e[2] = {'\\', (char)c};

			buf_add(buf, e, 2);
		} else if (c == '\n') {
			buf_str(buf, "\\n");
		} else {
			char e[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

			buf_add(buf, e, 6);
		}
		run = ++i;
	}
	buf_add(buf, p + run, i - run);
	buf_char(buf, '"');
	return valid;
}

void buf_base64(struct buf *buf, struct tkit_bytes data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)data.ptr;

	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);
		char out[4] = {digits[v >> 18], digits[v >> 12 & 63],
			       left > 1 ? digits[v >> 6 & 63] : '=',
			       left > 2 ? digits[v & 63] : '='};

		buf_add(buf, out, 4);
	}
}
