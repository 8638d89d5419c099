// SPDX-License-Identifier: MIT
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/aside.h"
#include "cli/out_advice.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define FLUSH_SIZE (64u * 1024)

enum out_kind { OUT_STREAM, OUT_FILE, OUT_FOLDER };

struct tkit_out {
	enum out_kind kind;
	int fd;              /* where written bytes go */
	struct aside *aside; /* of a file or folder, until it is in place */
	int error;           /* first failed write */
	bool color;
	bool force;
	char *name; /* as given, for messages */
	char *path; /* where it is to be in the end */
	struct buf buf;
};

static void free_out(struct tkit_out *out)
{
	if (out->kind == OUT_STREAM && out->fd > STDERR_FILENO)
		close(out->fd);
	aside_free(out->aside);
	free(out->name);
	free(out->path);
	buf_done(&out->buf);
	free(out);
}

static struct tkit_out *new_out(enum out_kind kind, const char *name)
{
	struct tkit_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->kind = kind;
	out->fd = STDOUT_FILENO;
	out->name = strdup(name);
	if (!out->name) {
		free_out(out);
		return NULL;
	}
	return out;
}

/* What the mode of a new file or folder would be. The umask can only be read by setting it. */
static mode_t masked(mode_t mode)
{
	mode_t mask = umask(077);

	umask(mask);
	return mode & ~mask;
}

static bool shows_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (!no_color || !*no_color) && (!term || strcmp(term, "dumb") != 0);
}

static int open_aside(struct tkit_out *out, mode_t mode, struct err *err)
{
	int rc = out->path ? aside_new(out->path, out->kind == OUT_FOLDER, &out->aside) : -ENOMEM;

	if (rc < 0)
		return out_denied(out->name, rc, err);
	if (out->kind == OUT_FILE)
		out->fd = aside_fd(out->aside);
	if (fchmod(aside_fd(out->aside), mode) < 0)
		return err_sys(err, -errno, "creating %s", out->name);
	return 0;
}

int out_open_file(const char *path, unsigned int mode, struct tkit_out **ret_out, struct err *err)
{
	bool to_stdout = !path || !strcmp(path, "-");
	struct tkit_out *out = new_out(OUT_STREAM, to_stdout ? "standard output" : path);
	struct stat st;
	bool exists;
	int rc = 0;

	if (!out)
		return err_sys(err, -ENOMEM, "opening the output");
	if (to_stdout) {
		out->color = shows_color(out->fd);
		*ret_out = out;
		return 0;
	}
	exists = stat(path, &st) == 0;
	if (!exists && errno != ENOENT) {
		rc = out_denied(path, -errno, err);
	} else if (exists && S_ISDIR(st.st_mode)) {
		rc = err_set(err, -EISDIR, "%s is a folder; give the name of a file with -o", path);
	} else if (exists && !S_ISREG(st.st_mode)) {
		out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (out->fd < 0)
			rc = err_sys(err, -errno, "opening %s", path);
		else
			out->color = shows_color(out->fd);
	} else {
		out->kind = OUT_FILE;
		/* Through a symlink to the file itself, which may be in another directory. */
		out->path = exists ? realpath(path, NULL) : strdup(path);
		rc = exists && out->path ? out_replaceable(out->path, err) : 0;
		if (rc == 0)
			rc = open_aside(out, exists ? st.st_mode & 0777 : masked(mode), err);
	}
	if (rc < 0) {
		out_abandon(out);
		return rc;
	}
	*ret_out = out;
	return 0;
}

/* Calls fn for each name in a folder but "." and "..". 1: fn said stop. 0 or -errno. */
static int each_name(const char *path, int (*fn)(void *arg, int fd, const char *name), void *arg)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = fn(arg, dirfd(dir), entry->d_name);
	return rc ? rc : -errno;
}

static int any_name(void *arg, int fd, const char *name)
{
	return 1;
}

static int not_plain(void *arg, int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : 1;
}

static int sync_name(void *arg, int fd, const char *name)
{
	_cleanup_close_ int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return file < 0 || fsync(file) < 0 ? -errno : 0;
}

/* May a folder of that name be put there? */
static int check_folder(const char *path, bool force, struct err *err)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : out_denied(path, -errno, err);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s exists and is no folder", path);
	rc = out_replaceable(path, err);
	if (rc < 0)
		return rc;
	rc = each_name(path, force ? not_plain : any_name, NULL);
	if (rc < 0)
		return err_sys(err, rc, "looking into %s", path);
	if (rc && force)
		return err_set(
			err, -ENOTEMPTY,
			"%s holds more than plain files, so tkit did not make it; not replaced",
			path);
	if (rc)
		return err_set(err, -ENOTEMPTY, "folder %s is not empty; --force replaces it",
			       path);
	return 0;
}

int out_open_folder(const char *path, bool force, struct tkit_out **ret_out, struct err *err)
{
	struct tkit_out *out;
	int rc = check_folder(path, force, err);

	if (rc < 0)
		return rc;
	out = new_out(OUT_FOLDER, path);
	if (!out)
		return err_sys(err, -ENOMEM, "creating %s", path);
	out->force = force;
	out->color = shows_color(out->fd);
	out->path = strdup(path);
	rc = open_aside(out, masked(0777), err);
	if (rc < 0) {
		out_abandon(out);
		return rc;
	}
	*ret_out = out;
	return 0;
}

static void flush_out(struct tkit_out *out)
{
	size_t at = 0;

	if (out->buf.failed && !out->error)
		out->error = -ENOMEM;
	while (!out->error && at < out->buf.size) {
		ssize_t n = write(out->fd, out->buf.data + at, out->buf.size - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR)
			out->error = -errno;
	}
	buf_clear(&out->buf);
}

static int written(struct tkit_out *out)
{
	if (out->buf.failed || out->buf.size >= FLUSH_SIZE)
		flush_out(out);
	return out->error;
}

int tkit_out_write(struct tkit_out *out, const void *data, size_t size)
{
	buf_add(&out->buf, data, size);
	return written(out);
}

int tkit_out_printf(struct tkit_out *out, const char *fmt, ...)
{
	char text[512], *large = NULL;
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len >= (int)sizeof(text))
		len = vasprintf(&large, fmt, again);
	va_end(again);
	va_end(ap);
	if (len < 0)
		out->buf.failed = true;
	else
		buf_add(&out->buf, large ? large : text, (size_t)len);
	free(large);
	return written(out);
}

int tkit_out_path(struct tkit_out *out, struct tkit_bytes path)
{
	buf_escaped(&out->buf, path);
	return written(out);
}

int tkit_out_json(struct tkit_out *out, struct tkit_bytes text)
{
	buf_json(&out->buf, text);
	return written(out);
}

int tkit_out_color(struct tkit_out *out)
{
	return out->color;
}

int tkit_out_create(struct tkit_out *out, const char *name, unsigned int mode)
{
	int fd;

	if (out->kind != OUT_FOLDER || !*name || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return -EINVAL;
	fd = openat(aside_fd(out->aside), name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

/* Makes the rename itself safe from a crash. Not all file systems can; that is no failure. */
static void sync_parent(const char *path)
{
	size_t len = strlen(path);
	_cleanup_free_ char *parent = NULL;
	_cleanup_close_ int fd = -1;

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	parent = len ? strndup(path, len) : strdup(".");
	fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0)
		fsync(fd);
}

static int place_folder(struct tkit_out *out, struct err *err)
{
	int rc = each_name(aside_name(out->aside), sync_name, NULL);

	if (rc < 0 || fsync(aside_fd(out->aside)) < 0)
		return err_sys(err, rc < 0 ? rc : -errno, "writing %s", out->name);
	/* Over an empty folder, too. */
	rc = aside_place_folder(out->aside, false);
	if (rc == -ENOTEMPTY || rc == -EEXIST) {
		rc = check_folder(out->path, out->force, err);
		if (rc < 0)
			return rc;
		rc = aside_place_folder(out->aside, true);
	}
	return rc < 0 ? err_sys(err, rc, "putting %s in place", out->name) : 0;
}

static int place_file(struct tkit_out *out, struct err *err)
{
	int rc;

	if (fsync(out->fd) < 0 && errno != EINVAL)
		return err_sys(err, -errno, "writing %s", out->name);
	rc = aside_place_file(out->aside);
	return rc < 0 ? err_sys(err, rc, "putting %s in place", out->name) : 0;
}

int out_error(const struct tkit_out *out)
{
	return out->error;
}

int out_commit(struct tkit_out *out, struct err *err)
{
	int rc = 0;

	flush_out(out);
	if (out->error)
		rc = err_sys(err, out->error, "writing to %s",
			     out->kind == OUT_FOLDER ? "standard output" : out->name);
	if (!rc && out->kind == OUT_FILE)
		rc = place_file(out, err);
	else if (!rc && out->kind == OUT_FOLDER)
		rc = place_folder(out, err);
	if (rc) {
		out_abandon(out);
		return rc;
	}
	if (out->kind != OUT_STREAM)
		sync_parent(out->path);
	free_out(out);
	return 0;
}

void out_abandon(struct tkit_out *out)
{
	if (!out)
		return;
	free_out(out);
}
