// SPDX-License-Identifier: MIT
#include "trace/out.h"

#include "util/bytes.h"
#include "util/digits.h"

static const char hex[] = "0123456789abcdef";

void out_u64(struct out *out, uint64_t value)
{
	char digits[DIGITS_MAX];
	size_t at = digits_put(digits, value);

	out_add(out, digits + at, sizeof(digits) - at);
}

void out_i64(struct out *out, int64_t value)
{
	if (value < 0)
		out_char(out, '-');
	out_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void out_base(struct out *out, uint64_t value, unsigned int shift)
{
	char digits[22];
	size_t at = sizeof(digits);

	do {
		digits[--at] = hex[value & ((1u << shift) - 1)];
		value >>= shift;
	} while (value);
	out_add(out, digits + at, sizeof(digits) - at);
}

void out_hex(struct out *out, uint64_t value)
{
	out_lit(out, "0x");
	out_base(out, value, 4);
}

void out_octal(struct out *out, uint64_t value)
{
	if (value)
		out_char(out, '0');
	out_base(out, value, 3);
}

void out_padded(struct out *out, uint64_t value, unsigned int digits)
{
	uint64_t power = 1;

	while (--digits)
		power *= 10;
	for (; power > 1 && value < power; power /= 10)
		out_char(out, '0');
	out_u64(out, value);
}

bool out_json(struct out *out, struct tkit_bytes text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0, run = 0;
	bool valid = true;

	out_char(out, '"');
	while ((i += json_plain(p + i, text.len - i)) < text.len) {
		unsigned char c = p[i];
		size_t n = c < 0x80 ? 1 : utf8_sequence(p + i, text.len - i);

		if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			i += n;
			continue;
		}
		out_add(out, text.ptr + run, i - run);
		if (n == 0) {
			valid = false;
			out_lit(out, "\xef\xbf\xbd");
		} else if (c == '"' || c == '\\') {
			out_char(out, '\\');
			out_char(out, (char)c);
		} else if (c == '\n') {
			out_lit(out, "\\n");
		} else {
			out_lit(out, "\\u00");
			out_char(out, hex[c >> 4]);
			out_char(out, hex[c & 15]);
		}
		run = ++i;
	}
	if (run < i)
		out_add(out, text.ptr + run, i - run);
	out_char(out, '"');
	return valid;
}

void out_base64(struct out *out, struct tkit_bytes data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)data.ptr;

	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);
		char group[4] = {digits[v >> 18], digits[v >> 12 & 63],
				 left > 1 ? digits[v >> 6 & 63] : '=',
				 left > 2 ? digits[v & 63] : '='};

		out_add(out, group, sizeof(group));
	}
}

static void escaped(struct out *out, struct tkit_bytes text, unsigned char special)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0;

	while (i < text.len) {
		size_t n = utf8_sequence(p + i, text.len - i);
		unsigned char c = p[i];
		/* C1 controls (U+0080..U+009F) drive terminals as well as C0 ones do */
		bool c1 = n == 2 && c == 0xc2 && p[i + 1] < 0xa0;

		if (n && !c1 && c >= 0x20 && c != 0x7f && c != '\\' && c != special) {
			out_add(out, text.ptr + i, n);
			i += n;
			continue;
		}
		if (c == '\n' || c == '\t' || c == '\\' || (c == special && c == '"')) {
			out_char(out, '\\');
			out_char(out, c == '\n' ? 'n' : c == '\t' ? 't' : (char)c);
		} else {
			out_lit(out, "\\x");
			out_char(out, hex[c >> 4]);
			out_char(out, hex[c & 15]);
		}
		i++; /* of a C1 control the second byte comes next, alone and thus invalid */
	}
}

void out_quoted(struct out *out, struct tkit_bytes text)
{
	out_char(out, '"');
	escaped(out, text, '"');
	out_char(out, '"');
}

void out_bracketed(struct out *out, struct tkit_bytes text)
{
	escaped(out, text, '>');
}
