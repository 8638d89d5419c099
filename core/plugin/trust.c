// SPDX-License-Identifier: MIT
#include "plugin/trust.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "util/cleanup.h"

#define OVERFLOW_UID 65534u /* how an owner outside of the user namespace shows */

bool trust_needed(void)
{
	return geteuid() == 0 || getauxval(AT_SECURE);
}

/* Root here is root of a user namespace only: no more than whoever made it. */
static bool in_user_namespace(void)
{
	static const char *const whole[] = {"0", "0", "4294967295"}; /* inside, outside, count */
	char text[64] = "", *rest = text;
	_cleanup_fclose_ FILE *f = fopen("/proc/self/uid_map", "re");

	if (!f || !fgets(text, sizeof(text), f))
		return false;
	for (size_t i = 0; i < 3; i++) {
		const char *word = strtok_r(rest, " \n", &rest);

		if (!word || strcmp(word, whole[i]))
			return true;
	}
	return false;
}

/*
 * `above`: a directory above the one that holds the file. There, the sticky bit is as
 * good as no write permission: nobody else can move away what is in use.
 */
bool trust_state(const struct stat *st, const struct stat *self, bool above)
{
	mode_t writable = st->st_mode & (S_IWGRP | S_IWOTH);

	if (st->st_uid != 0 && st->st_uid != self->st_uid &&
	    !(st->st_uid == OVERFLOW_UID && in_user_namespace()))
		return false;
	if (S_ISDIR(st->st_mode) && above && st->st_mode & S_ISVTX)
		return true;
	if (writable & S_IWOTH)
		return false;
	if (writable & S_IWGRP && st->st_gid != 0)
		return st->st_gid == self->st_gid && self->st_mode & S_IWGRP;
	return true;
}

/* The file that holds this very code: who can write it needs no plugin. */
static void self_state(struct stat *ret)
{
	Dl_info info;

	if (!dladdr(__extension__(void *) trust_check, &info) || stat(info.dli_fname, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

static int refuse(const char *path, const struct stat *st, struct err *err)
{
	return err_set(
		err, -EPERM,
		"%s: refused with root's rights, because others can write it (owner %u, mode "
		"%04o); make it root's with 'chown root' and 'chmod go-w'",
		path, (unsigned int)st->st_uid, (unsigned int)st->st_mode & 07777);
}

int trust_check(const char *path, const struct stat *st, struct err *err)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);
	struct stat self, above;
	bool first = true;

	if (!trust_needed())
		return 0;
	if (path[0] != '/' || len >= sizeof(dir))
		return err_set(err, -EINVAL, "%s: not an absolute path", path);
	self_state(&self);
	if (!trust_state(st, &self, false))
		return refuse(path, st, err);
	memcpy(dir, path, len + 1);
	while (len > 1) {
		while (len > 1 && dir[len - 1] != '/')
			len--;
		while (len > 1 && dir[len - 1] == '/')
			len--;
		dir[len] = '\0';
		if (lstat(dir, &above) < 0)
			return err_sys(err, -errno, "%s", dir);
		if (!trust_state(&above, &self, !first))
			return refuse(dir, &above, err);
		first = false;
	}
	return 0;
}
