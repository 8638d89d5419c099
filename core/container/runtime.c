// SPDX-License-Identifier: MIT
#include "container/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/*
 * Options with a value, of runc(8) and crun(1). Where `command` is set, the option has one only
 * with that command: "-f" is a configuration file for crun's create, but --force for delete.
 */
static const struct {
	const char *name;
	const char *command;
} valued[] = {{"root", NULL},
	      {"log", NULL},
	      {"log-format", NULL},
	      {"log-level", NULL},
	      {"criu", NULL},
	      {"rootless", NULL},
	      {"cgroup-manager", NULL},
	      {"bundle", NULL},
	      {"b", NULL},
	      {"config", NULL},
	      {"f", "create"},
	      {"f", "run"},
	      {"console-socket", NULL},
	      {"pid-file", NULL},
	      {"preserve-fds", NULL},
	      {"process", "exec"},
	      {"p", "exec"},
	      {"env", "exec"},
	      {"e", "exec"},
	      {"user", "exec"},
	      {"u", "exec"},
	      {"cap", "exec"},
	      {"c", "exec"},
	      {"cwd", "exec"},
	      {"additional-gids", "exec"},
	      {"g", "exec"},
	      {"process-label", "exec"},
	      {"apparmor", "exec"},
	      {"cgroup", "exec"}};

static bool takes_value(const char *name, const char *command)
{
	for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++)
		if (strcmp(name, valued[i].name) == 0 &&
		    (!valued[i].command || (command && strcmp(command, valued[i].command) == 0)))
			return true;
	return false;
}

/*
 * One option at args[*at], which is moved to its last word: --name VALUE, --name=VALUE, with one
 * dash as well (runc), or -bVALUE (crun).
 */
static void take_option(char *const *args, size_t *at, struct runtime_call *ret)
{
	const char *word = args[*at], *value = NULL;
	const char *name = word + 1 + (word[1] == '-');
	size_t len = strcspn(name, "=");
	char key[32];

	snprintf(key, sizeof(key), "%.*s", (int)(len < sizeof(key) ? len : sizeof(key) - 1), name);
	if (name[len] == '=')
		value = name + len + 1;
	else if (takes_value(key, ret->command) && args[*at + 1])
		value = args[++*at];
	else if (word[1] == 'b' && word[2] && !takes_value(key, ret->command)) {
		ret->bundle = word + 2;
		return;
	}
	if (strcmp(key, "root") == 0 && value)
		ret->root = value;
	else if ((strcmp(key, "bundle") == 0 || strcmp(key, "b") == 0) && value)
		ret->bundle = value;
	else if (strcmp(key, "log") == 0 && value)
		ret->log = value;
	else if (strcmp(key, "log-format") == 0 && value)
		ret->log_format = value;
}

void runtime_log(const struct runtime_call *call, const char *text)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT;
	_cleanup_close_ int fd = -1;

	if (!call->log || call->log[0] != '/')
		return;
	if (call->log_format && strcmp(call->log_format, "json") == 0) {
		buf_str(&line, "{\"level\":\"error\",\"msg\":");
		buf_json(&line, bytes_str(text));
		buf_str(&line, "}\n");
	} else {
		buf_printf(&line, "tkit: %s\n", text);
	}
	fd = open(call->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0 && !line.failed && write(fd, line.data, line.size) < 0)
		errno = 0; /* there is nobody to tell */
}

void runtime_parse(char *const *args, struct runtime_call *ret)
{
	bool options = true;

	*ret = (struct runtime_call){0};
	for (size_t i = 0; args[i]; i++) {
		if (options && strcmp(args[i], "--") == 0) {
			options = false;
		} else if (options && args[i][0] == '-' && args[i][1]) {
			take_option(args, &i, ret);
		} else if (!ret->command) {
			ret->command = args[i];
		} else {
			ret->id = args[i];
			return; /* exec: the rest is the container's own command line */
		}
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
		*ret_path = NULL;
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
