// SPDX-License-Identifier: MIT
/* Mount tables: one for each mount namespace that processes of the target are in. */
#include "fanotify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The mount namespace that a process is in; 0 if that cannot be told. */
static ino_t space_of(pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

int marks_add_table(struct tkit_ctx *ctx, struct marks *marks, pid_t pid)
{
	struct table *tables = reallocarray(marks->tables, marks->table_count + 1, sizeof(*tables));
	struct table *table;
	char path[64];

	if (!tables)
		return tkit_fail(ctx, -ENOMEM, "mount tables");
	marks->tables = tables;
	table = &tables[marks->table_count];
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	*table = (struct table){.space = space_of(pid), .pid = pid, .file = fopen(path, "re")};
	if (!table->file && marks->table_count)
		return 0; /* gone meanwhile */
	if (!table->file)
		return tkit_fail(ctx, -errno, "opening %s", path);
	marks->table_count++;
	return 1;
}

int marks_join(struct tkit_ctx *ctx, struct marks *marks, pid_t pid)
{
	ino_t space = marks->table_count ? space_of(pid) : 0;
	int rc;

	if (!space || marks->mode != MARK_FILESYSTEM)
		return 0;
	for (size_t i = 0; i < marks->table_count; i++)
		if (marks->tables[i].space == space) {
			if (space_of(marks->tables[i].pid) != space)
				marks->tables[i].pid = pid;
			return 0;
		}
	if (marks->table_count == MARKS_TABLES_MAX) {
		if (marks->crowded)
			return 0;
		marks->crowded = true;
		return tkit_lose(ctx, TKIT_LOSS_UNTRACED, 1,
				 "file systems mounted in further mount namespaces");
	}
	rc = marks_add_table(ctx, marks, pid);
	return rc > 0 ? marks_read_table(ctx, marks, &marks->tables[marks->table_count - 1]) : rc;
}

void marks_prune(struct marks *marks)
{
	for (size_t i = marks->table_count; i-- > 1;) {
		if (space_of(marks->tables[i].pid) == marks->tables[i].space)
			continue;
		/* An open table keeps the namespace, and what is mounted in it. */
		fclose(marks->tables[i].file);
		marks->tables[i] = marks->tables[--marks->table_count];
	}
}

size_t marks_poll(const struct marks *marks, struct pollfd *fds)
{
	for (size_t i = 0; i < marks->table_count; i++)
		fds[i] = (struct pollfd){.fd = fileno(marks->tables[i].file), .events = POLLPRI};
	return marks->table_count;
}
