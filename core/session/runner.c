// SPDX-License-Identifier: MIT
/* A backend's thread: all calls to one instance, from open() to close(). */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "plugin/probe.h"
#include "session/priv.h"

/* How long one pump() may wait: with events in hand that the sinks do not have yet, without. */
#define BUSY_MS 10
#define IDLE_MS 50

/* ---- what the backend may call ---- */

/* Only this thread counts, so that no locked instruction is needed. */
static void beat(struct runner *r)
{
	atomic_store_explicit(&r->beats, atomic_load_explicit(&r->beats, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static int runner_emit(void *arg, const struct tkit_event *event)
{
	struct runner *r = arg;
	int rc = r->settled ? -ECANCELED : 0;

	if (rc == 0 && entry_passes(&r->entry, event))
		rc = bus_emit(r->source, event);

	beat(r);
	if (rc == 0) {
		/* A pump() that goes on and on must not hold events back. */
		if (++r->emits % 64 == 0 && bus_age(r->source) > PUSH_AGE_NS)
			rc = bus_push(r->source);
	} else if (rc != -ECANCELED && !r->bad_event) {
		r->bad_event = rc;
		tkit_log(&r->ctx, TKIT_LOG_DEBUG, "bad event: type=%u op=%u size=%u rc=%d",
			 event->type, event->op, event->size, rc);
	}
	return rc;
}

static int runner_stop_fd(void *arg)
{
	return ((struct runner *)arg)->session->stop_fd;
}

static void runner_command_status(void *arg, int status)
{
	struct session *s = ((struct runner *)arg)->session;

	pthread_mutex_lock(&s->lock);
	if (s->command.alive && WIFSTOPPED(status)) {
		s->command.stopped = true;
		s->command.continued = false;
		s->command.stop_signal = WSTOPSIG(status);
	} else if (s->command.alive && WIFCONTINUED(status)) {
		s->command.stopped = false;
		s->command.continued = true;
	} else if (s->command.alive) {
		s->command.alive = false;
		s->command.status = status;
		s->launch.reaped = true;
	}
	pthread_mutex_unlock(&s->lock);
	session_wake(s);
}

static int runner_command_seccomp(void *arg, struct err *err, const struct sock_filter *filter,
				  size_t count, unsigned int flags, int *ret_listener)
{
	struct runner *r = arg;

	if (r->session->target.kind != TKIT_TARGET_COMMAND)
		return err_set(err, -EPERM, "there is no command to install a filter in");
	return launch_seccomp(&r->session->launch, err, filter, count, flags, ret_listener);
}

const struct ctx_session_ops runner_ctx_ops = {
	.emit = runner_emit,
	.stop_fd = runner_stop_fd,
	.command_status = runner_command_status,
	.command_seccomp = runner_command_seccomp,
};

/* ---- life ---- */

static void set_state(struct runner *r, enum runner_state state)
{
	pthread_mutex_lock(&r->session->lock);
	r->state = state;
	pthread_mutex_unlock(&r->session->lock);
	session_wake(r->session);
}

static void fail(struct runner *r, int rc, const char *doing)
{
	if (!r->ctx.err.rc)
		err_sys(&r->ctx.err, rc, "%s", doing);
	pthread_mutex_lock(&r->session->lock);
	r->failed = true;
	pthread_mutex_unlock(&r->session->lock);
	session_fail(r->session, &r->ctx.err, r->name);
}

/* Waits until all of the target is known; false if the run was called off. */
static bool await_target(struct runner *r)
{
	struct session *s = r->session;
	bool known;

	pthread_mutex_lock(&s->lock);
	while (!s->target_known && s->gate == GATE_SHUT)
		pthread_cond_wait(&s->gate_cond, &s->lock);
	known = s->target_known;
	pthread_mutex_unlock(&s->lock);
	return known;
}

/* Waits until main opens the gate; false if the run was called off. */
static bool pass_gate(struct runner *r)
{
	struct session *s = r->session;
	bool open;

	pthread_mutex_lock(&s->lock);
	r->state = RUNNER_ARMED;
	session_wake(s);
	while (s->gate == GATE_SHUT)
		pthread_cond_wait(&s->gate_cond, &s->lock);
	open = s->gate == GATE_OPEN;
	if (open)
		r->state = RUNNER_PUMPING;
	pthread_mutex_unlock(&s->lock);
	return open;
}

static int pump(struct runner *r, int timeout_ms)
{
	int rc = r->ops->pump(&r->ctx, r->self, timeout_ms);

	beat(r);
	if (r->bad_event && r->bad_event != -ENOMEM)
		rc = tkit_fail(&r->ctx, r->bad_event, "the backend emitted an invalid event");
	else if (r->bad_event)
		rc = -ENOMEM;
	if (rc == TKIT_END)
		r->drained = true;
	if (rc <= 0 || bus_age(r->source) > PUSH_AGE_NS)
		bus_push(r->source);
	return rc;
}

static void pump_until_stop(struct runner *r)
{
	while (!atomic_load(&r->session->stopping)) {
		int rc = pump(r, bus_age(r->source) ? BUSY_MS : IDLE_MS);

		if (rc == TKIT_END || rc == -ECANCELED)
			return;
		if (rc < 0) {
			fail(r, rc, "watching");
			return;
		}
	}
}

static void pause_1ms(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

/* Takes out what the kernel had queued before stop(). */
static void drain(struct runner *r)
{
	struct session *s = r->session;
	uint64_t limit = s->config->drain_ns ? s->config->drain_ns : DRAIN_NS;
	uint64_t progress = tkit_now_ns();

	while (!r->drained) {
		int rc = pump(r, 100);
		uint64_t now = tkit_now_ns();

		if ((rc == 0 || rc == -ECANCELED) &&
		    (r->spec->plugin->desc.caps & TKIT_BACKEND_WAITS)) {
			r->quiet = true;
			return;
		}
		if (rc == TKIT_END || rc == -ECANCELED)
			return;
		if (rc < 0) {
			fail(r, rc, "reading the last events");
			return;
		}
		if (rc > 0)
			progress = now;
		if (now - progress > (atomic_load(&s->forced) ? FORCE_NS / 4 : limit))
			return;
		if (rc == 0)
			pause_1ms();
	}
}

/* Whatever was not read to its end is a loss, even if nobody can say how much. */
static void settle(struct runner *r)
{
	uint64_t refused = bus_refused(r->source);

	if ((!r->drained && !r->quiet) || refused)
		bus_lose(r->source, TKIT_LOSS_FORCED, refused ? refused : 1,
			 r->failed    ? "the backend failed"
			 : r->drained ? "stopped by force"
				      : "not all events were read before the end");
	bus_push(r->source);
}

static void take_stats(struct runner *r)
{
	struct tkit_stats stats = {.size = sizeof(stats)};

	if (!r->ops->stats || r->ops->stats(&r->ctx, r->self, &stats) < 0)
		stats = (struct tkit_stats){.emitted = bus_emitted(r->source),
					    .lost = bus_lost(r->source)};
	tkit_log(&r->ctx, TKIT_LOG_DEBUG,
		 "produced=%llu emitted=%llu deduped=%llu lost=%llu counted=%llu",
		 (unsigned long long)stats.produced, (unsigned long long)stats.emitted,
		 (unsigned long long)stats.deduped, (unsigned long long)stats.lost,
		 (unsigned long long)bus_lost(r->source));
	if (stats.lost > bus_lost(r->source)) {
		/* Its own sum is the larger one: the difference was never told. */
		bus_lose(r->source, TKIT_LOSS_UPSTREAM, stats.lost - bus_lost(r->source),
			 "counted by the backend only");
		bus_push(r->source);
	}
	pthread_mutex_lock(&r->session->lock);
	r->stats = stats;
	pthread_mutex_unlock(&r->session->lock);
}

/*
 * The trace is over, but the command or its descendants cannot do without their tracer
 * (a seccomp filter that asks for it): it goes on until they end or tkit is to end by force.
 */
static void serve(struct runner *r)
{
	set_state(r, RUNNER_SERVING);
	while (!r->drained && !atomic_load(&r->session->forced)) {
		int rc = pump(r, 250);

		if (rc == -ECANCELED) {
			pause_1ms();
		} else if (rc < 0 && rc != TKIT_END) {
			tkit_log(&r->ctx, TKIT_LOG_WARN, "%s", err_text(&r->ctx.err));
			return;
		}
	}
}

/* Makes the instance, if possible before it is known whom to watch. Returns whether to go on. */
static bool open_backend(struct runner *r)
{
	const void *options = r->spec->options ? plugin_options_data(r->spec->options) : NULL;
	bool early = backend_caps(r->spec->plugin, r->spec->options) & TKIT_BACKEND_EARLY;
	int rc;

	if (!early && !await_target(r))
		return false;
	rc = r->ops->open(&r->ctx, options, &r->session->target, &r->self);
	if (rc < 0) {
		fail(r, rc, "opening");
		return false;
	}
	if (await_target(r))
		return true;
	r->ops->close(&r->ctx, r->self);
	return false;
}

static void run(struct runner *r)
{
	bool open;
	int rc;

	if (!open_backend(r))
		return;
	rc = r->ops->start(&r->ctx, r->self);
	if (rc >= 0 && r->bad_event)
		rc = tkit_fail(&r->ctx, r->bad_event, "the backend emitted an invalid event");
	if (rc < 0) {
		fail(r, rc, "starting");
		r->ops->close(&r->ctx, r->self);
		return;
	}
	open = pass_gate(r);
	if (open)
		pump_until_stop(r);
	rc = r->ops->stop ? r->ops->stop(&r->ctx, r->self) : 0;
	if (rc < 0 && !r->failed)
		fail(r, rc, "stopping");
	if (open) {
		if (!r->failed)
			drain(r);
		settle(r);
		take_stats(r);
		r->settled = true;
		if (r->quiet && !r->drained && !r->failed)
			serve(r);
	}
	r->ops->close(&r->ctx, r->self);
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	run(r);
	set_state(r, RUNNER_DONE);
	return NULL;
}

int runner_start(struct runner *r, struct err *err)
{
	int rc = pthread_create(&r->thread, NULL, runner_main, r);

	if (rc)
		return err_sys(err, -rc, "starting the thread of backend %s", r->name);
	r->joinable = true;
	return 0;
}
