// SPDX-License-Identifier: MIT
#include "container/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/container.h"
#include "container/mounts_priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/procfs.h"

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

bool mounts_below(const char *path, const char *dir)
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
		if (mounts_below(destination, areas[i]))
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

int mounts_add(struct container_mounts *mounts, size_t *room, const struct mounts_seen *seen)
{
	struct tkit_mount_info mount;
	int rc = fill(&mount, seen->line, seen->at, seen->id, seen->config);

	if (rc < 0)
		return rc;
	if (seen->is_file)
		mount.flags |= TKIT_MOUNT_FILE;
	return put(mounts, room, &mount);
}

static int compare(const void *a, const void *b)
{
	const struct tkit_mount_info *x = a, *y = b;

	return strcmp(x->destination, y->destination);
}

int mounts_end(struct container_mounts *mounts, int rc)
{
	if (rc < 0)
		container_mounts_done(mounts);
	else if (mounts->count)
		qsort(mounts->list, mounts->count, sizeof(*mounts->list), compare);
	return rc;
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

		if (at)
			rc = mounts_add(
				ret, &room,
				&(struct mounts_seen){&line, at, id, config, is_file(root_fd, at)});
	}
	return mounts_end(ret, rc);
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
