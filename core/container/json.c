// SPDX-License-Identifier: MIT
#include "container/json.h"

#include <stdio.h>

#include "util/cleanup.h"
#include "util/smallfile.h"

json_t *json_load_small(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	ssize_t n;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return NULL;
	}
	n = smallfile_load(path, &text);
	return n < 0 ? NULL : json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
}
