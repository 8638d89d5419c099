// SPDX-License-Identifier: MIT
/*
 * Names and images of containers, from the files of the engines. Where these are is told by
 * the container itself: its /etc/hosts or /etc/resolv.conf is mounted from there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/json.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/procfs.h"

static void set(char **to, const char *text)
{
	char *copy = text && *text ? strdup(text) : NULL;

	if (!copy)
		return;
	free(*to);
	*to = copy;
}

/* DATA-ROOT/containers/ID/config.v2.json */
static void describe_docker(struct container *c, const char *dir)
{
	_cleanup_json_ json_t *config = NULL;
	const char *name;

	config = json_load_small(dir, "config.v2.json");
	if (!config)
		return;
	name = json_member(config, "Name");
	set(&c->name, name && *name == '/' ? name + 1 : name);
	set(&c->image, json_member(json_object_get(config, "Config"), "Image"));
	set(&c->image_digest, json_member(config, "Image"));
	set(&c->engine, "docker");
}

/* ROOT/overlay-containers/containers.json, a list of all containers. */
static void describe_podman(struct container *c, const char *dir)
{
	_cleanup_json_ json_t *list = NULL, *metadata = NULL;
	const char *text;
	json_t *entry;
	size_t i;

	set(&c->engine, "podman");
	list = json_load_small(dir, "containers.json");
	json_array_foreach(list, i, entry)
	{
		text = json_member(entry, "id");
		if (!text || strcmp(text, c->id) != 0)
			continue;
		set(&c->name,
		    json_string_value(json_array_get(json_object_get(entry, "names"), 0)));
		text = json_member(entry, "metadata");
		metadata = text ? json_loads(text, 0, NULL) : NULL;
		set(&c->image, json_member(metadata, "image-name"));
		text = json_member(entry, "image");
		if (text && strlen(text) == 64) {
			char digest[80];

			snprintf(digest, sizeof(digest), "sha256:%s", text);
			set(&c->image_digest, digest);
		}
		return;
	}
}

/* The bundle's config.json: what CRI writes into the annotations. */
static void describe_bundle(struct container *c, const char *bundle)
{
	_cleanup_json_ json_t *config = NULL;
	const json_t *notes;

	config = json_load_small(bundle, "config.json");
	notes = json_object_get(config, "annotations");
	if (!notes)
		return;
	if (!*c->name)
		set(&c->name, json_member(notes, "io.kubernetes.cri.container-name"));
	if (!*c->image)
		set(&c->image, json_member(notes, "io.kubernetes.cri.image-name"));
}

/* Cuts `path` behind the component before "/ID/". False if it is not there. */
static bool cut_at_id(char *path, const char *id, bool keep)
{
	char *at = strstr(path, id);

	if (!at || at == path || at[-1] != '/' || at[strlen(id)] != '/')
		return false;
	if (keep)
		at += strlen(id) + 1;
	at[-1] = '\0';
	return true;
}

/* A bundle of podman: ROOT/overlay-containers/ID/userdata. */
static void describe_podman_bundle(struct container *c, char *bundle)
{
	if (strstr(bundle, "-containers/") && cut_at_id(bundle, c->id, false))
		describe_podman(c, bundle);
}

/* podman's conmon has the bundle, and the container's name, among its words. */
static void describe_conmon(struct container *c, pid_t conmon)
{
	char path[64], words[8192];
	const char *option = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)conmon);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, words, sizeof(words) - 1);
	close(fd);
	words[n > 0 ? n : 0] = '\0';
	for (char *word = words; word < words + n; word += strlen(word) + 1) {
		if (strcmp(option, "-b") == 0) {
			set(&c->bundle, word);
			describe_podman_bundle(c, word);
		} else if (strcmp(option, "-n") == 0 && !*c->name)
			set(&c->name, word);
		option = word;
	}
}

/* conmon, if it is among the nearest ancestors: in a hook the runtime stands between. */
static pid_t find_conmon(pid_t pid)
{
	for (int i = 0; i < 4 && pid > 1; i++) {
		_cleanup_free_ char *comm = NULL;

		pid = procfs_parent(pid);
		if (pid <= 1 || procfs_text(pid, "comm", &comm) < 0)
			return 0;
		if (strcmp(comm, "conmon\n") == 0)
			return pid;
	}
	return 0;
}

char *container_host_path(const char *device, const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct mountinfo mount;
	char *at, *found = NULL;

	if (procfs_text(getpid(), "mountinfo", &text) < 0)
		return strdup(path);
	at = text;
	while (!found && mountinfo_next(&at, &mount)) {
		size_t len = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);

		if (strcmp(mount.device, device) != 0 || strncmp(path, mount.root, len) != 0 ||
		    path[len] != '/')
			continue;
		if (asprintf(&found, "%s%s", strcmp(mount.point, "/") == 0 ? "" : mount.point,
			     path + len) < 0)
			return NULL;
		if (access(found, F_OK) < 0) { /* hidden by another mount */
			free(found);
			found = NULL;
		}
	}
	return found ? found : strdup(path);
}

/* `path`, which is cut, is that of a file which the engine keeps for this container. */
static void describe_engine_file(struct container *c, char *path)
{
	if (strstr(path, "/containers/") && cut_at_id(path, c->id, true))
		describe_docker(c, path);
	else if (strstr(path, "-containers/") && cut_at_id(path, c->id, false))
		describe_podman(c, path);
}

/*
 * The files that an engine mounts into each container name its directory, as the root field
 * of mountinfo (proc(5)): a path in the file system that it comes from.
 */
static void describe_mounts(struct container *c)
{
	_cleanup_free_ char *text = NULL;
	struct mountinfo mount;
	char *at;

	if (procfs_text(c->init, "mountinfo", &text) < 0)
		return;
	at = text;
	while (!*c->engine && mountinfo_next(&at, &mount)) {
		_cleanup_free_ char *root = NULL;

		if (!strstr(mount.root, c->id))
			continue;
		root = container_host_path(mount.device, mount.root);
		if (root)
			describe_engine_file(c, root);
	}
}

/* The same before anything is mounted: what config.json says is going to be. */
static void describe_planned(struct container *c)
{
	_cleanup_json_ json_t *config = json_load_small(c->bundle, "config.json");
	const json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(config, "mounts"), i, mount)
	{
		const char *source = json_member(mount, "source");
		_cleanup_free_ char *path = source ? strdup(source) : NULL;

		if (path && !*c->engine && strstr(path, c->id))
			describe_engine_file(c, path);
	}
}

static void describe_begin(struct container *c)
{
	char **const all[] = {&c->name, &c->image, &c->image_digest, &c->engine, &c->bundle};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!*all[i])
			*all[i] = strdup("");
}

void container_describe_planned(struct container *c)
{
	pid_t conmon = find_conmon(getpid());

	describe_begin(c);
	describe_planned(c);
	if (conmon && (!*c->name || !*c->engine))
		describe_conmon(c, conmon);
	if (!*c->engine || !*c->name)
		describe_bundle(c, c->bundle);
	if (!*c->engine && strstr(c->bundle, "/io.containerd."))
		set(&c->engine, "containerd");
}

void container_describe(struct container *c)
{
	char link[64], cwd[4096];
	pid_t parent, conmon;
	ssize_t n;

	describe_begin(c);
	describe_mounts(c);
	conmon = *c->name && *c->bundle ? 0 : find_conmon(c->init);
	if (conmon)
		describe_conmon(c, conmon);
	/* The shim of containerd stays in the bundle's directory. */
	parent = procfs_parent(c->init);
	if (parent <= 0)
		return;
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)parent);
	n = readlink(link, cwd, sizeof(cwd) - 1);
	if (n <= 0)
		return;
	cwd[n] = '\0';
	if (strstr(cwd, c->id)) {
		if (!*c->bundle)
			set(&c->bundle, cwd);
		describe_bundle(c, cwd);
		if (!*c->engine)
			set(&c->engine, "containerd");
	}
}
