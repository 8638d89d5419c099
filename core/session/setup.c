// SPDX-License-Identifier: MIT
#include "session/setup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "session/cgroup.h"
#include "session/prepare.h"
#include "util/cleanup.h"
#include "util/procfs.h"

#define DESCRIPTORS 65536

static void on_batch(void *arg, const struct tkit_batch *batch)
{
	struct session *s = arg;

	if (!(s->tree_mask >> batch->backend & 1) || !s->tree.alive)
		return;
	tree_observe(&s->tree, batch);
	if (tree_root_gone(&s->tree))
		session_wake(s);
}

static void on_sink_failure(void *arg)
{
	session_stop(arg);
}

static void on_writer_done(void *arg)
{
	session_wake(arg);
}

struct session *session_new(const struct session_config *config, struct err *err)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		err_sys(err, -ENOMEM, "making a session");
		return NULL;
	}
	s->config = config;
	s->root_fd = s->pidfd = s->signal_fd = -1;
	s->launch.sock = s->launch.pidfd = -1;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->runners = calloc(config->backend_count + 1, sizeof(*s->runners));
	s->sinks = calloc(config->sink_count + 1, sizeof(*s->sinks));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->gate_cond, NULL);
	if (s->wake_fd < 0 || s->stop_fd < 0 || !s->runners || !s->sinks)
		err_sys(err, errno ? -errno : -ENOMEM, "making a session");
	return s;
}

void session_free(struct session *s)
{
	watch_end(s);
	if (s->launch.pid)
		launch_done(&s->launch);
	for (size_t i = 0; i < s->config->backend_count; i++) {
		ctx_done(&s->runners[i].ctx);
		entry_done(&s->runners[i].entry);
	}
	bus_free(s->bus);
	tree_done(&s->tree);
	runinfo_done(&s->info);
	prepare_done(s);
	err_done(&s->err);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->gate_cond);
	free(s->runners);
	free(s->sinks);
	free(s);
}

bool setup_has_snapshot(const struct session *s)
{
	return snapshot_wanted(s->config);
}

int setup_bus(struct session *s, struct err *err)
{
	struct bus_config config = {
		.sinks = s->sinks,
		.sink_count = s->config->sink_count,
		.queue_batches = s->config->queue_batches,
		.observe = on_batch,
		.failed = on_sink_failure,
		.done = on_writer_done,
		.arg = s,
	};
	int rc;

	for (size_t i = 0; i < s->config->sink_count; i++) {
		s->sinks[i].name = s->config->sinks[i].plugin->desc.name;
		s->sinks[i].ops = s->config->sinks[i].plugin->ops;
	}
	rc = bus_new(&config, &s->bus, err);
	for (size_t i = 0; rc == 0 && i < s->config->backend_count; i++) {
		struct runner *r = &s->runners[i];

		r->session = s;
		r->spec = &s->config->backends[i];
		r->ops = r->spec->plugin->ops;
		r->name = r->spec->plugin->desc.name;
		r->index = (uint32_t)i;
		r->ctx = (struct tkit_ctx)CTX_INIT(r->name);
		r->ctx.session = r;
		r->ctx.session_ops = &runner_ctx_ops;
		rc = bus_add_source(s->bus, r->index, &r->source);
		if (rc < 0)
			return err_sys(err, rc, "too many backends");
	}
	if (rc == 0)
		rc = bus_add_source(s->bus, 0, &s->own_source);
	/* Its number is that of the entry behind the backends in the header of the run. */
	if (rc == 0 && setup_has_snapshot(s))
		rc = bus_add_source(s->bus, (uint32_t)s->config->backend_count,
				    &s->snapshot.source);
	return rc;
}

/* Backends need a descriptor for each program, file or tracee. */
void setup_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
	/* Only with CAP_SYS_RESOURCE. */
	limit.rlim_cur = DESCRIPTORS;
	if (limit.rlim_max < DESCRIPTORS)
		limit.rlim_max = DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Nothing can be made there, and no relative name leads anywhere. */
static bool in_deleted_directory(void)
{
	struct stat st;

	return stat(".", &st) == 0 && st.st_nlink == 0;
}

int setup_sinks(struct session *s, struct err *err)
{
	for (size_t i = 0; i < s->config->sink_count; i++) {
		const struct session_plugin *spec = &s->config->sinks[i];
		struct bus_sink *sink = &s->sinks[i];
		const void *options = spec->options ? plugin_options_data(spec->options) : NULL;
		int rc = sink->ops->open(&sink->ctx, options, spec->output, &sink->self);

		if (rc == -ENOENT && sink->ctx.err.rc && in_deleted_directory())
			return err_set(err, rc,
				       "sink %s: %s (the working directory has been deleted; give "
				       "an absolute path)",
				       sink->name, err_text(&sink->ctx.err));
		if (rc < 0 && sink->ctx.err.rc)
			return err_set(err, rc, "sink %s: %s", sink->name,
				       err_text(&sink->ctx.err));
		if (rc < 0)
			return err_sys(err, rc, "sink %s: opening", sink->name);
		sink->open = true;
	}
	return 0;
}

int setup_command(struct session *s, struct err *err)
{
	struct launch_config config = {
		.path = s->executable,
		.argv = s->config->argv,
		.root_fd = s->config->root ? s->root_fd : -1,
		.mask = s->old_mask,
		.pipe_action = s->old_pipe,
		.child_action = s->old_child,
	};
	int rc = launch_hold(&s->launch, &config, err);

	if (rc < 0)
		return rc;
	s->target.pid = s->launch.pid;
	s->target.pidfd = s->launch.pidfd;
	s->command.alive = true;
	return 0;
}

static int add_inside(void *arg, pid_t pid)
{
	entry_add(arg, pid);
	return 0;
}

/*
 * The backends are armed and wait: whoever is in the group now is inside, whoever comes
 * later was forked by those or enters. A backend that does not see processes cannot tell
 * when one enters: all of what it reports counts.
 */
int setup_entry(struct session *s, struct err *err)
{
	if (!s->config->init_pid)
		return 0;
	for (size_t i = 0; i < s->config->backend_count; i++) {
		struct runner *r = &s->runners[i];
		int rc;

		if (!(r->spec->plugin->desc.caps & TKIT_CAN_PROCESS))
			continue;
		if (entry_init(&r->entry) < 0)
			return err_sys(err, -ENOMEM, "making the table of processes");
		if (s->config->entering)
			continue;
		rc = cgroup_each(s->cgroup, add_inside, &r->entry);
		if (rc < 0)
			return err_sys(err, rc, "reading the processes of %s", s->cgroup);
	}
	return 0;
}

static void add_descendant(void *arg, pid_t pid, pid_t parent)
{
	tree_add(arg, pid);
}

int setup_tree(struct session *s, struct err *err)
{
	if (!s->tree_mask || !s->target.pid || s->target.kind == TKIT_TARGET_CGROUP)
		return 0;
	if (tree_init(&s->tree, s->target.pid) < 0)
		return err_sys(err, -ENOMEM, "making the process tree");
	if (s->target.kind == TKIT_TARGET_PID)
		procfs_descendants(s->target.pid, add_descendant, &s->tree);
	return 0;
}
