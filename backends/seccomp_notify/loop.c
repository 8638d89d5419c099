// SPDX-License-Identifier: MIT
/* pump(): waits for notifications and answers them. */
#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tkit/tkit.h>

#define CONNECT_NS 60000000000ull /* for the first listener of a container to come */
#define TURN_NS    10000000u      /* of answers, before a look at what else there is */
#define NEXT_MS    2              /* for the next notification of a turn to come */

/* The command's own status is ours to report, as we may outlive the trace. */
static void reap(struct sn *sn)
{
	int status;

	while (!sn->reaped) {
		pid_t pid = waitpid(sn->target->pid, &status, WNOHANG | WUNTRACED | WCONTINUED);

		if (pid == 0 || (pid < 0 && errno == EINTR))
			return;
		if (pid < 0) {
			sn->reaped = true;
			return;
		}
		sn->reaped = WIFEXITED(status) || WIFSIGNALED(status);
		tkit_command_status(sn->ctx, status);
	}
}

bool sn_loop_valid(struct sn *sn)
{
	return ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &sn->request->id) == 0;
}

/*
 * One notification: 1, 0 if it was withdrawn, -errno. There is no need to ask whether it is still
 * valid before it is answered: the kernel takes no answer to one that is not, and what was read
 * until then is told only after that.
 */
static int answer(struct sn *sn, struct sn_listener *listener)
{
	bool tell = true;

	memset(sn->request, 0, sn->request_size);
	if (ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_RECV, sn->request) < 0)
		/* ENOENT: killed or interrupted in the meantime; then there was no call */
		return errno == ENOENT || errno == EINTR || errno == EAGAIN ? 0 : -errno;
	sn_call_identify(sn);
	if (listener)
		tell = sn_agent_inside(sn, listener);
	tell = tell && !sn->passing && !sn->emit_error && sn_call_read(sn);
	memset(sn->response, 0, sn->response_size);
	sn->response->id = sn->request->id;
	sn->response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_SEND, sn->response) < 0) {
		int rc = -errno;

		sn_thread_forget(sn);
		return rc == -ENOENT || rc == -EINTR ? 0 : rc;
	}
	if (tell)
		sn_call_emit(sn);
	return 1;
}

/* All processes that carry the filter have gone. */
static int finish(struct sn *sn)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	reap(sn);
	if (!sn->reaped) { /* about to end */
		nanosleep(&moment, NULL);
		return (int)sn->pumped;
	}
	sn->over = true;
	return sn->pumped ? (int)sn->pumped : TKIT_END;
}

/*
 * Answers what has come to sn->listener, and what comes soon after: the thread that was answered
 * runs at once, on this CPU, and its next call is best waited for here. 1: no process is left that
 * could ask.
 */
static int serve(struct sn *sn, struct sn_listener *listener, short events, int next_ms)
{
	struct pollfd fd = {.fd = sn->listener, .events = POLLIN, .revents = events};
	uint64_t until = fd.revents & POLLIN ? tkit_now_ns() + TURN_NS : 0;

	while (fd.revents & POLLIN) {
		int rc = answer(sn, listener);

		if (rc < 0)
			return tkit_fail(sn->ctx, rc, "answering a notification");
		/* after stop() nothing is told any more, but the calls are still to be answered */
		if (sn->emit_error && !sn->passing)
			return sn->emit_error;
		if (tkit_now_ns() > until || poll(&fd, 1, next_ms) < 0)
			return 0;
	}
	return (fd.revents & (POLLHUP | POLLIN)) == POLLHUP;
}

/* The container is over when no process has any of its filters. */
static int serve_all(struct sn *sn, const struct pollfd *fds, int next_ms)
{
	size_t kept = 0;
	int failed = 0;

	for (size_t i = 0; i < sn->listener_count; i++) {
		int rc;

		sn->listener = sn->listeners[i].fd;
		rc = failed ? 0 : serve(sn, &sn->listeners[i], fds[i].revents, next_ms);
		if (rc < 0)
			failed = rc;
		if (rc > 0)
			close(sn->listeners[i].fd);
		else
			sn->listeners[kept++] = sn->listeners[i];
	}
	if (sn->listener_count && !kept)
		sn->over = true;
	sn->listener_count = kept;
	return failed;
}

static int pump_agent(struct sn *sn, int timeout_ms)
{
	size_t count = sn->listener_count;
	struct pollfd *fds = sn->polled;
	int rc;

	fds[0] = (struct pollfd){.fd = sn->agent, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = sn->passing ? -1 : tkit_stop_fd(sn->ctx), .events = POLLIN};
	for (size_t i = 0; i < count; i++)
		fds[2 + i] = (struct pollfd){.fd = sn->listeners[i].fd, .events = POLLIN};
	if (poll(fds, 2 + count, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(sn->ctx, -errno, "waiting for notifications");
	/* where there are several, none waits while another one may come */
	rc = serve_all(sn, fds + 2, count == 1 && timeout_ms ? NEXT_MS : 0);
	if (rc == 0 && (fds[0].revents & POLLIN)) {
		rc = sn_agent_accept(sn);
		sn->over = sn->over && !sn->listener_count;
	}
	if (rc < 0)
		return rc;
	if (!sn->over && !sn->listener_count && tkit_now_ns() - sn->since > CONNECT_NS)
		return tkit_fail(sn->ctx, -ETIMEDOUT, "no container has connected to %s",
				 sn->opt->listen);
	return sn->over && !sn->pumped ? TKIT_END : (int)sn->pumped;
}

static int pump_command(struct sn *sn, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = sn->listener, .events = POLLIN},
			       {.fd = sn->passing ? -1 : tkit_stop_fd(sn->ctx), .events = POLLIN},
			       {.fd = sn->reaped ? -1 : sn->target->pidfd, .events = POLLIN}};
	int rc;

	reap(sn);
	if (poll(fds, 3, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(sn->ctx, -errno, "waiting for notifications");
	rc = serve(sn, NULL, fds[0].revents, timeout_ms ? NEXT_MS : 0);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return finish(sn);
	if (fds[2].revents)
		reap(sn);
	return (int)sn->pumped;
}

int sn_loop_pump(struct sn *sn, int timeout_ms)
{
	if (sn->over)
		return TKIT_END;
	sn->pumped = 0;
	return sn->agent >= 0 ? pump_agent(sn, timeout_ms) : pump_command(sn, timeout_ms);
}
