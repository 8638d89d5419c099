// SPDX-License-Identifier: MIT
#include "container/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/container.h"
#include "session/inroot.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/procfs.h"

#define MOUNTS_MAX 4096

static void mount_done(struct tkit_mount_info *mount)
{
	free((char *)mount->destination);
	free((char *)mount->source);
	free((char *)mount->type);
	free((char *)mount->name);
}

void container_mounts_done(struct container_mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		mount_done(&mounts->list[i]);
	free(mounts->list);
	*mounts = (struct container_mounts){0};
}

static bool is_below(const char *path, const char *dir)
{
	return bytes_below(bytes_str(path), bytes_str(dir));
}

/* The entry of config.json for a place. It may be named there through a symlink: then it is not
 * found, and what the kernel tells has to do. */
static const json_t *entry_of(const json_t *config, const char *destination)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(config, "mounts"), i, entry)
	{
		const char *name = json_member(entry, "destination");

		if (name && strcmp(name, destination) == 0)
			return entry;
	}
	return NULL;
}

/*
 * The name of the volume that a directory of the host is. docker and podman:
 * .../volumes/NAME/_data, Kubernetes: .../pods/UID/volumes/PLUGIN/NAME. Length 0: it is none.
 */
static struct tkit_bytes volume_of(const char *source)
{
	const char *at = strstr(source, "/volumes/"), *name;
	size_t len;

	if (!at)
		return BYTES("", 0);
	name = at + strlen("/volumes/");
	if (strstr(source, "/pods/") && strncmp(name, "kubernetes.io~", 14) == 0) {
		name += strcspn(name, "/");
		name += *name == '/';
		return BYTES(name, strcspn(name, "/"));
	}
	len = strcspn(name, "/");
	if (strncmp(name + len, "/_data", 6) != 0 || (name[len + 6] && name[len + 6] != '/'))
		return BYTES("", 0);
	return BYTES(name, len);
}

/* What engines put into every container, on their own account. */
static bool is_runtime(const char *destination, const char *source, const char *type,
		       const char *id)
{
	static const char *const areas[] = {"/proc", "/sys", "/dev"};
	static const char *const types[] = {"proc",   "sysfs",   "devpts",
					    "mqueue", "cgroup2", "cgroup"};
	static const char *const inits[] = {"/sbin/docker-init", "/run/podman-init", "/dev/init"};
	static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname",
					    "/run/.containerenv"};
	char digits[65];
	size_t len;

	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		if (is_below(destination, areas[i]))
			return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(inits) / sizeof(inits[0]); i++)
		if (strcmp(destination, inits[i]) == 0)
			return true;
	/* The engine's directory of this container, of its pod's, or the kubelet's of the pod. */
	if (*id && strstr(source, id))
		return true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(destination, files[i]) == 0)
			return container_id_in_cgroup(source, &len, digits) ||
			       strstr(source, "/pods/");
	return false;
}

static uint32_t kind_of(const struct tkit_mount_info *mount, const struct mountinfo *line,
			const char *id)
{
	if (*mount->name)
		return TKIT_MOUNT_VOLUME;
	if (is_runtime(mount->destination, mount->source, mount->type, id))
		return TKIT_MOUNT_RUNTIME;
	if (strcmp(line->root, "/") != 0)
		return TKIT_MOUNT_BIND;
	if (strcmp(mount->type, "tmpfs") == 0 || strcmp(mount->type, "ramfs") == 0)
		return TKIT_MOUNT_TMPFS;
	/* A whole file system of the host, mounted a second time, is told by config.json alone. */
	return mount->source[0] == '/' && strcmp(mount->source, line->source) != 0
		       ? TKIT_MOUNT_BIND
		       : TKIT_MOUNT_OTHER;
}

/* Without waiting for a server: what is a mount point is known to the kernel. */
static bool is_file(int root_fd, const char *destination)
{
	struct statx st;

	return root_fd >= 0 &&
	       statx(root_fd, destination + 1,
		     AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE,
		     &st) == 0 &&
	       !S_ISDIR(st.stx_mode);
}

static char *source_of(const json_t *entry, const struct mountinfo *line)
{
	const char *named = json_member(entry, "source");

	if (named && named[0] == '/')
		return strdup(named);
	if (strcmp(line->root, "/") != 0)
		return container_host_path(line->device, line->root);
	return strdup(line->source);
}

/* Where it is in the container; NULL: outside of its root directory, or the root itself. */
static const char *inside(const char *point, const char *root)
{
	size_t len = root ? strlen(root) : 0;

	while (len && root[len - 1] == '/')
		len--;
	if (len && (strncmp(point, root, len) != 0 || (point[len] && point[len] != '/')))
		return NULL;
	point += len;
	return point[0] == '/' && point[1] ? point : NULL;
}

static int fill(struct tkit_mount_info *mount, const struct mountinfo *line, const char *at,
		const char *id, const json_t *config)
{
	struct tkit_bytes name;

	*mount = (struct tkit_mount_info){.destination = strdup(at), .type = strdup(line->type)};
	mount->source = source_of(entry_of(config, at), line);
	name = mount->source ? volume_of(mount->source) : BYTES("", 0);
	mount->name = strndup(name.ptr, name.len);
	if (!mount->destination || !mount->type || !mount->source || !mount->name) {
		mount_done(mount);
		return -ENOMEM;
	}
	mount->kind = kind_of(mount, line, id);
	if (mountinfo_has(line->options, "ro") || mountinfo_has(line->super, "ro"))
		mount->flags |= TKIT_MOUNT_READ_ONLY;
	return 0;
}

/* The last one at a place is what is seen there. */
static int put(struct container_mounts *mounts, size_t *room, struct tkit_mount_info *mount)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->list[i].destination, mount->destination) == 0) {
			mount_done(&mounts->list[i]);
			mounts->list[i] = *mount;
			return 0;
		}
	if (mounts->count == *room) {
		size_t more = *room ? *room * 2 : 32;
		struct tkit_mount_info *list = reallocarray(mounts->list, more, sizeof(*list));

		if (!list) {
			mount_done(mount);
			return -ENOMEM;
		}
		mounts->list = list;
		*room = more;
	}
	mounts->list[mounts->count++] = *mount;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct tkit_mount_info *x = a, *y = b;

	return strcmp(x->destination, y->destination);
}

int container_mounts_parse(char *text, const char *root, const char *id, const json_t *config,
			   int root_fd, struct container_mounts *ret)
{
	struct mountinfo line;
	size_t room = 0;
	int rc = 0;

	*ret = (struct container_mounts){0};
	while (rc == 0 && ret->count < MOUNTS_MAX && mountinfo_next(&text, &line)) {
		const char *at = inside(line.point, root);
		struct tkit_mount_info mount;

		if (!at)
			continue;
		rc = fill(&mount, &line, at, id, config);
		if (rc == 0 && is_file(root_fd, at))
			mount.flags |= TKIT_MOUNT_FILE;
		if (rc == 0)
			rc = put(ret, &room, &mount);
	}
	if (rc < 0)
		container_mounts_done(ret);
	else if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), compare);
	return rc;
}

int container_mounts_read(pid_t init, const char *root, const char *id, const char *bundle,
			  struct container_mounts *ret)
{
	_cleanup_json_ json_t *config = *bundle ? json_load_small(bundle, "config.json") : NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int root_fd = -1;
	char path[4200];
	int rc = procfs_text(init, "mountinfo", &text);

	*ret = (struct container_mounts){0};
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)init, root ? root : "");
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return container_mounts_parse(text, root, id, config, root_fd, ret);
}

/* ---- before there is anything mounted ---- */

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

		if (len < best || !is_below(real ? real : path, line.point))
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
	struct tkit_mount_info mount;
	struct mountinfo line;
	struct statx st;
	int rc;

	if (!plan(entry, &line, type, sizeof(type)))
		return 0;
	resolve(root_fd, root, line.point, at);
	if (!at[0] || !at[1])
		return 0; /* the root directory */
	rc = fill(&mount, &line, at, id, config);
	if (rc < 0)
		return rc;
	if (line.root[1] &&
	    statx(AT_FDCWD, line.root, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &st) ==
		    0 &&
	    !S_ISDIR(st.stx_mode))
		mount.flags |= TKIT_MOUNT_FILE;
	return put(mounts, room, &mount);
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
	if (rc < 0)
		container_mounts_done(ret);
	else if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), compare);
	return rc;
}
