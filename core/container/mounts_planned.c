// SPDX-License-Identifier: MIT
/* What is going to be mounted in a container that is not there yet. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/mounts_priv.h"
#include "session/inroot.h"
#include "util/cleanup.h"
#include "util/procfs.h"

/* Type of the file system that a path of the host's is on; "" if it cannot be told. */
static void type_at(const char *path, char *type, size_t size)
{
	_cleanup_free_ char *text = NULL, *real = realpath(path, NULL);
	struct mountinfo line;
	size_t best = 0;
	char *at;

	*type = '\0';
	if (procfs_text(getpid(), "mountinfo", &text) < 0)
		return;
	at = text;
	while (mountinfo_next(&at, &line)) {
		size_t len = strlen(line.point);

		if (len < best || !mounts_below(real ? real : path, line.point))
			continue;
		best = len;
		snprintf(type, size, "%s", line.type);
	}
}

/* Where a path of the container's file system leads; false if it is not there. */
static bool resolve_there(int root_fd, const char *root, const char *path, char out[PATH_MAX])
{
	_cleanup_close_ int fd = inroot_open(root_fd, *path ? path : "/", O_PATH);
	size_t len = root[1] ? strlen(root) : 0;
	char link[64];
	ssize_t n;

	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n < (ssize_t)len || strncmp(out, root, len) != 0)
		return false;
	out[n] = '\0';
	memmove(out, out + len, (size_t)n - len + 1);
	return true;
}

/* Where a mount comes to lie: symlinks of the container's file system count. The runtime makes
 * what is not there. */
static void resolve(int root_fd, const char *root, const char *destination, char out[PATH_MAX])
{
	char head[PATH_MAX];
	const char *rest = destination + strlen(destination);
	bool found = false;

	snprintf(head, sizeof(head), "%s", destination);
	while (root_fd >= 0 && !(found = resolve_there(root_fd, root, head, out)) && head[0]) {
		char *slash = strrchr(head, '/');

		*slash = '\0';
		rest = destination + (slash - head);
	}
	if (!found || strlen(out) + strlen(rest) >= PATH_MAX) {
		*out = '\0';
		rest = destination;
	}
	snprintf(out + strlen(out), PATH_MAX - strlen(out), "%s", rest);
}

static bool has_option(const json_t *entry, const char *word)
{
	const json_t *option;
	size_t i;

	json_array_foreach(json_object_get(entry, "options"), i, option)
	{
		if (json_string_value(option) && strcmp(json_string_value(option), word) == 0)
			return true;
	}
	return false;
}

/* An entry of config.json, told as the kernel will. False: it is none. */
static bool plan(const json_t *entry, struct mountinfo *line, char *type, size_t type_size)
{
	const char *named = json_member(entry, "type"), *source = json_member(entry, "source");
	const char *destination = json_member(entry, "destination");
	bool bind = has_option(entry, "bind") || has_option(entry, "rbind") ||
		    (named && strcmp(named, "bind") == 0);

	if (!destination || destination[0] != '/' || strlen(destination) >= PATH_MAX)
		return false;
	snprintf(type, type_size, "%s", named ? named : "");
	if (bind && source)
		type_at(source, type, type_size);
	*line = (struct mountinfo){.device = "",
				   .root = bind && source ? source : "/",
				   .point = destination,
				   .options = has_option(entry, "ro") ? "ro" : "rw",
				   .type = type,
				   .source = source ? source : "",
				   .super = ""};
	return true;
}

static int add_planned(struct container_mounts *mounts, size_t *room, const json_t *config,
		       const json_t *entry, const char *id, const char *root, int root_fd)
{
	char at[PATH_MAX], type[64];
	struct mountinfo line;
	struct statx st;
	bool is_file;

	if (!plan(entry, &line, type, sizeof(type)))
		return 0;
	resolve(root_fd, root, line.point, at);
	if (!at[0] || !at[1])
		return 0; /* the root directory */
	is_file = line.root[1] &&
		  statx(AT_FDCWD, line.root, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE,
			&st) == 0 &&
		  !S_ISDIR(st.stx_mode);
	return mounts_add(mounts, room, &(struct mounts_seen){&line, at, id, config, is_file});
}

int container_mounts_planned(const char *id, const char *bundle, struct container_mounts *ret)
{
	_cleanup_json_ json_t *config = json_load_small(bundle, "config.json");
	const char *named = json_member(json_object_get(config, "root"), "path");
	_cleanup_free_ char *path = NULL, *root = NULL;
	_cleanup_close_ int root_fd = -1;
	const json_t *entry;
	size_t room = 0, i;
	int rc = 0;

	*ret = (struct container_mounts){0};
	if (!config)
		return -EBADMSG;
	if (named && asprintf(&path, "%s%s%s", named[0] == '/' ? "" : bundle,
			      named[0] == '/' ? "" : "/", named) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	root = path ? realpath(path, NULL) : NULL;
	if (root)
		root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	json_array_foreach(json_object_get(config, "mounts"), i, entry)
	{
		if (rc == 0 && ret->count < MOUNTS_MAX)
			rc = add_planned(ret, &room, config, entry, id, root, root_fd);
	}
	return mounts_end(ret, rc);
}
