// SPDX-License-Identifier: MIT
/* What OCI runtimes note about a container: runc's state.json, crun's status. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "container/json.h"
#include "util/cleanup.h"
#include "util/procfs.h"

/* Where the runtimes look when they get no --root. */
static const char *const default_roots[] = {"/run/runc", "/run/crun", "/run/youki", NULL};

/*
 * Both keep the first process waiting at a pipe with a name, which goes at the start. Of others
 * (youki) it cannot be told.
 */
static bool was_started(const char *dir, bool known)
{
	_cleanup_free_ char *fifo = NULL;

	if (!known || asprintf(&fifo, "%s/exec.fifo", dir) < 0) {
		fifo = NULL;
		return false;
	}
	return access(fifo, F_OK) < 0 && errno == ENOENT;
}

static json_t *load_state(const char *root, const char *id, bool *ret_started)
{
	_cleanup_free_ char *dir = NULL;
	json_t *json;

	if (asprintf(&dir, "%s/%s", root, id) < 0) {
		dir = NULL;
		return NULL;
	}
	json = json_load_small(dir, "state.json");
	if (json) {
		*ret_started = was_started(dir, json_object_get(json, "init_process_pid"));
		return json;
	}
	json = json_load_small(dir, "status");
	*ret_started = was_started(dir, json);
	return json;
}

/* Rootless: below the user's own directory. */
static json_t *load_user_state(const char *id, bool *ret_started)
{
	const char *user = getenv("XDG_RUNTIME_DIR");
	static const char *const names[] = {"runc", "crun"};
	json_t *json = NULL;

	for (size_t i = 0; user && !json && i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_free_ char *dir = NULL;

		if (asprintf(&dir, "%s/%s", user, names[i]) < 0) {
			dir = NULL;
			return NULL;
		}
		json = load_state(dir, id, ret_started);
	}
	return json;
}

static json_t *find_state(const char *root, const char *id, bool *ret_started)
{
	json_t *json = root ? load_state(root, id, ret_started) : NULL;

	if (root)
		return json;
	for (size_t i = 0; !json && default_roots[i]; i++)
		json = load_state(default_roots[i], id, ret_started);
	return json ? json : load_user_state(id, ret_started);
}

/* runc notes the bundle among the labels, crun as such. NULL: it does not. */
static char *find_bundle(const json_t *state)
{
	const char *bundle = json_member(state, "bundle");
	const json_t *label;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(state, "config"), "labels"), i, label)
	{
		const char *text = json_string_value(label);

		if (!bundle && text && strncmp(text, "bundle=", 7) == 0)
			bundle = text + 7;
	}
	return bundle ? strdup(bundle) : NULL;
}

/* A pid that was noted a while ago may be somebody else's by now. */
static int check_init(pid_t init, json_int_t noted_start, struct err *err)
{
	struct procfs_stat stat;

	if (!procfs_stat(init, &stat))
		return err_set(err, -ESRCH, "process %d of the container is gone", (int)init);
	if (noted_start && (uint64_t)noted_start != stat.start)
		return err_set(err, -ESRCH, "process %d is not the container's any more",
			       (int)init);
	return 0;
}

int container_from_state(const char *root, const char *id, struct container *ret, struct err *err)
{
	_cleanup_json_ json_t *state = NULL;
	json_int_t init, start;
	int rc;

	*ret = (struct container){0};
	if (!*id || strchr(id, '/') || id[0] == '.')
		return err_set(err, -EINVAL, "'%s' is no container id", id);
	state = find_state(root, id, &ret->started);
	if (!state)
		return err_set(err, -ENOENT, "no OCI runtime's state of container %s%s%s", id,
			       root ? " below " : "", root ? root : "");
	init = json_integer_value(json_object_get(state, "init_process_pid"));
	start = json_integer_value(json_object_get(state, "init_process_start"));
	if (!init) { /* crun */
		init = json_integer_value(json_object_get(state, "pid"));
		start = json_integer_value(json_object_get(state, "process-start-time"));
	}
	if (init <= 0 || init > INT_MAX)
		return err_set(err, -EBADMSG, "the runtime's state of container %s has no pid", id);
	rc = check_init((pid_t)init, start, err);
	if (rc < 0)
		return rc;
	ret->init = (pid_t)init;
	ret->id = strdup(id);
	if (!ret->id)
		return err_sys(err, -ENOMEM, "container %s", id);
	ret->bundle = find_bundle(state);
	container_describe(ret);
	rc = container_cgroup_dir(ret->init, &ret->cgroup, err);
	if (rc < 0)
		container_done(ret);
	return rc;
}
