// SPDX-License-Identifier: MIT
/*
 * What is marked. A file system mark catches every access, through whatever mount and
 * mount namespace; a mount mark only those through that mount (not its clones in
 * another mount namespace). A file system is marked once, by its device number.
 */
#include "fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct marks {
	int fan;
	int mode;
	uint64_t mask;
	bool pseudo;
	bool running; /* what is new now was there unmarked for a moment */
	pid_t pid;
	FILE *table;    /* /proc/PID/mountinfo */
	uint64_t *done; /* device (file system) or mount id of what is marked */
	size_t done_count;
	size_t done_room;
};

/* File systems without files that an image could hold; marking them costs everybody. */
static bool is_pseudo(const char *type)
{
	static const char *const types[] = {
		"autofs",    "binfmt_misc", "bpf",      "cgroup",  "cgroup2",    "configfs",
		"debugfs",   "devpts",      "efivarfs", "fusectl", "hugetlbfs",  "mqueue",
		"nsfs",      "pipefs",      "proc",     "pstore",  "rpc_pipefs", "securityfs",
		"selinuxfs", "sockfs",      "sysfs",    "tracefs"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool is_done(const struct marks *marks, uint64_t key)
{
	for (size_t i = 0; i < marks->done_count; i++)
		if (marks->done[i] == key)
			return true;
	return false;
}

static int add_done(struct marks *marks, uint64_t key)
{
	if (marks->done_count == marks->done_room) {
		size_t room = marks->done_room ? marks->done_room * 2 : 64;
		uint64_t *done = realloc(marks->done, room * sizeof(*done));

		if (!done)
			return -ENOMEM;
		marks->done = done;
		marks->done_room = room;
	}
	marks->done[marks->done_count++] = key;
	return 0;
}

/* mountinfo writes space, tab, newline and backslash as \ooo (proc(5)). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p;) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

/* Marks one mount point, seen through the target's root. Mount points that are hidden
 * below another mount or cannot be marked (no such feature) are skipped. */
static int mark_point(struct tkit_ctx *ctx, struct marks *marks, const char *point)
{
	unsigned int flags = FAN_MARK_ADD;
	char path[PATH_MAX + 64];

	flags |= marks->mode == MARK_MOUNT ? FAN_MARK_MOUNT : FAN_MARK_FILESYSTEM;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)marks->pid, point);
	if (fanotify_mark(marks->fan, flags, marks->mask, AT_FDCWD, path) == 0)
		return 1;
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EINVAL:
	case ENODEV:
	case EOPNOTSUPP:
	case EXDEV:
		tkit_log(ctx, TKIT_LOG_DEBUG, "%s cannot be marked: %m", point);
		return 0;
	case ENOSPC:
		return tkit_fail(ctx, -errno, "too many marks; raise fs.fanotify.max_user_marks");
	default:
		return tkit_fail(ctx, -errno, "marking %s", point);
	}
}

/*
 * The file system that the target's root directory lies on. A chroot's mount table does not
 * list it when the root is no mount point of its own.
 */
static int mark_root(struct tkit_ctx *ctx, struct marks *marks)
{
	struct stat st;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)marks->pid);
	if (stat(path, &st) < 0)
		return tkit_fail(ctx, -errno, "the root directory of process %d", (int)marks->pid);
	rc = mark_point(ctx, marks, "/");
	if (rc == 0)
		return tkit_fail(ctx, -ENODEV, "the root's file system cannot be marked");
	/* Mount marks go by mount id; marking the same mount twice is harmless. */
	if (rc > 0 && marks->mode == MARK_FILESYSTEM)
		rc = add_done(marks, st.st_dev);
	return rc < 0 ? rc : 0;
}

static int mark_line(struct tkit_ctx *ctx, struct marks *marks, char *line)
{
	char *fields[6], *type, *at = line;
	unsigned int major, minor, id;
	uint64_t key;
	int rc;

	for (size_t i = 0; i < 6; i++)
		if (!(fields[i] = strsep(&at, " ")))
			return 0;
	type = at ? strstr(at, "- ") : NULL;
	if (!type || sscanf(fields[0], "%u", &id) != 1 ||    // NOLINT(cert-err34-c): kernel's text
	    sscanf(fields[2], "%u:%u", &major, &minor) != 2) // NOLINT(cert-err34-c)
		return 0;
	type += 2;
	type[strcspn(type, " ")] = '\0';
	if (!marks->pseudo && is_pseudo(type))
		return 0;
	key = marks->mode == MARK_MOUNT ? id : makedev(major, minor);
	if (is_done(marks, key))
		return 0;
	unescape(fields[4]);
	rc = mark_point(ctx, marks, fields[4]);
	if (rc <= 0)
		return rc;
	if (marks->running) {
		char detail[200];

		snprintf(detail, sizeof(detail), "what was opened on %.120s before it was marked",
			 fields[4]);
		rc = tkit_lose(ctx, TKIT_LOSS_UNTRACED, 1, detail);
		if (rc < 0)
			return rc;
	}
	return add_done(marks, key);
}

int marks_update(struct tkit_ctx *ctx, struct marks *marks)
{
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	if (!marks->table)
		return 0;
	rewind(marks->table);
	while (rc == 0 && getline(&line, &room, marks->table) > 0)
		rc = mark_line(ctx, marks, line);
	free(line);
	/* The target's process may be gone by now, and its mount table with it. */
	return rc;
}

static int mark_list(struct tkit_ctx *ctx, struct marks *marks,
		     const struct tkit_option_list *paths)
{
	if (paths->count == 0)
		return tkit_fail(ctx, -EINVAL, "mark=list needs at least one path=...");
	for (size_t i = 0; i < paths->count; i++)
		if (fanotify_mark(marks->fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, marks->mask,
				  AT_FDCWD, paths->items[i]) < 0)
			return tkit_fail(ctx, -errno, "marking %s", paths->items[i]);
	return 0;
}

int marks_new(struct tkit_ctx *ctx, const struct options *options, int fan, pid_t pid,
	      struct marks **ret_marks)
{
	struct marks *marks = calloc(1, sizeof(*marks));
	char path[64];
	int rc;

	if (!marks)
		return tkit_fail(ctx, -ENOMEM, "marks");
	marks->fan = fan;
	marks->mode = options->mark;
	marks->pseudo = options->pseudo;
	marks->pid = pid;
	marks->mask = FAN_OPEN | FAN_OPEN_EXEC | FAN_ONDIR | (options->reads ? FAN_ACCESS : 0);
	if (marks->mode == MARK_LIST) {
		rc = mark_list(ctx, marks, &options->paths);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
		marks->table = fopen(path, "re");
		rc = marks->table ? mark_root(ctx, marks)
				  : tkit_fail(ctx, -errno, "opening %s", path);
		if (rc == 0)
			rc = marks_update(ctx, marks);
	}
	if (rc < 0) {
		marks_free(marks);
		return rc;
	}
	marks->running = true;
	*ret_marks = marks;
	return 0;
}

void marks_free(struct marks *marks)
{
	if (!marks)
		return;
	if (marks->table)
		fclose(marks->table);
	free(marks->done);
	free(marks);
}

int marks_fd(const struct marks *marks)
{
	return marks->table ? fileno(marks->table) : -1;
}
