// SPDX-License-Identifier: MIT
/* Files and trees that workloads need. */
#include "work.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PER_DIRECTORY 100

void write_file(const char *name, const char *fmt, ...)
{
	FILE *file = fopen(name, "we");
	va_list ap;

	need(file != NULL, name);
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	need(fclose(file) == 0, name);
}

void make_tree(const struct work *work, long count, size_t size)
{
	char path[3 * NAME_SIZE];
	char *content = malloc(size + 1);

	need(content != NULL, "memory");
	memset(content, 'x', size);
	content[size] = '\0';
	need(mkdir("tree", 0700) == 0, "tree");
	for (long i = 0; i < count; i++) {
		long dir = i / PER_DIRECTORY;

		snprintf(path, sizeof(path), "tree/%sd%ld", work->token, dir);
		if (i % PER_DIRECTORY == 0)
			need(mkdir(path, 0700) == 0, path);
		snprintf(path, sizeof(path), "tree/%sd%ld/%sf%ld", work->token, dir, work->token,
			 i);
		write_file(path, "%ld %s\n", i, content);
	}
	free(content);
}
