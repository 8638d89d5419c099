// SPDX-License-Identifier: MIT
#include "rootfs/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void names_done(struct names *names)
{
	buf_done(&names->text);
	free(names->items);
}

static int add_name(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct names *names = arg;

	buf_char(&names->text, (char)type);
	buf_add(&names->text, name.ptr, name.len);
	buf_char(&names->text, '\0');
	names->count++;
	return names->text.failed ? -ENOMEM : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

int names_read(struct names *names, struct tkit_rootfs *fs, struct tkit_bytes dir)
{
	int rc = rootfs_list(fs, dir, add_name, names);
	const char *at = names->text.data;

	if (rc < 0)
		return rc;
	names->items = calloc(names->count ? names->count : 1, sizeof(*names->items));
	if (!names->items)
		return -ENOMEM;
	for (size_t i = 0; i < names->count; i++) {
		names->items[i] = at;
		at += strlen(at + 1) + 2;
	}
	qsort(names->items, names->count, sizeof(*names->items), by_name);
	return 0;
}
