// SPDX-License-Identifier: MIT
#include "bench/dir.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int dir_make(char *buf, size_t size, struct err *err)
{
	const char *base = getenv("TMPDIR");
	int len = snprintf(buf, size, "%s/tkit-bench.XXXXXX", base && *base ? base : "/tmp");

	if (len < 0 || (size_t)len >= size) {
		*buf = '\0';
		return err_set(err, -ENAMETOOLONG,
			       "the name of the temporary directory is too long");
	}
	if (!mkdtemp(buf)) {
		int rc = err_sys(err, -errno, "making a directory %s", buf);

		*buf = '\0';
		return rc;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void dir_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
