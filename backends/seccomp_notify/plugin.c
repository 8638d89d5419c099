// SPDX-License-Identifier: MIT
/* The seccomp_notify backend: callbacks. See README.md. */
#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tkit/tkit.h>

#define RANK 20

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
	sn_threads_release(sn);
	free(sn->listeners);
	free(sn->polled);
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
	/*
	 * What changes a root directory is asked about, but what a container's own profile says of
	 * setns(2) is not known, nor are the numbers of 32-bit ARM.
	 */
	sn->roots_watched = sn->opt->listen || tkit_native_arch() != TKIT_ARCH_X86_64;
	sn->request_size = sizes.seccomp_notif > sizeof(*sn->request) ? sizes.seccomp_notif
								      : sizeof(*sn->request);
	sn->response_size = sizes.seccomp_notif_resp > sizeof(*sn->response)
				    ? sizes.seccomp_notif_resp
				    : sizeof(*sn->response);
	sn->request = calloc(1, sn->request_size);
	sn->response = calloc(1, sn->response_size);
	sn->polled = calloc(2, sizeof(*sn->polled));
	rc = sn->request && sn->response && sn->polled ? 0 : -ENOMEM;
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

static int backend_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	return sn_loop_pump(self, timeout_ms);
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
