// SPDX-License-Identifier: MIT
#include "container/json.h"

#include <stdio.h>

#include "container/procfile.h"
#include "util/cleanup.h"

json_t *json_load_small(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	ssize_t n;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return NULL;
	}
	n = procfile_load(path, &text);
	return n < 0 ? NULL : json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
}
