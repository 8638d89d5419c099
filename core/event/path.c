// SPDX-License-Identifier: MIT
/* From what the program passed to an absolute path in the target's root. */
#include <errno.h>
#include <string.h>

#include <tkit/event.h>

#include "util/bytes.h"

struct joiner {
	char *buf;
	size_t size;
	size_t len;
	bool overflow;
};

typedef uint8_t many __attribute__((vector_size(16)));

/* A slash with another one or a dot behind it, or one in the end, is in the last 16 of 17 bytes. */
static many doubtful(const char *p)
{
	many here, next;

	memcpy(&here, p, sizeof(here));
	memcpy(&next, p + 1, sizeof(next));
	return (many)(here == '/') & ((many)(next == '/') | (many)(next == '.'));
}

/*
 * The path certainly has no "." or empty component, and no slash in its end: it can be taken as it
 * is. Names that begin with a dot are looked at closely, too.
 */
static bool is_plain(struct tkit_bytes path)
{
	uint64_t found[2];
	many sum = {0};
	size_t i;

	if (path.len < 17)
		return false;
	for (i = 0; i + 17 < path.len; i += 16)
		sum |= doubtful(path.ptr + i);
	sum |= doubtful(path.ptr + path.len - 17);
	memcpy(found, &sum, sizeof(found));
	return !(found[0] | found[1]) && path.ptr[path.len - 1] != '/' && path.ptr[0] != '.';
}

/*
 * Appends `part` component by component. "." and empty components go: they never change
 * where a path leads. ".." stays: behind a symlink it does not lead back.
 */
static void join(struct joiner *j, struct tkit_bytes part)
{
	size_t i = 0;

	if (is_plain(part) && j->size - j->len > part.len) {
		if (part.ptr[0] != '/')
			j->buf[j->len++] = '/';
		memcpy(j->buf + j->len, part.ptr, part.len);
		j->len += part.len;
		return;
	}
	while (i < part.len) {
		size_t start = i;

		while (i < part.len && part.ptr[i] != '/')
			i++;
		if (i - start && !(i - start == 1 && part.ptr[start] == '.')) {
			if (j->size - j->len < i - start + 1) {
				j->overflow = true;
				return;
			}
			j->buf[j->len++] = '/';
			memcpy(j->buf + j->len, part.ptr + start, i - start);
			j->len += i - start;
		}
		i++;
	}
}

long tkit_event_abs(const struct tkit_event *event, char *buf, size_t size)
{
	struct joiner j = {.buf = buf, .size = size};

	if (event->pflags & TKIT_P_ABSTRACT)
		return 0;
	if (event->pflags & TKIT_P_FD) {
		if (!(event->valid & TKIT_V_BASE) || !event->base.len || event->base.ptr[0] != '/')
			return 0;
		join(&j, event->base);
	} else {
		if (!(event->valid & TKIT_V_PATH) || !event->path.len)
			return 0;
		if (event->path.ptr[0] == '/') {
			if (event->valid & TKIT_V_ROOT) {
				if (!event->root.len)
					return 0;
				join(&j, event->root);
			}
		} else {
			if (!(event->valid & TKIT_V_BASE) || !event->base.len ||
			    event->base.ptr[0] != '/')
				return 0;
			join(&j, event->base);
		}
		join(&j, event->path);
	}
	if (j.overflow)
		return -ENAMETOOLONG;
	if (j.len == 0) {
		if (size == 0)
			return -ENAMETOOLONG;
		buf[j.len++] = '/';
	}
	return (long)j.len;
}
