// SPDX-License-Identifier: MIT
/* The life cycle of a session; see session.h and the picture in <tkit/backend.h>. */
#include "session/session.h"

#include <errno.h>
#include <string.h>

#include "session/ending.h"
#include "session/prepare.h"
#include "session/priv.h"
#include "session/setup.h"
#include "util/log.h"

/* ---- what the threads use ---- */

static void set_eventfd(int fd)
{
	uint64_t one = 1;

	/* Fails only if it is readable already. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void session_wake(struct session *s)
{
	set_eventfd(s->wake_fd);
}

void session_stop(struct session *s)
{
	atomic_store(&s->stopping, true);
	set_eventfd(s->stop_fd);
	session_wake(s);
}

void session_force(struct session *s, int sig)
{
	s->signal = sig;
	if (!s->force_ns)
		s->force_ns = tkit_now_ns();
	atomic_store(&s->forced, true);
	bus_force(s->bus);
	session_stop(s);
}

void session_fail(struct session *s, const struct err *cause, const char *who)
{
	pthread_mutex_lock(&s->lock);
	if (!s->err.rc)
		err_set(&s->err, cause->rc, "backend %s: %s", who, err_text(cause));
	pthread_mutex_unlock(&s->lock);
	session_stop(s);
}

bool session_main_waits(struct session *s)
{
	bool waits = true;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->config->backend_count; i++)
		if ((s->config->backends[i].plugin->desc.caps & TKIT_BACKEND_WAITS) &&
		    s->runners[i].joinable && s->runners[i].state != RUNNER_DONE)
			waits = false;
	pthread_mutex_unlock(&s->lock);
	return waits;
}

/* ---- arming ---- */

static void open_gate(struct session *s, enum gate how)
{
	pthread_mutex_lock(&s->lock);
	s->gate = how;
	pthread_cond_broadcast(&s->gate_cond);
	pthread_mutex_unlock(&s->lock);
}

/* All threads have come to this point, or beyond. */
static bool all_reached(struct session *s, enum runner_state state)
{
	bool all = true;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->config->backend_count; i++)
		if (s->runners[i].joinable && s->runners[i].state < state)
			all = false;
	pthread_mutex_unlock(&s->lock);
	return all;
}

static int take_failure(struct session *s, struct err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = s->err.rc ? err_set(err, s->err.rc, "%s", err_text(&s->err)) : 0;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int arm_backends(struct session *s, struct err *err)
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
	while (!all_reached(s, RUNNER_ARMED) && !s->force_ns)
		watch_step(s, -1);
	if (rc == 0)
		rc = take_failure(s, err);
	if (rc == 0 && s->signal)
		rc = err_set(err, -EINTR, "interrupted before the command was started");
	return rc;
}

/* ---- running ---- */

/* Somebody waits for this before he lets the target go on. */
static void tell_ready(struct session *s)
{
	if (s->config->ready_fd <= 0)
		return;
	if (write(s->config->ready_fd, "\n", 1) != 1) {
		log_warn("nobody waits for the trace any more");
		session_stop(s);
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

/* Lets it come to its end, which is near, unless all is to end by force. */
static void end_snapshot(struct session *s)
{
	while (s->snapshot.running && !atomic_load(&s->snapshot.finished)) {
		if (s->force_ns)
			atomic_store(&s->snapshot.canceled, true);
		if (s->force_ns && tkit_now_ns() - s->force_ns > FORCE_NS) {
			s->abandoned = true;
			return;
		}
		watch_step(s, 200);
	}
	snapshot_join(&s->snapshot);
}

static int release(struct session *s, struct err *err)
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
	open_gate(s, GATE_OPEN);
	tell_ready(s);
	return s->launch.pid ? launch_go(&s->launch, err) : 0;
}

static void watch_until_done(struct session *s)
{
	while (!all_reached(s, RUNNER_SERVING)) {
		watch_step(s, ending_timeout(s));
		if (!atomic_load(&s->stopping) && ending_reached(s))
			session_stop(s);
		if (atomic_load(&s->stopping) && ending_hopeless(s)) {
			s->abandoned = true;
			return;
		}
	}
}

static enum runner_state state_of(struct session *s, const struct runner *r)
{
	enum runner_state state;

	pthread_mutex_lock(&s->lock);
	state = r->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

static void join_threads(struct session *s)
{
	for (size_t i = 0; i < s->config->backend_count; i++) {
		struct runner *r = &s->runners[i];

		if (!r->joinable || state_of(s, r) != RUNNER_DONE)
			continue;
		pthread_join(r->thread, NULL);
		r->joinable = false;
	}
}

/* What a stuck backend still had is a loss, even if nobody can say how much. */
static void count_stuck(struct session *s)
{
	for (size_t i = 0; i < s->config->backend_count; i++)
		if (s->runners[i].joinable && state_of(s, &s->runners[i]) < RUNNER_SERVING)
			bus_lose(s->own_source, TKIT_LOSS_FORCED, 1, "a backend did not stop");
	bus_push(s->own_source);
}

static void fill_end(struct session *s, struct tkit_run_end *end)
{
	bool known = true;

	*end = (struct tkit_run_end){.size = sizeof(*end), .wait_status = -1, .complete = 1};
	pthread_mutex_lock(&s->lock);
	if (s->launch.pid && !s->command.alive)
		end->wait_status = s->command.status;
	for (size_t i = 0; i < s->config->backend_count; i++) {
		end->deduped += s->runners[i].stats.deduped;
		end->produced += s->runners[i].stats.produced;
		known = known && s->runners[i].stats.produced;
	}
	if (s->err.rc || s->abandoned)
		end->complete = 0;
	pthread_mutex_unlock(&s->lock);
	if (!known)
		end->produced = 0;
}

/* Waits for the sinks; a forced end waits no longer than it must. */
static int finish_bus(struct session *s, const struct tkit_run_end *end, struct err *err)
{
	bus_end(s->bus, end);
	while (!bus_done(s->bus)) {
		watch_step(s, 200);
		if (s->force_ns && tkit_now_ns() - s->force_ns > FORCE_NS) {
			s->abandoned = true;
			return err_set(err, -ETIMEDOUT,
				       "a sink did not take the rest of the trace in time");
		}
	}
	s->finished = true;
	return bus_finish(s->bus, 0, err);
}

static void log_bus(struct session *s)
{
	const struct bus_totals *totals = bus_totals(s->bus);

	log_debug("bus: batches=%llu batch_allocs=%llu string_allocs=%llu waits=%llu",
		  (unsigned long long)totals->batches, (unsigned long long)totals->batch_allocs,
		  (unsigned long long)totals->string_allocs, (unsigned long long)totals->waits);
}

/* Ends the trace. Returns the first failure of the run. */
static int finish_trace(struct session *s, struct err *err)
{
	struct err sink_err = ERR_INIT;
	struct tkit_run_end end;
	int rc;

	join_threads(s);
	end_snapshot(s);
	count_stuck(s);
	reap_before_end(s);
	fill_end(s, &end);
	rc = finish_bus(s, &end, &sink_err);
	if (s->finished)
		log_bus(s);
	pthread_mutex_lock(&s->lock);
	if (rc < 0 && !s->err.rc)
		s->err = sink_err;
	else
		err_done(&sink_err);
	pthread_mutex_unlock(&s->lock);
	return take_failure(s, err);
}

static bool command_running(struct session *s)
{
	bool running;

	pthread_mutex_lock(&s->lock);
	running = s->launch.pid && s->command.alive;
	pthread_mutex_unlock(&s->lock);
	return running;
}

/*
 * The trace is over, the command is not: it goes on as if tkit were not there. A backend that
 * it cannot do without serves on.
 */
static void outlast_command(struct session *s, int rc, struct err *err)
{
	if (rc < 0 && command_running(s) && !s->force_ns) {
		log_error("%s", err_text(err));
		log_warn("tracing has stopped; the command goes on");
		s->reported = true;
	}
	while ((command_running(s) || !all_reached(s, RUNNER_DONE)) && !s->force_ns &&
	       !s->abandoned)
		watch_step(s, s->launch.pidfd < 0 || s->gone_ns ? 200 : -1);
	while (!all_reached(s, RUNNER_DONE) && !s->abandoned) {
		watch_step(s, 200);
		s->abandoned = tkit_now_ns() - s->force_ns > FORCE_NS;
	}
	join_threads(s);
}

static int abort_run(struct session *s)
{
	atomic_store(&s->stopping, true);
	set_eventfd(s->stop_fd);
	open_gate(s, GATE_ABORT);
	if (s->launch.pid)
		launch_done(&s->launch);
	while (!all_reached(s, RUNNER_DONE) && !s->abandoned) {
		watch_step(s, 200);
		s->abandoned = s->force_ns && tkit_now_ns() - s->force_ns > FORCE_NS;
	}
	join_threads(s);
	return s->abandoned ? 0 : finish_bus(s, NULL, NULL);
}

static int exec_failure(struct session *s, struct err *err)
{
	const char *path = s->executable ? s->executable : s->config->argv[0];

	if (s->exec_errno == ENOENT)
		return err_set(err, -ENOENT,
			       "%s: cannot be executed: its interpreter or ELF loader is missing",
			       path);
	return err_sys(err, -s->exec_errno, "%s: cannot be executed", path);
}

static int run_released(struct session *s, struct err *err)
{
	int rc;

	watch_until_done(s);
	rc = finish_trace(s, err);
	outlast_command(s, rc, err);
	if (rc == 0 && s->exec_errno)
		rc = exec_failure(s, err);
	return rc;
}

/* Lets backends open themselves while it is still to be told whom to watch. */
static int await_target(struct session *s, struct err *err)
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

static int run(struct session *s, struct err *err)
{
	int rc = prepare_backends(s, err);

	if (rc < 0)
		return rc;
	rc = setup_bus(s, err);
	if (rc < 0)
		return rc;
	if (s->config->await)
		rc = await_target(s, err);
	if (rc == 0)
		rc = prepare_target(s, err);
	if (rc == 0)
		rc = setup_sinks(s, err);
	if (rc == 0 && !s->signals_set)
		rc = watch_begin(s, err);
	if (rc == 0 && s->target.kind == TKIT_TARGET_COMMAND)
		rc = setup_command(s, err);
	setup_limits();
	if (rc == 0)
		rc = setup_tree(s, err);
	if (rc == 0)
		rc = arm_backends(s, err);
	if (rc == 0)
		rc = setup_entry(s, err);
	if (rc == 0)
		rc = release(s, err);
	if (rc == 0)
		return run_released(s, err);
	abort_run(s);
	if (s->signal && rc == -EINTR) {
		err_done(err);
		return 0;
	}
	return rc;
}

static void fill_result(struct session *s, struct session_result *result)
{
	result->wait_status = -1;
	result->exec_errno = s->exec_errno;
	result->forced = atomic_load(&s->forced);
	result->signal = s->signal;
	result->reported = s->reported;
	result->abandoned = s->abandoned;
	pthread_mutex_lock(&s->lock);
	if (s->launch.pid && s->launch.reaped && !s->command.alive)
		result->wait_status = s->command.status;
	pthread_mutex_unlock(&s->lock);
	if (s->finished) {
		const struct bus_totals *totals = bus_totals(s->bus);

		result->events = totals->events;
		result->accesses = totals->accesses;
		result->queue_waits = totals->waits;
		memcpy(result->losses, totals->losses, sizeof(result->losses));
	}
	result->complete = !s->abandoned && !s->err.rc;
	for (int i = 0; i < TKIT_LOSS_COUNT_; i++)
		if (result->losses[i])
			result->complete = false;
}

int session_run(const struct session_config *config, struct session_result *ret_result,
		struct err *err)
{
	struct err own = ERR_INIT;
	struct session *s = session_new(config, &own);
	int rc = own.rc;

	memset(ret_result, 0, sizeof(*ret_result));
	if (s && rc == 0)
		rc = run(s, &own);
	if (s)
		fill_result(s, ret_result);
	if (rc < 0 && err)
		*err = own;
	else
		err_done(&own);
	if (!s)
		return rc;
	if (s->abandoned) {
		/* Somebody still uses all of it. */
		watch_end(s);
		return rc;
	}
	session_free(s);
	return rc;
}
