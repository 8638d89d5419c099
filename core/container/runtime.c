// SPDX-License-Identifier: MIT
#include "container/runtime.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

/* Options with a value: runc(8), crun(1) and their subcommands create, run, start. */
static const char *const valued[] = {"--root",
				     "--log",
				     "--log-format",
				     "--log-level",
				     "--criu",
				     "--rootless",
				     "--cgroup-manager",
				     "--bundle",
				     "-b",
				     "--config",
				     "-f",
				     "--console-socket",
				     "--pid-file",
				     "--preserve-fds",
				     NULL};

static bool takes_value(const char *word)
{
	for (size_t i = 0; valued[i]; i++)
		if (strcmp(word, valued[i]) == 0)
			return true;
	return false;
}

/* The value of option `name` at args[*at], which is moved to its last word; NULL if it is another
 * option. */
static const char *value_of(char *const *args, size_t *at, const char *name)
{
	size_t n = strlen(name);

	if (strcmp(args[*at], name) == 0)
		return args[*at + 1] ? args[++*at] : NULL;
	return strncmp(args[*at], name, n) == 0 && args[*at][n] == '=' ? args[*at] + n + 1 : NULL;
}

void runtime_parse(char *const *args, struct runtime_call *ret)
{
	*ret = (struct runtime_call){0};
	for (size_t i = 0; args[i]; i++) {
		const char *value;

		if (args[i][0] != '-' || strcmp(args[i], "-") == 0) {
			if (!ret->command)
				ret->command = args[i];
			else if (!ret->id)
				ret->id = args[i];
			else
				return; /* exec: the container's own command line */
			continue;
		}
		if ((value = value_of(args, &i, "--root")))
			ret->root = value;
		else if ((value = value_of(args, &i, "--bundle")) ||
			 (value = value_of(args, &i, "-b")))
			ret->bundle = value;
		else if (takes_value(args[i]) && args[i + 1])
			i++;
	}
}

static bool is_self(const struct stat *st)
{
	struct stat self;

	return stat("/proc/self/exe", &self) == 0 && self.st_dev == st->st_dev &&
	       self.st_ino == st->st_ino;
}

static bool runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0 &&
	       !is_self(&st);
}

/* Looks a name up in PATH. */
static char *in_path(const char *name)
{
	const char *dirs = getenv("PATH");

	/* Engines start runtimes with a bare environment at times. */
	if (!dirs || !*dirs)
		dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*dirs) {
		int len = (int)strcspn(dirs, ":");
		char *path;

		if (len && dirs[0] == '/') {
			if (asprintf(&path, "%.*s/%s", len, dirs, name) < 0)
				return NULL;
			if (runnable(path))
				return path;
			free(path);
		}
		dirs += len;
		dirs += *dirs == ':';
	}
	return NULL;
}

int runtime_find(const char *given, char **ret_path, struct err *err)
{
	static const char *const names[] = {"runc", "crun", "youki"};

	if (!given || !*given)
		given = getenv("TKIT_REAL_RUNTIME");
	if (given && *given) {
		*ret_path = strchr(given, '/') ? strdup(given) : in_path(given);
		if (!*ret_path)
			return err_set(err, -ENOENT, "there is no OCI runtime '%s' in PATH", given);
		if (runnable(*ret_path))
			return 0;
		free(*ret_path);
		return err_set(err, -EINVAL, "%s cannot be run as OCI runtime, or is tkit itself",
			       given);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		*ret_path = in_path(names[i]);
		if (*ret_path)
			return 0;
	}
	return err_set(err, -ENOENT,
		       "neither runc nor crun is in PATH; name the OCI runtime with --real or "
		       "TKIT_REAL_RUNTIME");
}
