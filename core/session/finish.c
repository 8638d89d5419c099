// SPDX-License-Identifier: MIT
/* See finish.h. */
#include "session/finish.h"

#include <errno.h>

#include "session/ending.h"
#include "util/log.h"

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

static void join_threads(struct session *s)
{
	for (size_t i = 0; i < s->config->backend_count; i++) {
		struct runner *r = &s->runners[i];

		if (!r->joinable || session_runner_state(s, r) != RUNNER_DONE)
			continue;
		pthread_join(r->thread, NULL);
		r->joinable = false;
	}
}

/* What a stuck backend still had is a loss, even if nobody can say how much. */
static void count_stuck(struct session *s)
{
	for (size_t i = 0; i < s->config->backend_count; i++)
		if (s->runners[i].joinable &&
		    session_runner_state(s, &s->runners[i]) < RUNNER_SERVING)
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
int finish_trace(struct session *s, struct err *err)
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
	return session_failure(s, err);
}

/*
 * The trace is over, the command is not: it goes on as if tkit were not there. A backend that
 * it cannot do without serves on.
 */
void finish_outlast(struct session *s, int rc, struct err *err)
{
	if (rc < 0 && session_command_running(s) && !s->force_ns) {
		log_error("%s", err_text(err));
		log_warn("tracing has stopped; the command goes on");
		s->reported = true;
	}
	while ((session_command_running(s) || !session_all_reached(s, RUNNER_DONE)) &&
	       !s->force_ns && !s->abandoned)
		watch_step(s, s->launch.pidfd < 0 || s->gone_ns ? 200 : -1);
	while (!session_all_reached(s, RUNNER_DONE) && !s->abandoned) {
		watch_step(s, 200);
		s->abandoned = tkit_now_ns() - s->force_ns > FORCE_NS;
	}
	join_threads(s);
}

int finish_abort(struct session *s)
{
	session_stop(s);
	session_open_gate(s, GATE_ABORT);
	if (s->launch.pid)
		launch_done(&s->launch);
	while (!session_all_reached(s, RUNNER_DONE) && !s->abandoned) {
		watch_step(s, 200);
		s->abandoned = s->force_ns && tkit_now_ns() - s->force_ns > FORCE_NS;
	}
	join_threads(s);
	return s->abandoned ? 0 : finish_bus(s, NULL, NULL);
}
