// SPDX-License-Identifier: MIT
/* The life cycle of a session; see session.h and the picture in <tkit/backend.h>. */
#include "session/session.h"

#include <errno.h>
#include <string.h>

#include "session/arming.h"
#include "session/ending.h"
#include "session/finish.h"
#include "session/prepare.h"
#include "session/setup.h"

static void watch_until_done(struct session *s)
{
	while (!session_all_reached(s, RUNNER_SERVING)) {
		watch_step(s, ending_timeout(s));
		if (!atomic_load(&s->stopping) && ending_reached(s))
			session_stop(s);
		if (atomic_load(&s->stopping) && ending_hopeless(s)) {
			s->abandoned = true;
			return;
		}
	}
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
	finish_outlast(s, rc, err);
	if (rc == 0 && s->exec_errno)
		rc = exec_failure(s, err);
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
		rc = arming_await(s, err);
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
		rc = arming_arm(s, err);
	if (rc == 0)
		rc = setup_entry(s, err);
	if (rc == 0)
		rc = arming_release(s, err);
	if (rc == 0)
		return run_released(s, err);
	finish_abort(s);
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
