// SPDX-License-Identifier: MIT
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char hex[] = "0123456789abcdef";

void text_done(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

void text_add(struct text *text, const void *data, size_t size)
{
	if (text->failed)
		return;
	if (size > text->room - text->size) {
		size_t room = text->room ? text->room : 512;
		char *grown;

		while (room - text->size < size)
			room *= 2;
		grown = realloc(text->data, room);
		if (!grown) {
			text->failed = 1;
			return;
		}
		text->data = grown;
		text->room = room;
	}
	if (size)
		memcpy(text->data + text->size, data, size);
	text->size += size;
}

void text_str(struct text *text, const char *str)
{
	text_add(text, str, strlen(str));
}

/* Length of the UTF-8 sequence at p, 0 if it is none; no surrogates, no overlong forms. */
static size_t sequence(const unsigned char *p, size_t len)
{
	unsigned int min, value;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] < 0xe0) {
		n = 2;
		min = 0x80;
		value = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3;
		min = 0x800;
		value = p[0] & 0x0f;
	} else if (p[0] >= 0xf0 && p[0] < 0xf5) {
		n = 4;
		min = 0x10000;
		value = p[0] & 0x07;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	if (value < min || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	return n;
}

static int is_utf8(const char *str)
{
	const unsigned char *p = (const unsigned char *)str;
	size_t len = strlen(str);

	while (len) {
		size_t n = sequence(p, len);

		if (!n)
			return 0;
		p += n;
		len -= n;
	}
	return 1;
}

void text_escaped(struct text *text, struct tkit_bytes bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.ptr;

	for (size_t i = 0; i < bytes.len;) {
		size_t n = sequence(p + i, bytes.len - i);
		int c1 = n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0;

		if (p[i] == '\\') {
			text_str(text, "\\\\");
			i++;
		} else if (n && !c1 && p[i] >= 0x20 && p[i] != 0x7f) {
			text_add(text, p + i, n);
			i += n;
		} else {
			char escape[4] = {'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]};

			text_add(text, escape, sizeof(escape));
			i++;
		}
	}
}

int text_json(struct text *text, const char *str)
{
	if (!is_utf8(str))
		return -EILSEQ;
	text_str(text, "\"");
	for (; *str; str++) {
		unsigned char c = (unsigned char)*str;
		char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

		if (c == '"' || c == '\\') {
			escape[1] = *str;
			text_add(text, escape, 2);
		} else if (c < 0x20 || c == 0x7f) {
			text_add(text, escape, 6);
		} else {
			text_add(text, str, 1);
		}
	}
	text_str(text, "\"");
	return 0;
}

static int is_plain(const char *str)
{
	if (!*str)
		return 0;
	for (; *str; str++)
		if (!(*str >= 'a' && *str <= 'z') && !(*str >= 'A' && *str <= 'Z') &&
		    !(*str >= '0' && *str <= '9') && !strchr("/._-+:,@%=", *str))
			return 0;
	return 1;
}

int text_docker(struct text *text, const char *str)
{
	if (!is_utf8(str))
		return -EILSEQ;
	for (const char *p = str; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return -EILSEQ;
	if (is_plain(str)) {
		text_str(text, str);
		return 0;
	}
	text_str(text, "\"");
	for (; *str; str++) {
		if (*str == '"' || *str == '\\' || *str == '$')
			text_str(text, "\\");
		text_add(text, str, 1);
	}
	text_str(text, "\"");
	return 0;
}
