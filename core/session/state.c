// SPDX-License-Identifier: MIT
/* What the threads of a session tell one another, under its lock; see priv.h. */
#include <unistd.h>

#include "session/priv.h"

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
		err_set(&s->err, cause->rc, "%s%s%s%s", who ? "backend " : "", who ? who : "",
			who ? ": " : "", err_text(cause));
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

void session_open_gate(struct session *s, enum gate how)
{
	pthread_mutex_lock(&s->lock);
	s->gate = how;
	pthread_cond_broadcast(&s->gate_cond);
	pthread_mutex_unlock(&s->lock);
}

/* All threads have come to this point, or beyond. */
bool session_all_reached(struct session *s, enum runner_state state)
{
	bool all = true;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->config->backend_count; i++)
		if (s->runners[i].joinable && s->runners[i].state < state)
			all = false;
	pthread_mutex_unlock(&s->lock);
	return all;
}

enum runner_state session_runner_state(struct session *s, const struct runner *r)
{
	enum runner_state state;

	pthread_mutex_lock(&s->lock);
	state = r->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

bool session_command_running(struct session *s)
{
	bool running;

	pthread_mutex_lock(&s->lock);
	running = s->launch.pid && s->command.alive;
	pthread_mutex_unlock(&s->lock);
	return running;
}

int session_failure(struct session *s, struct err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = s->err.rc ? err_set(err, s->err.rc, "%s", err_text(&s->err)) : 0;
	pthread_mutex_unlock(&s->lock);
	return rc;
}
