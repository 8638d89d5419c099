// SPDX-License-Identifier: MIT
#include "cli/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

#define MARK      ".tkit-"
#define RANDOM    6   /* characters behind the mark */
#define NAME_KEPT 200 /* bytes of a long name that the temporary one has, too */
#define TRIES     100

struct aside {
	char *path;   /* where it is to be */
	char *temp;   /* where it is until then; NULL = has no name */
	size_t start; /* of the last component of `temp` and `path` */
	int fd;
	bool folder;
	struct aside *next; /* those that exist, for the signal handler */
};

static struct aside *living;

/* ---- signals ---- */

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

static struct sigaction before[DEADLY];

struct dirent_raw {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* Removes the plain files of a folder and the folder. Only calls that a handler may make. */
static void remove_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	union {
		char bytes[4096];
		struct dirent_raw first;
	} buf;
	long n;

	if (fd < 0)
		return;
	while ((n = syscall(SYS_getdents64, fd, &buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent_raw *entry = (const void *)(buf.bytes + at);

			unlinkat(fd, entry->name, 0); /* "." and ".." it does not remove */
			at += entry->reclen;
		}
	close(fd);
	rmdir(path);
}

static void remove_temp(const struct aside *aside)
{
	if (aside->temp && aside->folder)
		remove_folder(aside->temp);
	else if (aside->temp)
		unlink(aside->temp);
}

static void on_deadly(int sig)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};

	for (const struct aside *aside = living; aside; aside = aside->next)
		remove_temp(aside);
	sigaction(sig, &plain, NULL);
	raise(sig); /* comes when the handler returns */
}

static void block(sigset_t *ret_old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < DEADLY; i++)
		sigaddset(&set, deadly[i]);
	sigprocmask(SIG_BLOCK, &set, ret_old);
}

/* Only where a signal would end the process: who ignores or catches one has a reason. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_deadly};

	for (size_t i = 0; i < DEADLY; i++)
		sigaddset(&action.sa_mask, deadly[i]);
	for (size_t i = 0; i < DEADLY; i++)
		if (sigaction(deadly[i], NULL, &before[i]) == 0 && before[i].sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
}

static void leave_signals(void)
{
	for (size_t i = 0; i < DEADLY; i++)
		if (before[i].sa_handler == SIG_DFL)
			sigaction(deadly[i], &before[i], NULL);
}

static void enlist(struct aside *aside)
{
	sigset_t old;

	block(&old);
	if (!living)
		catch_signals();
	aside->next = living;
	living = aside;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void delist(struct aside *aside)
{
	sigset_t old;

	block(&old);
	for (struct aside **at = &living; *at; at = &(*at)->next)
		if (*at == aside) {
			*at = aside->next;
			break;
		}
	if (!living)
		leave_signals();
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* ---- names and locks ---- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* "dir/.name.tkit-" */
static char *temp_head(const char *path, size_t start)
{
	char *head = NULL;

	return asprintf(&head, "%.*s.%.*s" MARK, (int)start, path, NAME_KEPT, path + start) < 0
		       ? NULL
		       : head;
}

static char *temp_name(const struct aside *aside)
{
	_cleanup_free_ char *head = temp_head(aside->path, aside->start);
	unsigned char raw[RANDOM];
	char tail[RANDOM + 1] = "", *name = NULL;

	if (!head || getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return NULL;
	for (size_t i = 0; i < RANDOM; i++)
		tail[i] = letters[raw[i] % (sizeof(letters) - 1)];
	return asprintf(&name, "%s%s", head, tail) < 0 ? NULL : name;
}

static bool is_temp_name(const char *name, const char *head)
{
	size_t len = strlen(head);

	return strncmp(name, head, len) == 0 && strlen(name) == len + RANDOM &&
	       strspn(name + len, letters) == RANDOM;
}

/* Still what stands under that name: a cleaner may have been faster than the lock. */
static bool is_there(int fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(name, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Opens what was made under aside->temp and locks it. 1: it went away meanwhile. */
static int lock_own(struct aside *aside)
{
	if (aside->fd < 0)
		aside->fd = open(aside->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (aside->fd < 0)
		return errno == ENOENT ? 1 : -errno;
	/* Where there are no locks nobody can take what is not locked for a leftover. */
	if ((flock(aside->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
	    !is_there(aside->fd, aside->temp)) {
		close(aside->fd);
		aside->fd = -1;
		return 1;
	}
	return 0;
}

/* One name, made and locked. 1: try another. */
static int make_named(struct aside *aside)
{
	int rc;

	free(TAKE_PTR(aside->temp));
	aside->temp = temp_name(aside);
	if (!aside->temp)
		return -ENOMEM;
	if (aside->folder)
		rc = mkdir(aside->temp, 0700);
	else
		rc = aside->fd =
			open(aside->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (rc >= 0)
		return lock_own(aside);
	rc = errno == EEXIST ? 1 : -errno;
	free(TAKE_PTR(aside->temp));
	return rc;
}

/* A file without a name, if it can get one later. */
static int make_nameless(struct aside *aside)
{
	_cleanup_free_ char *dir = aside->start ? strndup(aside->path, aside->start) : strdup(".");

	if (!dir || access("/proc/self/fd", X_OK) < 0)
		return -ENOMEM;
	aside->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return aside->fd < 0 ? -errno : 0;
}

/* ---- leftovers ---- */

static bool only_files(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		     !S_ISREG(st.st_mode)))
			return false;
	return d != NULL;
}

/* `name` (a whole path) has the form of a temporary one. */
static void remove_leftover(const char *name)
{
	_cleanup_close_ int fd =
		open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    !is_there(fd, name))
		return;
	if (S_ISREG(st.st_mode))
		unlink(name);
	else if (only_files(fd))
		remove_folder(name);
}

static void remove_leftovers(const struct aside *aside)
{
	_cleanup_free_ char *head = temp_head(aside->path, aside->start);
	_cleanup_free_ char *dir = aside->start ? strndup(aside->path, aside->start) : strdup(".");
	_cleanup_closedir_ DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *entry;

	while (head && d && (entry = readdir(d))) {
		_cleanup_free_ char *name = NULL;

		if (!is_temp_name(entry->d_name, head + aside->start))
			continue;
		if (asprintf(&name, "%.*s%s", (int)aside->start, aside->path, entry->d_name) < 0)
			name = NULL;
		if (name)
			remove_leftover(name);
	}
}

/* ---- the whole ---- */

int aside_new(const char *path, bool folder, struct aside **ret)
{
	struct aside *aside = calloc(1, sizeof(*aside));
	size_t len = strlen(path);
	int rc = 1;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (aside)
		aside->path = strndup(path, len);
	if (!aside || !aside->path) {
		free(aside);
		return -ENOMEM;
	}
	aside->folder = folder;
	aside->fd = -1;
	while (len && path[len - 1] != '/')
		len--;
	aside->start = len;
	enlist(aside);
	remove_leftovers(aside);
	if (!folder)
		rc = make_nameless(aside) < 0 ? 1 : 0;
	for (int i = 0; rc == 1 && i < TRIES; i++)
		rc = make_named(aside);
	if (rc) {
		aside_free(aside);
		return rc < 0 ? rc : -EEXIST;
	}
	*ret = aside;
	return 0;
}

int aside_fd(const struct aside *aside)
{
	return aside->fd;
}

const char *aside_name(const struct aside *aside)
{
	return aside->temp;
}

/* Gives a nameless file its place, or a temporary name if there is something. */
static int link_file(struct aside *aside)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", aside->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, aside->path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	for (int i = 0; errno == EEXIST && i < TRIES; i++) {
		aside->temp = temp_name(aside);
		if (!aside->temp)
			return -ENOMEM;
		if (linkat(AT_FDCWD, self, AT_FDCWD, aside->temp, AT_SYMLINK_FOLLOW) == 0)
			return 1;
		free(TAKE_PTR(aside->temp));
	}
	return -errno;
}

int aside_place_file(struct aside *aside)
{
	int rc = aside->temp ? 1 : link_file(aside);

	if (rc > 0 && rename(aside->temp, aside->path) < 0)
		return -errno;
	if (rc > 0)
		free(TAKE_PTR(aside->temp));
	return rc < 0 ? rc : 0;
}

int aside_place_folder(struct aside *aside, bool exchange)
{
	if (exchange)
		return renameat2(AT_FDCWD, aside->temp, AT_FDCWD, aside->path, RENAME_EXCHANGE) < 0
			       ? -errno
			       : 0;
	if (rename(aside->temp, aside->path) < 0)
		return -errno;
	free(TAKE_PTR(aside->temp));
	return 0;
}

void aside_free(struct aside *aside)
{
	if (!aside)
		return;
	remove_temp(aside);
	delist(aside);
	cleanup_close(&aside->fd);
	free(aside->path);
	free(aside->temp);
	free(aside);
}
