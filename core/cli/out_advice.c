// SPDX-License-Identifier: MIT
#include "cli/out_advice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

/* The folder that `path` is in; NULL when memory is short. */
static char *folder_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len ? strndup(path, len) : strdup(".");
}

static const char *user_name(uid_t uid, char text[32])
{
	snprintf(text, 32, uid ? "user %u" : "root", uid);
	return text;
}

int out_denied(const char *path, int rc, struct err *err)
{
	_cleanup_free_ char *folder = folder_of(path);
	char owner[32];
	struct stat st;

	if (folder && rc == -ENOENT && stat(folder, &st) < 0 && errno == ENOENT)
		return err_set(err, rc, "creating %s: there is no folder %s", path, folder);
	if (folder && (rc == -EACCES || rc == -EPERM) && stat(folder, &st) == 0)
		return err_set(
			err, rc,
			"creating %s: %s: folder %s belongs to %s; choose a place of your own",
			path, strerror(-rc), folder, user_name(st.st_uid, owner));
	return err_sys(err, rc, "creating %s", path);
}

int out_replaceable(const char *path, struct err *err)
{
	_cleanup_free_ char *folder = folder_of(path);
	struct stat st, above;
	char owner[32];

	if (!folder || lstat(path, &st) < 0 || stat(folder, &above) < 0)
		return 0; /* whoever makes it will see */
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0 && errno == EACCES)
		return out_denied(path, -EACCES, err);
	if (!(above.st_mode & S_ISVTX) || !geteuid() || above.st_uid == geteuid() ||
	    st.st_uid == geteuid())
		return 0;
	return err_set(
		err, -EPERM,
		"%s belongs to %s, and in its folder nobody else can replace it; remove it as that "
		"user, or choose another place",
		path, user_name(st.st_uid, owner));
}
