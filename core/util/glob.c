// SPDX-License-Identifier: MIT
#include "util/glob.h"

#include <string.h>

#include "util/bytes.h"

/*
 * One element of the pattern at `at` against one byte. Returns the element's length if it
 * matches, 0 if not. Not for stars.
 */
static size_t match_one(struct tkit_bytes pattern, size_t at, unsigned char c)
{
	const unsigned char *p = (const unsigned char *)pattern.ptr;
	size_t i = at + 1;
	bool negated = false, hit = false;

	if (p[at] == '?')
		return c != '/';
	if (p[at] == '\\' && at + 1 < pattern.len)
		return p[at + 1] == c ? 2 : 0;
	if (p[at] != '[')
		return p[at] == c;
	if (i < pattern.len && (p[i] == '!' || p[i] == '^')) {
		negated = true;
		i++;
	}
	for (size_t first = i; i < pattern.len && (p[i] != ']' || i == first);) {
		unsigned char low = p[i], high;

		if (low == '\\' && i + 1 < pattern.len)
			low = p[++i];
		i++;
		high = low;
		if (i + 1 < pattern.len && p[i] == '-' && p[i + 1] != ']') {
			high = p[i + 1];
			i += 2;
			if (high == '\\' && i < pattern.len)
				high = p[i++];
		}
		hit |= low <= c && c <= high;
	}
	if (i >= pattern.len) /* no closing bracket: an ordinary byte */
		return c == '[';
	return hit != negated && c != '/' ? i + 1 - at : 0;
}

/*
 * On a mismatch only the last star can help: an earlier `*` of the same component, or an
 * earlier `**`, could only swallow what the last one swallows as well.
 */
bool glob_match(struct tkit_bytes pattern, struct tkit_bytes path)
{
	size_t p = 0, t = 0;
	size_t star = SIZE_MAX, star_t = 0;   /* behind the last `*`, where it ends in path */
	size_t globe = SIZE_MAX, globe_t = 0; /* the same for `**` */

	for (;;) {
		size_t n;

		if (p + 1 < pattern.len && pattern.ptr[p] == '*' && pattern.ptr[p + 1] == '*') {
			while (p < pattern.len && pattern.ptr[p] == '*')
				p++;
			/* between slashes: whole components, or none at all */
			if (p < pattern.len && pattern.ptr[p] == '/' && t > 0 &&
			    path.ptr[t - 1] == '/')
				p++;
			globe = p;
			globe_t = t;
			star = SIZE_MAX;
			continue;
		}
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = ++p;
			star_t = t;
			continue;
		}
		if (p == pattern.len && t == path.len)
			return true;
		n = p < pattern.len && t < path.len
			    ? match_one(pattern, p, (unsigned char)path.ptr[t])
			    : 0;
		if (n) {
			p += n;
			t++;
			continue;
		}
		if (star != SIZE_MAX && star_t < path.len && path.ptr[star_t] != '/') {
			p = star;
			t = ++star_t;
			continue;
		}
		if (globe == SIZE_MAX || globe_t >= path.len)
			return false;
		/* "/x" after a whole-component globe may only begin behind a slash */
		globe_t++;
		if (globe > 0 && pattern.ptr[globe - 1] == '/')
			while (globe_t < path.len && path.ptr[globe_t - 1] != '/')
				globe_t++;
		p = globe;
		t = globe_t;
		star = SIZE_MAX;
	}
}

bool glob_match_below(struct tkit_bytes pattern, struct tkit_bytes path)
{
	while (pattern.len > 1 && pattern.ptr[pattern.len - 1] == '/')
		pattern.len--;
	for (size_t len = path.len; len > 0; len--) {
		if (len < path.len && path.ptr[len] != '/')
			continue;
		if (glob_match(pattern, BYTES(path.ptr, len)))
			return true;
	}
	return bytes_is(pattern, "/");
}

size_t glob_literal(struct tkit_bytes pattern)
{
	size_t slash = 0;

	for (size_t i = 0; i < pattern.len; i++) {
		if (memchr("*?[\\", pattern.ptr[i], 4))
			return slash;
		if (pattern.ptr[i] == '/')
			slash = i;
	}
	return pattern.len;
}
