// SPDX-License-Identifier: MIT
/* The seccomp_notify backend: callbacks, and the loop of notifications. See README.md. */
#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tkit/tkit.h>

#define RANK       20
#define CONNECT_NS 60000000000ull /* for the first listener of a container to come */
#define ROUND      256            /* notifications in a row before a look at what else there is */

/* Newer than some headers. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static const struct tkit_option options[] = {
	{.name = "sync",
	 .type = TKIT_OPTION_ENUM,
	 .offset = offsetof(struct sn_options, sync),
	 .default_value = "auto",
	 .range = "auto|yes|no",
	 .help = "wake tkit and the program up on the same CPU (Linux 6.6)"},
	{.name = "listen",
	 .type = TKIT_OPTION_STRING,
	 .offset = offsetof(struct sn_options, listen),
	 .help = "containers: socket at which an OCI runtime hands listeners over "
		 "(linux.seccomp.listenerPath)"},
};

static int check_kernel(struct tkit_ctx *ctx, struct seccomp_notif_sizes *sizes)
{
	struct utsname uts;
	unsigned long major, minor;
	char *end;

	uname(&uts);
	major = strtoul(uts.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	/* 5.5 lets a call go on, 5.9 tells when the last process has gone. */
	if (major < 5 || (major == 5 && minor < 9))
		return tkit_fail(ctx, -ENOSYS, "needs Linux 5.9, this is %s", uts.release);
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes) < 0)
		return tkit_fail(ctx, -errno, "seccomp(2) is not allowed here");
	return 0;
}

static int probe(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target)
{
	struct seccomp_notif_sizes sizes;
	int rc = check_kernel(ctx, &sizes);

	if (rc < 0)
		return rc;
	if (((const struct sn_options *)opts)->listen)
		return 1;
	if (target->kind != TKIT_TARGET_COMMAND)
		return tkit_fail(ctx, -EOPNOTSUPP,
				 "can watch only a command that tkit starts; for what runs "
				 "already use --backend ebpf or ptrace");
	return RANK;
}

static void backend_close(struct tkit_ctx *ctx, void *self)
{
	struct sn *sn = self;

	for (size_t i = 0; i < sn->listener_count; i++)
		close(sn->listeners[i].fd);
	if (sn->listener >= 0 && sn->agent < 0)
		close(sn->listener);
	if (sn->agent >= 0) {
		close(sn->agent);
		unlink(sn->opt->listen);
	}
	free(sn->listeners);
	free(sn->request);
	free(sn->response);
	free(sn);
}

static int backend_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
			void **ret_self)
{
	struct seccomp_notif_sizes sizes = {0};
	struct sn *sn;
	int rc = check_kernel(ctx, &sizes);

	if (rc < 0)
		return rc;
	sn = calloc(1, sizeof(*sn));
	if (!sn)
		return tkit_fail(ctx, -ENOMEM, "opening the backend");
	sn->ctx = ctx;
	sn->opt = opts;
	sn->target = target;
	sn->listener = sn->agent = -1;
	sn->request_size = sizes.seccomp_notif > sizeof(*sn->request) ? sizes.seccomp_notif
								      : sizeof(*sn->request);
	sn->response_size = sizes.seccomp_notif_resp > sizeof(*sn->response)
				    ? sizes.seccomp_notif_resp
				    : sizeof(*sn->response);
	sn->request = calloc(1, sn->request_size);
	sn->response = calloc(1, sn->response_size);
	rc = sn->request && sn->response ? 0 : -ENOMEM;
	if (!rc && (target->root_fd >= 0 ? fstat(target->root_fd, &sn->target_root)
					 : stat("/", &sn->target_root)) < 0)
		rc = -errno;
	if (rc < 0) {
		backend_close(ctx, sn);
		return tkit_fail(ctx, rc, "opening the backend");
	}
	*ret_self = sn;
	return 0;
}

/* Once tkit has a call in its hands, signals do not interrupt it any more, where the kernel can. */
static int install(struct sn *sn, const struct sock_filter *code, size_t count, bool *ret_patient)
{
	const unsigned int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int rc =
		tkit_command_seccomp(sn->ctx, code, count,
				     flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &sn->listener);

	*ret_patient = rc == 0;
	if (rc == -EINVAL)
		rc = tkit_command_seccomp(sn->ctx, code, count, flags, &sn->listener);
	return rc;
}

static int start_agent(struct sn *sn)
{
	int fd = sn_agent_listen(sn->ctx, sn->opt->listen);

	if (fd < 0)
		return fd;
	sn->agent = fd;
	sn->reaped = true; /* there is no command */
	sn->since = tkit_now_ns();
	return 0;
}

static int backend_start(struct tkit_ctx *ctx, void *self)
{
	struct sn *sn = self;
	struct sock_filter *code = NULL;
	bool patient, sync = false;
	size_t count;
	int rc;

	if (sn->opt->listen)
		return start_agent(sn);
	rc = sn_filter_build(ctx, &code, &count);
	if (rc < 0)
		return rc;
	rc = install(sn, code, count, &patient);
	free(code);
	if (rc < 0)
		return tkit_fail(ctx, rc, "installing the seccomp filter in the command");
	if (sn->opt->sync != SN_NO)
		sync = ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
			     SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
	if (sn->opt->sync == SN_YES && !sync)
		return tkit_fail(ctx, -errno, "sync=yes: needs Linux 6.6");
	tkit_facilities(ctx,
			patient ? sync ? "wait=killable wake=sync" : "wait=killable wake=async"
				: "wait=interruptible wake=async",
			0);
	return 0;
}

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

static bool still_valid(struct sn *sn)
{
	return ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &sn->request->id) == 0;
}

/* One notification: 1, 0 if it was withdrawn, -errno. */
static int answer(struct sn *sn, struct sn_listener *listener)
{
	bool tell = true;

	memset(sn->request, 0, sn->request_size);
	if (ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_RECV, sn->request) < 0)
		/* ENOENT: killed or interrupted in the meantime; then there was no call */
		return errno == ENOENT || errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (listener) {
		sn_call_identify(sn);
		tell = sn_agent_inside(sn, listener);
	}
	tell = tell && !sn->passing && !sn->emit_error && sn_call_read(sn);
	/* The number may be another thread's by now: then what was read means nothing. */
	if (tell && !still_valid(sn))
		return 0;
	memset(sn->response, 0, sn->response_size);
	sn->response->id = sn->request->id;
	sn->response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (ioctl(sn->listener, SECCOMP_IOCTL_NOTIF_SEND, sn->response) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
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

/* Up to a round of notifications of one listener. 1: it is over. */
static int serve(struct sn *sn, struct sn_listener *listener, short events)
{
	struct pollfd fd = {.fd = listener->fd, .events = POLLIN, .revents = events};

	sn->listener = listener->fd;
	for (int i = 0; i < ROUND && (fd.revents & POLLIN); i++) {
		int rc = answer(sn, listener);

		if (rc < 0)
			return rc;
		if (poll(&fd, 1, 0) < 0)
			return 0;
	}
	return (fd.revents & (POLLHUP | POLLIN)) == POLLHUP;
}

/* The container is over when no process has any of its filters. */
static int serve_all(struct sn *sn, const struct pollfd *fds, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < sn->listener_count; i++) {
		int rc = i < count ? serve(sn, &sn->listeners[i], fds[i].revents) : 0;

		if (rc < 0)
			return tkit_fail(sn->ctx, rc, "answering a notification");
		if (rc)
			close(sn->listeners[i].fd);
		else
			sn->listeners[kept++] = sn->listeners[i];
	}
	if (sn->listener_count && !kept)
		sn->over = true;
	sn->listener_count = kept;
	return 0;
}

static int pump_agent(struct sn *sn, int timeout_ms)
{
	struct pollfd fds[2 + SN_LISTENERS_POLLED] = {
		{.fd = sn->agent, .events = POLLIN},
		{.fd = sn->passing ? -1 : tkit_stop_fd(sn->ctx), .events = POLLIN}};
	size_t count =
		sn->listener_count < SN_LISTENERS_POLLED ? sn->listener_count : SN_LISTENERS_POLLED;
	int rc;

	for (size_t i = 0; i < count; i++)
		fds[2 + i] = (struct pollfd){.fd = sn->listeners[i].fd, .events = POLLIN};
	sn->pumped = 0;
	if (poll(fds, 2 + count, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(sn->ctx, -errno, "waiting for notifications");
	rc = serve_all(sn, fds + 2, count);
	if (rc == 0 && (fds[0].revents & POLLIN)) {
		rc = sn_agent_accept(sn);
		sn->over = sn->over && !sn->listener_count;
	}
	if (rc < 0)
		return rc;
	if (sn->emit_error && !sn->passing)
		return sn->emit_error;
	if (!sn->over && !sn->listener_count && tkit_now_ns() - sn->since > CONNECT_NS)
		return tkit_fail(sn->ctx, -ETIMEDOUT, "no container has connected to %s",
				 sn->opt->listen);
	return sn->over && !sn->pumped ? TKIT_END : (int)sn->pumped;
}

static int backend_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct sn *sn = self;
	struct pollfd fds[] = {{.fd = sn->listener, .events = POLLIN},
			       {.fd = sn->passing ? -1 : tkit_stop_fd(ctx), .events = POLLIN},
			       {.fd = sn->reaped ? -1 : sn->target->pidfd, .events = POLLIN}};
	int rc;

	if (sn->over)
		return TKIT_END;
	if (sn->agent >= 0)
		return pump_agent(sn, timeout_ms);
	sn->pumped = 0;
	reap(sn);
	if (poll(fds, 3, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(ctx, -errno, "waiting for notifications");
	for (int i = 0; i < ROUND && (fds[0].revents & POLLIN); i++) {
		rc = answer(sn, NULL);
		if (rc < 0)
			return tkit_fail(ctx, rc, "answering a notification");
		/* after stop() nothing is told any more, but the calls are still to be answered */
		if (sn->emit_error && !sn->passing)
			return sn->emit_error;
		if (poll(fds, 1, 0) < 0)
			break;
	}
	if ((fds[0].revents & (POLLHUP | POLLIN)) == POLLHUP)
		return finish(sn);
	if (fds[2].revents)
		reap(sn);
	return (int)sn->pumped;
}

/* The filter stays, and without an answer each of its calls would fail: they are let through. */
static int backend_stop(struct tkit_ctx *ctx, void *self)
{
	struct sn *sn = self;
	struct pollfd fd = {.fd = sn->listener, .events = POLLIN};

	if (sn->agent >= 0 && !sn->listener_count)
		sn->over = true;
	if (sn->over || sn->passing || (sn->listener < 0 && sn->agent < 0))
		return 0;
	sn->passing = true;
	if (sn->agent >= 0) {
		tkit_log(ctx, TKIT_LOG_WARN,
			 "the trace is over, but the container still runs and needs tkit for its "
			 "seccomp filter; waiting for it");
		return 0;
	}
	if (poll(&fd, 1, 0) >= 0 && !(fd.revents & POLLHUP))
		tkit_log(ctx, TKIT_LOG_WARN,
			 "the trace is over, but what was started still runs and needs tkit for "
			 "its seccomp filter; waiting for it");
	return 0;
}

static int backend_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	const struct sn *sn = self;

	stats->produced = sn->emitted + sn->lost;
	stats->emitted = sn->emitted;
	stats->deduped = 0;
	stats->lost = sn->lost;
	return 0;
}

#define CAPS                                                                         \
	(TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_METADATA | TKIT_CAN_FAILED |       \
	 TKIT_CAN_REQUESTED | TKIT_CAN_CHANGES | TKIT_CAN_LIST | TKIT_CAN_COMPAT32 | \
	 TKIT_CAN_COUNT_LOSS | TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_NONE |      \
	 TKIT_BACKEND_WAITS | TKIT_BACKEND_ENTRY)

static uint64_t caps(const void *opts)
{
	return CAPS & (((const struct sn_options *)opts)->listen ? ~TKIT_CAN_TARGET_COMMAND
								 : ~TKIT_CAN_TARGET_NONE);
}

static const struct tkit_backend_ops ops = {
	.caps = caps,
	.probe = probe,
	.open = backend_open,
	.start = backend_start,
	.pump = backend_pump,
	.stop = backend_stop,
	.stats = backend_stats,
	.close = backend_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "seccomp_notify",
	.version = "1.0",
	.summary = "unprivileged, without ptrace: asks at each call that takes a path (seccomp)",
	.licence = "MIT",
	.caps = CAPS,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct sn_options),
};
