// SPDX-License-Identifier: MIT
#include "session/held.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "session/held_name.h"
#include "session/maps.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/intern.h"
#include "util/num.h"
#include "util/procfs.h"

/* One process, while it is read. */
struct reader {
	const struct held_scope *scope;
	struct held_process process;
	int dir;      /* O_PATH of /proc/PID, or of a living thread in it */
	bool foreign; /* another mount namespace than the target's, and another root directory */
	struct intern seen;
	char exe[PATH_MAX];
	char comm[32];
	int (*fn)(void *arg, const struct held_process *process, const struct held_file *file);
	void *arg;
	struct held_result *result;
};

/* True the first time in this process. */
static int first_time(struct reader *r, const struct held_file *file, const struct identity *id)
{
	struct {
		uint64_t dev, ino, pflags;
		char path[PATH_MAX];
	} key = {id->known ? id->dev : 0, id->known ? id->ino : 0, file->pflags, ""};
	int is_new = 0;

	if (file->path.len > sizeof(key.path))
		return 1;
	memcpy(key.path, file->path.ptr, file->path.len);
	if (intern_add(&r->seen,
		       BYTES((char *)&key, sizeof(key) - sizeof(key.path) + file->path.len),
		       &is_new) == INTERN_NONE)
		return -ENOMEM;
	return is_new;
}

/* `flags`: how it is open; -1 = not known. */
static int tell(struct reader *r, char *text, size_t len, const struct identity *id, bool is_exe,
		long flags)
{
	struct held_file file = {.has_inode = id->full,
				 .dev = id->dev,
				 .ino = id->ino,
				 .mode = id->mode,
				 .has_flags = flags >= 0,
				 .flags = flags >= 0 ? (uint32_t)flags : 0};
	const char *path;
	int rc;

	if (text[0] != '/' || held_is_unnamed(r->scope, text, id))
		return 0;
	/* A file that is mounted by itself, on a mount that hangs nowhere any more. */
	if (strcmp(text, "/") == 0 && id->full && !S_ISDIR(id->mode))
		return 0;
	if (held_cut_deleted(r->dir, text, len, id))
		file.pflags |= TKIT_P_DELETED;
	path = held_inside(r->scope, r->foreign, text, id);
	if (!path)
		file.pflags |= TKIT_P_OUTSIDE_ROOT;
	if (id->full && S_ISLNK(id->mode))
		file.pflags |= TKIT_P_NOFOLLOW;
	file.path = bytes_str(path ? path : text);
	if (is_exe && path) {
		memcpy(r->exe, path, file.path.len);
		r->process.exe = BYTES(r->exe, file.path.len);
	}
	rc = first_time(r, &file, id);
	return rc > 0 ? r->fn(r->arg, &r->process, &file) : rc;
}

/* A failure of an entry of /proc/PID: ended, not allowed, or just gone. */
static int note(struct reader *r, const char *entry, int rc)
{
	if (rc == -ESRCH)
		return rc;
	if (rc != -ENOENT && !r->result->entry) {
		r->result->entry = entry;
		r->result->error = rc;
	}
	return 0;
}

/* How a descriptor is open: "flags:" of its file in fdinfo, proc(5). -1 = not known. */
static long flags_of(int info, const char *name)
{
	_cleanup_close_ int fd = openat(info, name, O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "flags:");
	return at ? strtol(at + strlen("flags:"), NULL, 8) & INT_MAX : -1;
}

/* What a link leads to. `entry` is its name for messages; `flags` as in tell(). */
static int hold_link(struct reader *r, int at, const char *name, const char *entry, long flags)
{
	char text[PATH_MAX];
	struct identity id;
	ssize_t n = readlinkat(at, name, text, sizeof(text) - 1);

	if (n < 0 && errno == ENAMETOOLONG) {
		r->result->truncated++;
		return 0;
	}
	if (n < 0)
		return note(r, entry, -errno);
	text[n] = '\0';
	if (text[0] != '/')
		return 0;
	id = identify(at, name, 0);
	if (!id.full || !S_ISREG(id.mode))
		flags = -1;
	return tell(r, text, (size_t)n, &id, strcmp(entry, "exe") == 0, flags);
}

/* Those that are open for writing, or the others. */
static int hold_some(struct reader *r, DIR *dir, int info, bool writing)
{
	struct dirent *entry;
	int rc = 0;

	rewinddir(dir);
	while (rc >= 0 && (entry = readdir(dir))) {
		long flags;

		if (entry->d_name[0] == '.')
			continue;
		flags = flags_of(info, entry->d_name);
		if ((flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) == writing)
			rc = hold_link(r, dirfd(dir), entry->d_name, "fd", flags);
	}
	return rc;
}

/* A file that is open several times is told once: as one that is written, if it is. */
static int hold_fds(struct reader *r, int at)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int fd = openat(at, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int info = openat(at, "fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return note(r, "fd", -errno);
	dir = fdopendir(fd);
	if (!dir)
		return -ENOMEM;
	TAKE_FD(fd);
	rc = hold_some(r, dir, info, true);
	return rc < 0 ? rc : hold_some(r, dir, info, false);
}

/* The link in map_files has the exact name; without it (rights), the text in maps. */
static int hold_mapping(struct reader *r, const struct maps_entry *entry)
{
	char name[64], text[PATH_MAX];
	struct identity id;
	ssize_t n = -1;

	snprintf(name, sizeof(name), "map_files/%llx-%llx", (unsigned long long)entry->start,
		 (unsigned long long)entry->end);
	n = readlinkat(r->dir, name, text, sizeof(text) - 1);
	id = n < 0 ? (struct identity){0} : identify(r->dir, name, 0);
	if (n < 0 && errno == ENAMETOOLONG) {
		r->result->truncated++;
		return 0;
	}
	if (n < 0 && entry->name.len < sizeof(text))
		n = (ssize_t)maps_unescape(entry->name, text);
	if (n < 0) {
		r->result->truncated++;
		return 0;
	}
	text[n] = '\0';
	if (!id.known)
		id = (struct identity){.known = true, .dev = entry->dev, .ino = entry->ino};
	return tell(r, text, (size_t)n, &id, false, -1);
}

static int new_mapping(struct reader *r, const struct maps_entry *entry)
{
	struct held_file file = {.path = entry->name, .pflags = UINT32_MAX};
	struct identity id = {.known = true, .dev = entry->dev, .ino = entry->ino};

	return first_time(r, &file, &id);
}

static int hold_maps(struct reader *r)
{
	_cleanup_close_ int fd = openat(r->dir, "maps", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int rc = 0;

	if (!file)
		return note(r, "maps", -errno);
	TAKE_FD(fd);
	while (rc >= 0 && (errno = 0, n = getline(&line, &room, file)) > 0) {
		struct maps_entry entry;

		n -= line[n - 1] == '\n';
		if (!maps_parse(BYTES(line, (size_t)n), &entry))
			return note(r, "maps", -EBADMSG);
		if (!entry.ino || !entry.name.len || entry.name.ptr[0] != '/')
			continue;
		rc = new_mapping(r, &entry);
		if (rc > 0)
			rc = hold_mapping(r, &entry);
	}
	return rc >= 0 && errno ? note(r, "maps", -errno) : rc;
}

static int hold_places(struct reader *r, int at)
{
	int rc = hold_link(r, at, "cwd", "cwd", -1);

	return rc < 0 ? rc : hold_link(r, at, "root", "root", -1);
}

/* Threads may have directories (CLONE_FS) and descriptors (CLONE_FILES) of their own. */
static int hold_threads(struct reader *r, const char *skip)
{
	_cleanup_close_ int fd = openat(r->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return note(r, "task", -errno);
	TAKE_FD(fd);
	while (rc >= 0 && (entry = readdir(dir))) {
		_cleanup_close_ int thread = -1;
		int tid;

		if (num_int(entry->d_name, 1, INT_MAX, &tid) < 0 ||
		    strcmp(entry->d_name, skip) == 0)
			continue;
		thread = openat(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (thread < 0)
			continue;
		rc = hold_places(r, thread);
		if (rc >= 0 && syscall(SYS_kcmp, r->process.pid, tid, KCMP_FILES, 0, 0) > 0)
			rc = hold_fds(r, thread);
		rc = rc == -ESRCH ? 0 : rc; /* just this thread has ended */
	}
	return rc;
}

static int read_comm(struct reader *r)
{
	_cleanup_close_ int fd = openat(r->dir, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, r->comm, sizeof(r->comm));

	if (n < 0)
		return -ESRCH;
	n -= n && r->comm[n - 1] == '\n';
	r->process.comm = BYTES(r->comm, (size_t)n);
	return 0;
}

static bool is_foreign(const struct reader *r)
{
	struct identity ns = identify(r->dir, "ns/mnt", 0), root = identify(r->dir, "root", 0);

	if (!r->scope->mnt_ns || !ns.known || ns.ino == r->scope->mnt_ns)
		return false;
	return !root.known || root.dev != r->scope->root_dev || root.ino != r->scope->root_ino;
}

/*
 * A process whose first thread has ended shows nothing in /proc/PID itself, but its other
 * threads do. Makes r->dir that of one that lives; its number goes to `name`.
 */
static int enter(struct reader *r, const struct procfs_stat *stat, char name[16])
{
	int proc;

	snprintf(name, 16, "%d", (int)r->process.pid);
	if (stat->state != 'Z' || stat->threads < 2)
		return 0;
	proc = procfs_living_thread(r->dir, name);
	if (proc < 0)
		return proc;
	close(r->dir);
	r->dir = proc;
	return 0;
}

static int read_all(struct reader *r, const struct procfs_stat *stat)
{
	char name[16];
	int rc = enter(r, stat, name);

	if (rc == 0)
		rc = read_comm(r);
	if (rc < 0)
		return rc;
	r->foreign = is_foreign(r);
	rc = hold_link(r, r->dir, "exe", "exe", -1);
	if (rc >= 0)
		rc = hold_places(r, r->dir);
	if (rc >= 0)
		rc = hold_fds(r, r->dir);
	if (rc >= 0)
		rc = hold_maps(r);
	if (rc >= 0 && stat->threads > 1)
		rc = hold_threads(r, name);
	return rc < 0 ? rc : 0;
}

int held_read(const struct held_scope *scope, pid_t pid, uint64_t start,
	      int (*fn)(void *arg, const struct held_process *process,
			const struct held_file *file),
	      void *arg, struct held_result *ret_result)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct procfs_stat stat = {0};
	char path[32];
	int rc = 0;

	*ret_result = (struct held_result){0};
	if (!r)
		return -ENOMEM;
	*r = (struct reader){.scope = scope,
			     .process = {.pid = pid},
			     .fn = fn,
			     .arg = arg,
			     .result = ret_result};
	intern_init(&r->seen);
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	r->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0 || !procfs_stat_at(r->dir, &stat) || stat.start != start)
		rc = -ESRCH;
	r->process.parent = stat.parent;
	if (rc == 0)
		rc = read_all(r, &stat);
	/* It may have ended in between: then what was read last is not all. */
	if (rc == 0 && (!procfs_stat_at(r->dir, &stat) || stat.state == 'X' ||
			(stat.state == 'Z' && stat.threads < 2)))
		rc = -ESRCH;
	if (r->dir >= 0)
		close(r->dir);
	intern_done(&r->seen);
	free(r);
	return rc;
}
