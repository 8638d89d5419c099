// SPDX-License-Identifier: MIT
#include "container/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/smallfile.h"

#define BACKUP ".before-tkit"

static const struct install_file docker_files[] = {
	{.path = "/etc/docker/daemon.json", .edit = install_edit_docker},
};
static const struct install_file podman_files[] = {
	{.path = "/etc/containers/containers.conf.d/50-tkit.conf",
	 .own = true,
	 .edit = install_edit_podman_conf},
	{.path = "/etc/containers/oci/hooks.d/tkit.json",
	 .own = true,
	 .edit = install_edit_podman_hook},
};
static const struct install_file containerd_files[] = {
	{.path = "/etc/containerd/config.toml", .edit = install_edit_containerd},
};

static const struct install_engine engines[] = {
	{.name = "docker",
	 .files = docker_files,
	 .file_count = 1,
	 .after = "have docker read it: systemctl reload docker, or kill -HUP of dockerd",
	 .usage = "docker run --runtime %s IMAGE"},
	{.name = "podman",
	 .files = podman_files,
	 .file_count = 2,
	 .usage = "podman --runtime %s run IMAGE, or podman run --annotation "
		  "io.tkit.trace=/DIR IMAGE"},
	{.name = "containerd",
	 .files = containerd_files,
	 .file_count = 1,
	 .after = "have containerd read it: systemctl restart containerd",
	 .usage = "a Kubernetes RuntimeClass with the handler %s"},
};
#define ENGINE_COUNT (sizeof(engines) / sizeof(engines[0]))

const struct install_engine *install_engine_at(unsigned int index)
{
	return index < ENGINE_COUNT ? &engines[index] : NULL;
}

const struct install_engine *install_engine(const char *name)
{
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		if (strcmp(name, engines[i].name) == 0)
			return &engines[i];
	return NULL;
}

bool install_valid_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 63 && !name[len] && name[0] != '-';
}

int install_finish(struct buf *out, char **ret, struct err *err)
{
	buf_char(out, '\0');
	if (out->failed) {
		buf_done(out);
		return err_sys(err, -ENOMEM, "editing");
	}
	*ret = TAKE_PTR(out->data);
	buf_done(out);
	return 0;
}

void install_change_done(struct install_change *change)
{
	free(change->path);
	free(change->before);
	free(change->after);
	*change = (struct install_change){0};
}

bool install_changes(const struct install_change *change)
{
	if (!change->before || !change->after)
		return change->before != change->after;
	return strcmp(change->before, change->after) != 0;
}

/* 0 with *ret = NULL if there is no such file. */
static int load(const char *path, char **ret, struct err *err)
{
	ssize_t n = smallfile_load(path, ret);

	if (n == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (n < 0) {
		*ret = NULL;
		return n == -EINVAL ? err_set(err, -EINVAL, "%s: is no regular file", path)
				    : err_sys(err, (int)n, "%s", path);
	}
	if (strlen(*ret) != (size_t)n)
		return err_set(err, -EBADMSG, "%s: is no text", path);
	return 0;
}

/* The file itself is replaced, not a symlink to it. */
static int find_path(const struct install_spec *spec, const char *path, char **ret, struct err *err)
{
	_cleanup_free_ char *whole = NULL;
	struct stat st;

	if (asprintf(&whole, "%s%s", spec->prefix, path) < 0) {
		whole = NULL;
		return err_sys(err, -ENOMEM, "%s", path);
	}
	*ret = realpath(whole, NULL);
	if (!*ret && errno == ENOENT && lstat(whole, &st) == 0)
		return err_set(err, -ENOENT,
			       "%s: a symlink that leads nowhere; make the file that "
			       "it names, or remove it",
			       whole);
	if (!*ret && errno == ENOENT)
		*ret = TAKE_PTR(whole);
	return *ret ? 0 : err_sys(err, -errno, "%s", whole);
}

/* What the installation made of the backup is what is there: then the backup comes back. */
static int try_backup(const struct install_spec *spec, const struct install_file *file,
		      struct install_change *change, struct err *err)
{
	_cleanup_free_ char *path = NULL, *old = NULL, *made = NULL;
	int rc;

	if (asprintf(&path, "%s" BACKUP, change->path) < 0) {
		path = NULL;
		return err_sys(err, -ENOMEM, "%s", change->path);
	}
	rc = load(path, &old, err);
	if (rc < 0 || !old)
		return rc;
	if (file->edit(spec, old, false, &made, NULL) < 0 || !made || !change->before ||
	    strcmp(made, change->before) != 0)
		return 0; /* somebody changed it since */
	free(change->after);
	change->after = TAKE_PTR(old);
	change->restored = true;
	return 0;
}

int install_plan(const struct install_spec *spec, const struct install_file *file, bool undo,
		 struct install_change *ret, struct err *err)
{
	int rc;

	*ret = (struct install_change){.own = file->own};
	rc = find_path(spec, file->path, &ret->path, err);
	if (rc == 0)
		rc = load(ret->path, &ret->before, err);
	if (rc < 0)
		return rc;
	rc = file->edit(spec, ret->before, undo, &ret->after, err);
	if (rc < 0) {
		err_wrap(err, "%s", ret->path);
		return rc;
	}
	return undo && !file->own && ret->before ? try_backup(spec, file, ret, err) : 0;
}

static int make_parents(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_dir(const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!dir)
		return -ENOMEM;
	*strrchr(dir, '/') = '\0';
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* With owner and mode of `like`, if there is such a file. */
static int replace(const char *path, const char *text, const char *like)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int rc = make_parents(path);

	if (rc < 0)
		return rc;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text);
	if (stat(like, &st) == 0) {
		if (rc == 0 &&
		    (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0))
			rc = -errno;
	} else if (rc == 0 && fchmod(fd, 0644) < 0) {
		rc = -errno;
	}
	if (rc == 0 && rename(temporary, path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(temporary);
		return rc;
	}
	return sync_dir(path);
}

static bool has_tkit(const char *text)
{
	return strstr(text, "oci-runtime") || strstr(text, "# >>> tkit: runtime");
}

/*
 * What was there before any change of ours; one of an earlier installation, which somebody's edit
 * kept from being put back, is out of date.
 */
static int keep_backup(const struct install_change *change, const char *backup)
{
	if (change->own || !change->before || !change->after || !has_tkit(change->after) ||
	    (has_tkit(change->before) && access(backup, F_OK) == 0))
		return 0;
	return replace(backup, change->before, change->path);
}

int install_apply(const struct install_change *change, struct err *err)
{
	_cleanup_free_ char *backup = NULL;
	int rc;

	if (!install_changes(change))
		return 0;
	if (asprintf(&backup, "%s" BACKUP, change->path) < 0) {
		backup = NULL;
		return err_sys(err, -ENOMEM, "%s", change->path);
	}
	rc = change->restored ? 0 : keep_backup(change, backup);
	if (rc < 0)
		return err_sys(err, rc, "%s", backup);
	if (change->after)
		rc = replace(change->path, change->after, change->path);
	else if (unlink(change->path) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(err, rc, "%s", change->path);
	if (change->restored && unlink(backup) < 0)
		return err_sys(err, -errno, "%s", backup);
	return 0;
}
