// SPDX-License-Identifier: MIT
/* tkit run: runs a session and tells how it went. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/run_args.h"
#include "container/container.h"
#include "container/early.h"
#include "container/mounts.h"
#include "plugin/loader.h"
#include "plugin/probe.h"
#include "session/session.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/log.h"

struct plugins {
	struct plugin_registry *registry;
	struct session_plugin backends[RUN_PLUGINS_MAX];
	struct session_plugin sinks[RUN_PLUGINS_MAX];
};

static void plugins_done(struct plugins *plugins)
{
	for (size_t i = 0; i < RUN_PLUGINS_MAX; i++) {
		plugin_options_free(plugins->backends[i].options);
		plugin_options_free(plugins->sinks[i].options);
	}
	registry_free(plugins->registry);
}

static int load_sinks(struct plugins *plugins, const struct run_args *args, struct err *err)
{
	for (size_t i = 0; i < args->sink_count; i++) {
		struct session_plugin *sink = &plugins->sinks[i];
		int rc = plugin_instance_spec(plugins->registry, TKIT_KIND_SINK, args->sinks[i],
					      &sink->plugin, &sink->options, err);

		if (rc < 0)
			return rc;
	}
	plugins->sinks[0].output = args->output;
	return 0;
}

/* The backends named, or (`automatic`) those left to be chosen. */
static int load_backends(struct plugins *plugins, const struct run_args *args, bool automatic,
			 struct err *err)
{
	for (size_t i = 0; i < args->backend_count; i++) {
		struct session_plugin *backend = &plugins->backends[i];
		int rc = 0;

		if (run_is_auto(args->backends[i]) != automatic)
			continue;
		if (automatic)
			rc = run_auto(plugins->registry, args->target, args->backends[i],
				      &backend->plugin, &backend->options, err);
		else
			rc = plugin_instance_spec(plugins->registry, TKIT_KIND_BACKEND,
						  args->backends[i], &backend->plugin,
						  &backend->options, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Without a target option or command: what the backends make do with, or the whole host. */
static void choose_target(struct run_args *args, const struct plugins *plugins)
{
	if (args->target_given)
		return;
	args->target = TKIT_TARGET_NONE;
	for (size_t i = 0; i < args->backend_count; i++)
		if (!plugins->backends[i].plugin ||
		    !(backend_caps(plugins->backends[i].plugin, plugins->backends[i].options) &
		      TKIT_CAN_TARGET_NONE))
			args->target = TKIT_TARGET_ALL;
}

/* Says what was lost and what helps. */
static void tell_losses(const struct session_result *result)
{
	struct buf list = BUF_INIT;
	uint64_t total = 0;
	const char *help = NULL;

	for (int i = 0; i < TKIT_LOSS_COUNT_; i++) {
		if (!result->losses[i])
			continue;
		buf_printf(&list, "%s%s: %llu", list.size ? ", " : "", tkit_loss_name(i),
			   (unsigned long long)result->losses[i]);
		total += result->losses[i];
		if (!help)
			help = tkit_loss_help(i);
	}
	if (total)
		log_warn("the trace is incomplete: %llu lost (%.*s): %s", (unsigned long long)total,
			 (int)list.size, list.data ? list.data : "", help);
	else
		log_warn("the trace is incomplete");
	buf_done(&list);
}

static void tell(const struct session_result *result)
{
	if (!result->complete)
		tell_losses(result);
	else if (isatty(STDERR_FILENO) && log_level() >= TKIT_LOG_WARN)
		fprintf(stderr, "tkit: complete: %llu accesses, %llu events\n",
			(unsigned long long)result->accesses, (unsigned long long)result->events);
	log_info("%llu events, %llu accesses, %llu waits for a slow sink",
		 (unsigned long long)result->events, (unsigned long long)result->accesses,
		 (unsigned long long)result->queue_waits);
}

/* Ends as the command did, so that the parent sees the same wait status. */
static int die_like(int sig)
{
	const struct rlimit no_core = {0, 0};
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t set;

	fflush(NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	sigaction(sig, &plain, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 128 + sig;
}

static int exit_status(const struct run_args *args, const struct session_result *result)
{
	int status = result->wait_status;

	if (result->forced)
		return 128 + result->signal;
	if (result->signal)
		return die_like(result->signal); /* interrupted before the command ran */
	if (status != -1 && WIFSIGNALED(status))
		return die_like(WTERMSIG(status));
	if (status != -1 && WEXITSTATUS(status))
		return WEXITSTATUS(status);
	return args->strict && !result->complete ? CLI_INCOMPLETE : 0;
}

static int failure_status(struct err *err, const struct session_result *result)
{
	int status = CLI_FAILED;

	if (result->exec_errno)
		status = result->exec_errno == ENOENT || result->exec_errno == ENOTDIR
				 ? CLI_NOTFOUND
				 : CLI_NOEXEC;
	if (!result->reported)
		cli_error(err);
	err_done(err);
	return status;
}

/* Where the container's processes are. */
static int find_container(const struct run_args *args, struct session_config *config,
			  struct container *ret, struct err *err)
{
	int rc = container_find(args->container, ret, err);

	if (rc < 0)
		return rc;
	log_info("container %.12s %s (%s): process %d, control group %s", ret->id, ret->name,
		 *ret->image ? ret->image : "image unknown", (int)ret->init, ret->cgroup);
	config->cgroup = ret->cgroup;
	config->init_pid = ret->init;
	config->container_id = ret->id;
	config->image_digest = ret->image_digest;
	return 0;
}

/* What is mounted in it. A trace without that says less, but is a trace. */
static void find_mounts(const struct run_args *args, const struct container *found,
			struct session_config *config, struct container_mounts *ret)
{
	const char *id = config->container_id ? config->container_id : "";
	const char *bundle = found->bundle ? found->bundle : args->bundle;
	_cleanup_free_ char *root = config->root ? realpath(config->root, NULL) : NULL;
	int rc = 0;

	if (config->init_pid)
		rc = container_mounts_read(config->init_pid, root, id, bundle ? bundle : "", ret);
	else if (bundle) /* it is only going to be created */
		rc = container_mounts_planned(id, bundle, ret);
	if (rc < 0)
		log_warn("the mounts of container %s are not known: %s", id, strerror(-rc));
	config->mounts = ret->list;
	config->mount_count = ret->count;
}

/* ---- a target that is told later ---- */

struct late {
	struct run_args *args;
	char **argv; /* of this command */
	struct plugins *plugins;
	struct session_config *config;
	struct container_mounts *mounts;
	struct early_order order;
};

/* Takes from the other command line what belongs to the target. */
static int take_target(struct late *late, struct err *err)
{
	static const struct container none;
	struct early_order *order = &late->order;
	struct session_config *config = late->config;
	struct run_args told = {0};

	if (run_args_parse(&told, (int)order->count, order->words) || !told.cgroup ||
	    !told.init_pid)
		return err_set(err, -EBADMSG, "the words that name the container");
	config->cgroup = told.cgroup;
	config->root = told.root;
	config->init_pid = told.init_pid;
	config->container_id = told.container_id;
	config->image_digest = told.image_digest;
	config->ready_fd = order->ready_fd;
	order->ready_fd = -1; /* is the session's from now on */
	late->plugins->sinks[0].output = told.output;
	late->args->bundle = told.bundle;
	find_mounts(late->args, &none, config, late->mounts);
	return 0;
}

static int await_target(void *arg, int stop_fd, struct err *err)
{
	struct late *late = arg;
	size_t count = 0;
	int rc;

	while (late->argv[count] && strncmp(late->argv[count], "--await", 7) != 0)
		count++;
	rc = early_await(late->args->await_fd, stop_fd, late->argv, count, &late->order, err);
	close(late->args->await_fd); /* and the name is free */
	return rc < 0 ? rc : take_target(late, err);
}

static int run_session(struct run_args *args, struct plugins *plugins, char **argv)
{
	struct session_config config = {
		.backends = plugins->backends,
		.backend_count = args->backend_count,
		.sinks = plugins->sinks,
		.sink_count = args->sink_count,
		.target = args->target,
		.argv = args->command,
		.root = args->root,
		.pid = args->pid,
		.cgroup = args->cgroup,
		.duration_ns = args->duration_ns,
		.until_exit = args->until_exit,
		.init_pid = args->init_pid,
		.entering = args->init_pid || args->await_fd,
		.container_id = args->container_id,
		.image_digest = args->image_digest,
		.ready_fd = args->ready_fd,
		.no_snapshot = args->no_snapshot,
	};
	struct container_mounts mounts = {0};
	struct container container = {0};
	struct late late = {args, argv, plugins, &config, &mounts, {.ready_fd = -1}};
	struct session_result result;
	struct err err = ERR_INIT;
	int rc = args->container ? find_container(args, &config, &container, &err) : 0;
	int status;

	memset(&result, 0, sizeof(result));
	if (args->await_fd) {
		config.await = await_target;
		config.await_arg = &late;
	}
	if (rc == 0)
		find_mounts(args, &container, &config, &mounts);
	if (rc == 0)
		rc = session_run(&config, &result, &err);
	if (rc == -ECANCELED && args->await_fd && !config.init_pid) {
		err_done(&err); /* nobody came to be watched */
		status = 0;
	} else if (rc < 0) {
		status = failure_status(&err, &result);
	} else {
		if (result.wait_status != -1 || args->target != TKIT_TARGET_COMMAND ||
		    result.forced)
			tell(&result);
		status = exit_status(args, &result);
	}
	if (result.abandoned) {
		fflush(NULL);
		_exit(status);
	}
	early_order_done(&late.order);
	container_mounts_done(&mounts);
	container_done(&container);
	return status;
}

static int load_all(struct plugins *plugins, struct run_args *args, struct err *err)
{
	int rc = registry_new(&plugins->registry, err);

	if (rc == 0)
		rc = load_sinks(plugins, args, err);
	if (rc == 0)
		rc = load_backends(plugins, args, false, err);
	if (rc < 0)
		return rc;
	choose_target(args, plugins);
	rc = load_backends(plugins, args, true, err);
	return rc < 0 ? rc
		      : run_check_targets(plugins->registry, args->target, plugins->backends,
					  args->backend_count, err);
}

static int run_command(int argc, char **argv)
{
	struct plugins plugins = {0};
	struct run_args args = {0};
	struct err err = ERR_INIT;
	int status = run_args_parse(&args, argc, argv);

	if (status)
		return status;
	if (load_all(&plugins, &args, &err) < 0) {
		status = cli_error(&err);
		err_done(&err);
	} else {
		status = run_session(&args, &plugins, argv);
	}
	plugins_done(&plugins);
	return status;
}

const struct cli_command cmd_run = {
	.name = "run",
	.summary = "trace a command, process, control group or the host",
	.help = run_help,
	.run = run_command,
};
