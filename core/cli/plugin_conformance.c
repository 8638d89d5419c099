// SPDX-License-Identifier: MIT
/*
 * tkit plugin conformance: the workloads and what compares are the project's own tests, which
 * are installed with the development files. This only starts them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/plugin_cli.h"
#include "plugin/place.h"
#include "util/cleanup.h"

#define FIXED_ARGS 10 /* of the words in front of the workloads */

static char *joined(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* Does not return, unless it fails. */
static int execute(const char *kit, char **args, int count, const char *options, bool json,
		   struct err *err)
{
	_cleanup_free_ char *script = joined(kit, "kit.py"), *bin = joined(kit, "bin");
	_cleanup_free_ char **argv = calloc((size_t)count + FIXED_ARGS + 1, sizeof(*argv));
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int at = 0;

	if (!script || !bin || !argv || n < 0)
		return err_sys(err, n < 0 ? -errno : -ENOMEM, "starting the conformance tests");
	exe[n] = '\0';
	argv[at++] = (char *)"python3";
	argv[at++] = (char *)"-B"; /* leaves nothing in the installed folder */
	argv[at++] = script;
	argv[at++] = (char *)"--tkit";
	argv[at++] = exe;
	argv[at++] = (char *)"--bin";
	argv[at++] = bin;
	if (json)
		argv[at++] = (char *)"--json";
	if (options && asprintf(&argv[at], "--options=%s", options) >= 0)
		at++;
	argv[at++] = (char *)"--";
	memcpy(argv + at, args, (size_t)count * sizeof(*argv));
	fflush(stdout);
	execvp(argv[0], argv);
	return err_set(err, -errno, "the conformance tests need python3: %s", strerror(errno));
}

int plugin_cli_conformance(char **args, int count, const char *options, bool json)
{
	_cleanup_free_ char *kit = NULL;
	struct err err = ERR_INIT;
	int rc;

	if (place_data("conformance", &kit, &err) == 0)
		execute(kit, args, count, options, json, &err);
	rc = cli_error(&err);
	err_done(&err);
	return rc;
}
