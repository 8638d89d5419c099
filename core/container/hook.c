// SPDX-License-Identifier: MIT
#include "container/hook.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/json.h"
#include "util/cleanup.h"

void hook_state_done(struct hook_state *state)
{
	container_done(&state->container);
	free(state->rootfs);
	free(state->trace_dir);
	*state = (struct hook_state){0};
}

/* crun tells the root itself; with runc it stands in the bundle. */
static int find_rootfs(const json_t *state, struct hook_state *ret, struct err *err)
{
	const char *bundle = json_member(state, "bundle"), *root = json_member(state, "root");
	_cleanup_json_ json_t *config = NULL;

	if (!root) {
		if (!bundle)
			return err_set(err, -EBADMSG, "the state has no \"bundle\"");
		config = json_load_small(bundle, "config.json");
		root = json_member(json_object_get(config, "root"), "path");
		if (!root)
			return err_set(err, -EBADMSG, "%s/config.json has no root.path", bundle);
	}
	if (root[0] != '/' && !bundle)
		return err_set(err, -EBADMSG,
			       "the state has a relative \"root\", but no \"bundle\"");
	if (root[0] == '/')
		ret->rootfs = strdup(root);
	else if (asprintf(&ret->rootfs, "%s/%s", bundle, root) < 0)
		ret->rootfs = NULL;
	return ret->rootfs ? 0 : err_sys(err, -ENOMEM, "the container's root");
}

int hook_state_parse(const char *text, size_t size, struct hook_state *ret, struct err *err)
{
	_cleanup_json_ json_t *state = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *id = json_member(state, "id"), *dir;
	json_int_t pid = json_integer_value(json_object_get(state, "pid"));
	int rc;

	*ret = (struct hook_state){0};
	if (!id)
		return err_set(err, -EBADMSG,
			       "standard input is not the state of an OCI container (JSON with "
			       "\"id\" and \"pid\")");
	if (pid <= 0 || pid > INT_MAX)
		return err_set(err, -EBADMSG,
			       "the state of container %s has no pid: is this a "
			       "createRuntime hook?",
			       id);
	ret->container.init = (pid_t)pid;
	ret->container.id = strdup(id);
	if (!ret->container.id)
		return err_sys(err, -ENOMEM, "container %s", id);
	dir = json_member(json_object_get(state, "annotations"), "io.tkit.trace");
	if (dir && dir[0] == '/') {
		ret->trace_dir = strdup(dir);
		if (!ret->trace_dir)
			return err_sys(err, -ENOMEM, "container %s", id);
	}
	rc = find_rootfs(state, ret, err);
	if (rc < 0)
		return rc;
	ret->container.bundle =
		strdup(json_member(state, "bundle") ? json_member(state, "bundle") : "");
	container_describe(&ret->container);
	return container_cgroup_dir(ret->container.init, &ret->container.cgroup, err);
}
