// SPDX-License-Identifier: MIT
#include "session/maps.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "util/bytes.h"

/* A number in front of `end`, which is taken too. */
static bool take_number(struct tkit_bytes *line, int base, char end, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < line->len && line->ptr[i] != end; i++) {
		char c = line->ptr[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : 99;

		if (digit >= base || value > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
			return false;
		value = value * (uint64_t)base + (uint64_t)digit;
	}
	if (!i || i == line->len)
		return false;
	*line = BYTES(line->ptr + i + 1, line->len - i - 1);
	*ret = value;
	return true;
}

static bool take_perms(struct tkit_bytes *line)
{
	if (line->len < 5 || line->ptr[4] != ' ')
		return false;
	*line = BYTES(line->ptr + 5, line->len - 5);
	return true;
}

bool maps_parse(struct tkit_bytes line, struct maps_entry *ret_entry)
{
	struct maps_entry entry = {0};
	uint64_t offset, major, minor;

	if (!take_number(&line, 16, '-', &entry.start) ||
	    !take_number(&line, 16, ' ', &entry.end) || !take_perms(&line) ||
	    !take_number(&line, 16, ' ', &offset) || !take_number(&line, 16, ':', &major) ||
	    !take_number(&line, 16, ' ', &minor))
		return false;
	/* The last number has no blank behind it where there is no name. */
	if (!memchr(line.ptr, ' ', line.len)) {
		for (size_t i = 0; i < line.len; i++)
			if (line.ptr[i] < '0' || line.ptr[i] > '9')
				return false;
		if (!line.len)
			return false;
		*ret_entry = entry;
		return true;
	}
	if (!take_number(&line, 10, ' ', &entry.ino) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	while (line.len && line.ptr[0] == ' ')
		line = BYTES(line.ptr + 1, line.len - 1);
	entry.dev = makedev((unsigned int)major, (unsigned int)minor);
	entry.name = line;
	*ret_entry = entry;
	return true;
}

size_t maps_unescape(struct tkit_bytes name, char *buf)
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		bool newline = name.len - i >= 4 && memcmp(name.ptr + i, "\\012", 4) == 0;

		buf[len++] = newline ? '\n' : name.ptr[i];
		i += newline ? 3 : 0;
	}
	return len;
}
