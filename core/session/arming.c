// SPDX-License-Identifier: MIT
/* See arming.h. */
#include "session/arming.h"

#include <errno.h>
#include <unistd.h>

#include "session/setup.h"
#include "util/log.h"

/* Lets backends open themselves while it is still to be told whom to watch. */
int arming_await(struct session *s, struct err *err)
{
	int rc = watch_begin(s, err);

	setup_limits();
	for (size_t i = 0; rc == 0 && i < s->config->backend_count; i++)
		rc = runner_start(&s->runners[i], err);
	if (rc == 0)
		rc = s->config->await(s->config->await_arg, s->signal_fd, err);
	if (rc < 0)
		watch_step(s, 0); /* a signal that has called it off is answered by that */
	return rc;
}

int arming_arm(struct session *s, struct err *err)
{
	int rc = 0;

	s->arming = true;
	pthread_mutex_lock(&s->lock);
	s->target_known = true;
	pthread_cond_broadcast(&s->gate_cond);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; rc == 0 && i < s->config->backend_count; i++)
		if (!s->runners[i].joinable)
			rc = runner_start(&s->runners[i], err);
	while (!session_all_reached(s, RUNNER_ARMED) && !s->force_ns)
		watch_step(s, -1);
	if (rc == 0)
		rc = session_failure(s, err);
	if (rc == 0 && s->signal)
		rc = err_set(err, -EINTR, "interrupted before the command was started");
	return rc;
}

/*
 * Somebody waits for this before he lets the target go on. Who does not wait any more may have let
 * it go already: what it did until now is in no trace, which must not look like a whole one then.
 */
static void tell_ready(struct session *s)
{
	struct err err = ERR_INIT;

	if (s->config->ready_fd <= 0)
		return;
	if (write(s->config->ready_fd, "\n", 1) != 1) {
		err_set(&err, -EPIPE,
			"nobody waited until the trace was ready: it does not begin with the "
			"program, and ends here");
		session_fail(s, &err, NULL);
		err_done(&err);
	}
	close(s->config->ready_fd);
}

static void on_snapshot(void *arg)
{
	session_wake(arg);
}

static int start_snapshot(struct session *s, struct err *err)
{
	int rc;

	if (!s->snapshot.source)
		return 0;
	s->snapshot.target = &s->target;
	s->snapshot.tree = s->tree.alive ? &s->tree : NULL;
	s->snapshot.done = on_snapshot;
	s->snapshot.arg = s;
	rc = snapshot_start(&s->snapshot);
	return rc < 0 ? err_sys(err, rc, "starting the snapshot's thread") : 0;
}

int arming_release(struct session *s, struct err *err)
{
	int rc = runinfo_fill(&s->info, s->config, &s->target);

	if (rc < 0)
		return err_sys(err, rc, "collecting facts about the host");
	for (size_t i = 0; i < s->config->backend_count; i++)
		runinfo_backend(&s->info, i, s->runners[i].ctx.facilities,
				s->runners[i].ctx.without);
	if (s->config->duration_ns)
		s->deadline_ns = s->info.run.armed_monotonic_ns + s->config->duration_ns;
	rc = bus_start(s->bus, &s->info.run, err);
	if (rc < 0)
		return rc;
	s->arming = false;
	rc = start_snapshot(s, err);
	if (rc < 0)
		return rc;
	session_open_gate(s, GATE_OPEN);
	tell_ready(s);
	return s->launch.pid ? launch_go(&s->launch, err) : 0;
}
