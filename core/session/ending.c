// SPDX-License-Identifier: MIT
#include "session/ending.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "session/cgroup.h"
#include "util/log.h"
#include "util/procfs.h"

#define LOOK_NS 500000000ull /* between two looks at /proc */

/* Not alive any more, and since when we know. */
static bool root_gone(struct session *s)
{
	bool alive;

	if (s->target.kind == TKIT_TARGET_PID) {
		if (!s->gone_ns && s->pidfd < 0 && !procfs_alive(s->target.pid))
			s->gone_ns = tkit_now_ns();
		return s->gone_ns != 0;
	}
	pthread_mutex_lock(&s->lock);
	alive = s->command.alive;
	pthread_mutex_unlock(&s->lock);
	if (!alive && !s->gone_ns)
		s->gone_ns = tkit_now_ns();
	return !alive;
}

static void tell_lingering(struct session *s, size_t others)
{
	if (s->lingering_told || tkit_now_ns() - s->gone_ns < 1000000000ull)
		return;
	s->lingering_told = true;
	if (isatty(STDERR_FILENO))
		log_warn("the command has ended, but %zu of its processes live on: still tracing "
			 "(Ctrl-C ends it; see --until)",
			 others);
}

/*
 * The tree is over when the root's exit event has passed and no other process is left.
 * Exit events can be lost: when nothing has been under way for two looks in a row, /proc
 * decides.
 */
static bool tree_gone(struct session *s)
{
	size_t others = tree_others(&s->tree);
	uint64_t now = tkit_now_ns();

	if (others == 0 && tree_root_gone(&s->tree))
		return true;
	if (now < s->prune_ns)
		return false;
	s->prune_ns = now + LOOK_NS;
	if (!bus_idle(s->bus)) {
		s->quiet_once = false;
		return false;
	}
	if (!s->quiet_once) {
		s->quiet_once = true;
		return false;
	}
	others = tree_prune(&s->tree);
	if (others)
		tell_lingering(s, others);
	return others == 0;
}

/* A backend that serves the command and reports no processes knows itself when all are gone. */
static bool backend_decides(struct session *s)
{
	bool waits = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->config->backend_count; i++)
		waits |= (s->runners[i].spec->plugin->desc.caps & TKIT_BACKEND_WAITS) &&
			 s->runners[i].state < RUNNER_SERVING;
	pthread_mutex_unlock(&s->lock);
	return waits;
}

static bool cgroup_gone(struct session *s)
{
	struct stat st;

	return stat(s->cgroup, &st) < 0 && errno == ENOENT;
}

/* The first process of a container takes the others of its pid namespace along. */
static bool container_gone(struct session *s)
{
	if (!s->gone_ns && s->pidfd < 0 && !procfs_alive(s->config->init_pid))
		s->gone_ns = tkit_now_ns();
	return s->gone_ns && (s->config->until_exit || cgroup_empty(s->cgroup));
}

bool ending_reached(struct session *s)
{
	if (s->deadline_ns && tkit_now_ns() >= s->deadline_ns)
		return true;
	switch (s->target.kind) {
	case TKIT_TARGET_COMMAND:
	case TKIT_TARGET_PID:
		if (!root_gone(s))
			return false;
		if (s->config->until_exit)
			return true;
		return s->tree.alive ? tree_gone(s) : !backend_decides(s);
	case TKIT_TARGET_CGROUP:
		return s->config->init_pid ? container_gone(s) : cgroup_gone(s);
	default:
		return false; /* a signal, --duration, or every backend's own end */
	}
}

bool ending_hopeless(struct session *s)
{
	uint64_t now = tkit_now_ns();
	bool hopeless = false;

	if (s->force_ns)
		return now - s->force_ns > FORCE_NS;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->config->backend_count; i++) {
		struct runner *r = &s->runners[i];
		uint64_t beats = atomic_load(&r->beats);

		if (r->state == RUNNER_DONE)
			continue;
		if (!r->seen_ns || beats != r->seen_beats || bus_waiting(r->source)) {
			r->seen_beats = beats;
			r->seen_ns = now;
		} else if (now - r->seen_ns > HANG_NS) {
			if (!s->err.rc)
				err_set(&s->err, -ETIMEDOUT, "backend %s: hangs and does not stop",
					r->name);
			hopeless = true;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return hopeless;
}

int ending_timeout(struct session *s)
{
	uint64_t now = tkit_now_ns();

	if (atomic_load(&s->stopping))
		return 200;
	if (s->gone_ns || s->target.kind == TKIT_TARGET_CGROUP ||
	    (s->target.kind == TKIT_TARGET_PID && s->pidfd < 0))
		return 200;
	if (!s->deadline_ns)
		return -1;
	if (now >= s->deadline_ns)
		return 0;
	return s->deadline_ns - now > 3600000000000ull
		       ? 3600000
		       : (int)((s->deadline_ns - now) / 1000000u) + 1;
}

void reap_before_end(struct session *s)
{
	/* A backend that waited itself may have left without the last status. */
	if (s->launch.pid)
		watch_step(s, 0);
}
