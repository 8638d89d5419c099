// SPDX-License-Identifier: MIT
/*
 * What is marked. A file system mark catches every access, through whatever mount and
 * mount namespace; a mount mark only those through that mount (not its clones in
 * another mount namespace). A file system is marked once, by its device number.
 * What processes of the target mount in a namespace of their own is found in its mount table.
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

static bool has(const uint64_t *list, size_t count, uint64_t key)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == key)
			return true;
	return false;
}

static int append(uint64_t **list, size_t *count, size_t *room, uint64_t key)
{
	if (*count == *room) {
		size_t more = *room ? *room * 2 : 64;
		uint64_t *bigger = realloc(*list, more * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		*list = bigger;
		*room = more;
	}
	(*list)[(*count)++] = key;
	return 0;
}

static int add_done(struct marks *marks, uint64_t key)
{
	return append(&marks->done, &marks->done_count, &marks->done_room, key);
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

static bool is_there(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return access(path, F_OK) == 0;
}

/* Marks one mount point, seen through the target's root. Mount points that are hidden
 * below another mount or cannot be marked (no such feature) are skipped. */
static int mark_point(struct tkit_ctx *ctx, struct marks *marks, pid_t pid, const char *point)
{
	unsigned int flags = FAN_MARK_ADD;
	char path[PATH_MAX + 64];

	flags |= marks->mode == MARK_MOUNT ? FAN_MARK_MOUNT : FAN_MARK_FILESYSTEM;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, point);
	if (fanotify_mark(marks->fan, flags, marks->mask, AT_FDCWD, path) == 0)
		return 1;
	switch (errno) {
	case ENOENT:
		if (marks->running && !is_there(pid))
			return tkit_lose(ctx, TKIT_LOSS_UNTRACED, 1,
					 "what is mounted after the end of "
					 "the process that led there");
		/* fall through */
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
static int mark_root(struct tkit_ctx *ctx, struct marks *marks, pid_t pid)
{
	const char *point = marks->root ? marks->root : "/";
	struct stat st;
	char path[PATH_MAX + 64];
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, point);
	if (stat(path, &st) < 0)
		return tkit_fail(ctx, -errno, "the root directory of process %d", (int)pid);
	rc = mark_point(ctx, marks, pid, point);
	if (rc == 0)
		return tkit_fail(ctx, -ENODEV, "the root's file system cannot be marked");
	/* Mount marks go by mount id; marking the same mount twice is harmless. */
	if (rc > 0 && marks->mode == MARK_FILESYSTEM)
		rc = add_done(marks, st.st_dev);
	return rc < 0 ? rc : 0;
}

/* One line of a mount table. */
struct line {
	unsigned int id, major, minor;
	char *point;
	char *type;
};

static bool parse_line(char *text, struct line *ret)
{
	char *fields[6], *at = text;

	for (size_t i = 0; i < 6; i++)
		if (!(fields[i] = strsep(&at, " ")))
			return false;
	ret->type = at ? strstr(at, "- ") : NULL;
	if (!ret->type ||
	    sscanf(fields[0], "%u", &ret->id) != 1 || // NOLINT(cert-err34-c): kernel's
	    sscanf(fields[2], "%u:%u", &ret->major, &ret->minor) != 2) // NOLINT(cert-err34-c)
		return false;
	ret->type += 2;
	ret->type[strcspn(ret->type, " ")] = '\0';
	unescape(fields[4]);
	ret->point = fields[4];
	return true;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

static int mark_line(struct tkit_ctx *ctx, struct marks *marks, pid_t pid, const struct line *line)
{
	uint64_t key = marks->mode == MARK_MOUNT ? line->id : makedev(line->major, line->minor);
	char detail[200];
	int rc;

	if (has(marks->done, marks->done_count, key))
		return 0;
	if (!marks->pseudo && is_pseudo(line->type)) {
		marks->noticed += marks->running;
		return add_done(marks, key);
	}
	rc = mark_point(ctx, marks, pid, line->point);
	if (rc <= 0)
		return rc;
	marks->noticed += marks->running;
	if (marks->running) {
		snprintf(detail, sizeof(detail), "what was opened on %.120s before it was marked",
			 line->point);
		rc = tkit_lose(ctx, TKIT_LOSS_UNTRACED, 1, detail);
		if (rc < 0)
			return rc;
	}
	return add_done(marks, key);
}

/* In a hook the container's root is a directory of the host's tree still. */
static bool has_point(FILE *file, const char *point)
{
	struct line line;
	char *text = NULL;
	size_t room = 0;
	bool found = false;

	rewind(file);
	while (!found && getline(&text, &room, file) > 0)
		found = parse_line(text, &line) && strcmp(line.point, point) == 0;
	free(text);
	return found;
}

/* Marks what is new in it, and adds its mounts to the list of mounts. */
int marks_read_table(struct tkit_ctx *ctx, struct marks *marks, const struct table *table)
{
	const char *below = NULL;
	char path[64], *text = NULL;
	FILE *file = table->file;
	struct line line;
	size_t room = 0;
	int rc = 0;

	/* In a hook anew each time: an open one shows the tree as the root was then. */
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)table->pid);
	if (marks->root)
		file = fopen(path, "re");
	if (!file)
		return 0; /* the container is gone, and its mounts with it */
	if (marks->root && has_point(file, marks->root))
		below = marks->root;
	rewind(file);
	while (rc == 0 && getline(&text, &room, file) > 0) {
		if (!parse_line(text, &line) || (below && !is_below(line.point, below)))
			continue;
		rc = append(&marks->mounts, &marks->mount_count, &marks->mount_room, line.id);
		if (rc == 0)
			rc = mark_line(ctx, marks, table->pid, &line);
	}
	free(text);
	if (file != table->file)
		fclose(file);
	return rc;
}

int marks_update(struct tkit_ctx *ctx, struct marks *marks)
{
	int rc = 0;

	marks->mount_count = 0;
	for (size_t i = 0; rc == 0 && i < marks->table_count; i++)
		rc = marks_read_table(ctx, marks, &marks->tables[i]);
	return rc;
}

bool marks_have_mount(const struct marks *marks, uint64_t mount)
{
	return has(marks->mounts, marks->mount_count, mount);
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
	      const char *root, struct marks **ret_marks)
{
	struct marks *marks = calloc(1, sizeof(*marks));
	int rc;

	if (!marks)
		return tkit_fail(ctx, -ENOMEM, "marks");
	marks->fan = fan;
	marks->mode = options->mark;
	marks->pseudo = options->pseudo;
	marks->root = root;
	marks->mask = FAN_OPEN | FAN_OPEN_EXEC | FAN_ONDIR | (options->reads ? FAN_ACCESS : 0);
	if (marks->mode == MARK_LIST) {
		rc = mark_list(ctx, marks, &options->paths);
	} else {
		rc = marks_add_table(ctx, marks, pid);
		if (rc > 0)
			rc = mark_root(ctx, marks, pid);
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
	for (size_t i = 0; i < marks->table_count; i++)
		fclose(marks->tables[i].file);
	free(marks->tables);
	free(marks->mounts);
	free(marks->done);
	free(marks);
}
