// SPDX-License-Identifier: MIT
#include "util/bytes.h"

size_t utf8_sequence(const unsigned char *p, size_t len)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || len < 2 || (p[1] & 0xc0) != 0x80)
		return 0;
	if (p[0] < 0xe0)
		return 2;
	if (len < 3 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (p[0] < 0xf0) {
		/* overlong forms and UTF-16 surrogates */
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] > 0xf4 || len < 4 || (p[3] & 0xc0) != 0x80)
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

bool bytes_utf8(struct tkit_bytes text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;
	size_t i = 0;

	while (i < text.len) {
		size_t n = utf8_sequence(p + i, text.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t r = (__uint128_t)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static uint64_t load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Multiply-and-fold over 16 bytes a step; the construction is that of wyhash. */
uint64_t bytes_hash(struct tkit_bytes text, uint64_t seed)
{
	static const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
	const char *p = text.ptr;
	size_t left = text.len;
	uint64_t a = 0, b = 0;

	seed ^= k0;
	for (; left > 16; p += 16, left -= 16)
		seed = mix(load64(p) ^ k1, load64(p + 8) ^ seed);
	if (left >= 8) {
		a = load64(p);
		b = load64(p + left - 8);
	} else if (left >= 4) {
		a = load32(p);
		b = load32(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 |
		    (uint64_t)(unsigned char)p[left / 2] << 8 | (unsigned char)p[left - 1];
	}
	return mix(k1 ^ text.len, mix(a ^ k1, b ^ seed));
}
