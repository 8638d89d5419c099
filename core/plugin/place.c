// SPDX-License-Identifier: MIT
#include "plugin/place.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"

void place_own(char *buf)
{
	_cleanup_free_ char *real = NULL;
	Dl_info info;

	buf[0] = '\0';
	if (dladdr(__extension__(void *) place_own, &info))
		real = realpath(info.dli_fname, NULL);
	if (real && strlen(real) < PATH_MAX)
		memcpy(buf, real, strlen(real) + 1);
}

char *place_beside(const char *path, const char *tail)
{
	const char *slash = strrchr(path, '/');
	char *joined = NULL;

	if (!slash || asprintf(&joined, "%.*s/%s", (int)(slash - path), path, tail) < 0)
		return NULL;
	return joined;
}

int place_data(const char *name, char **ret_dir, struct err *err)
{
	/* Beside an installed libtkit; in a build tree, whose libtkit is in lib/. */
	static const char *const places[] = {TKIT_LIB_TO_DATA "/tkit", "tkit", ".."};
	char own[PATH_MAX];

	place_own(own);
	for (size_t i = 0; own[0] && i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_free_ char *dir = place_beside(own, places[i]), *whole = NULL;
		struct stat st;

		if (!dir || asprintf(&whole, "%s/%s", dir, name) < 0)
			return err_sys(err, -ENOMEM, "%s", name);
		if (stat(whole, &st) == 0 && S_ISDIR(st.st_mode)) {
			*ret_dir = TAKE_PTR(whole);
			return 0;
		}
		free(whole);
		whole = NULL;
	}
	return err_set(err, -ENOENT,
		       "tkit's %s files are not installed: they come with its development files",
		       name);
}
