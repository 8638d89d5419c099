// SPDX-License-Identifier: MIT
#include "plugin/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "plugin/ctx.h"
#include "util/cleanup.h"

#define RANK_MAX 100

static const struct {
	const char *name;
	uint64_t cap;
	const char *text;
} targets[] = {
	[TKIT_TARGET_NONE] = {"none", TKIT_CAN_TARGET_NONE, "cannot run without a target"},
	[TKIT_TARGET_COMMAND] = {"command", TKIT_CAN_TARGET_COMMAND, "cannot watch a command"},
	[TKIT_TARGET_PID] = {"pid", TKIT_CAN_TARGET_PID, "cannot watch a running process"},
	[TKIT_TARGET_CGROUP] = {"cgroup", TKIT_CAN_TARGET_CGROUP, "cannot watch a cgroup"},
	[TKIT_TARGET_ALL] = {"all", TKIT_CAN_TARGET_ALL, "cannot watch the whole host"},
};
#define TARGET_COUNT (sizeof(targets) / sizeof(targets[0]))

const char *target_name(enum tkit_target_kind kind)
{
	return (unsigned int)kind < TARGET_COUNT ? targets[kind].name : "?";
}

uint64_t target_cap(enum tkit_target_kind kind)
{
	return (unsigned int)kind < TARGET_COUNT ? targets[kind].cap : 0;
}

uint64_t backend_caps(const struct plugin *plugin, const struct plugin_options *options)
{
	const struct tkit_backend_ops *ops = (const struct tkit_backend_ops *)plugin->ops;
	const void *data = options ? plugin_options_data(options) : NULL;

	if (plugin->desc.kind != TKIT_KIND_BACKEND || !ops->caps || !data)
		return plugin->desc.caps;
	return plugin->desc.caps & ops->caps(data);
}

static int probe(const struct plugin *plugin, const struct plugin_options *options,
		 const struct tkit_target *target, struct probe_told *told, struct err *err)
{
	const struct tkit_backend_ops *ops = (const struct tkit_backend_ops *)plugin->ops;
	struct tkit_ctx ctx = CTX_INIT(plugin->desc.name);
	int rc;

	if (plugin->desc.kind != TKIT_KIND_BACKEND || target->kind >= TARGET_COUNT)
		return err_set(err, -EINVAL, "%s: no backend, or an unknown target",
			       plugin->desc.name);
	if (!(backend_caps(plugin, options) & targets[target->kind].cap))
		return err_set(err, -EOPNOTSUPP, "%s", targets[target->kind].text);
	rc = ops->probe ? ops->probe(&ctx, plugin_options_data(options), target) : 1;
	if (rc < 0 && ctx.err.rc)
		err_set(err, rc, "%s", err_text(&ctx.err));
	else if (rc < 0)
		err_sys(err, rc, "cannot run here");
	if (told && rc >= 0) {
		told->facilities = ctx.facilities;
		told->without = ctx.without;
		ctx.facilities = NULL;
	}
	ctx_done(&ctx);
	if (rc == 0)
		return 1;
	return rc < RANK_MAX ? rc : RANK_MAX;
}

int probe_backend(const struct plugin *plugin, const struct plugin_options *options,
		  const struct tkit_target *target, struct err *err)
{
	return probe(plugin, options, target, NULL, err);
}

int probe_kind(const struct plugin *plugin, const struct plugin_options *options,
	       enum tkit_target_kind kind, struct err *err)
{
	return probe_kind_told(plugin, options, kind, NULL, err);
}

int probe_kind_told(const struct plugin *plugin, const struct plugin_options *options,
		    enum tkit_target_kind kind, struct probe_told *ret_told, struct err *err)
{
	_cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tkit_target target = {
		.size = sizeof(target),
		.kind = (uint32_t)kind,
		.pidfd = -1,
		.root_fd = root_fd,
		.self_pid = getpid(),
		.root = "/",
	};

	if (ret_told)
		*ret_told = (struct probe_told){0};
	if (root_fd < 0)
		return err_sys(err, -errno, "/");
	return probe(plugin, options, &target, ret_told, err);
}
