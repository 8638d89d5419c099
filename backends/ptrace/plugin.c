// SPDX-License-Identifier: MIT
/* The ptrace backend: callbacks, options, what it can see. See README.md. */
#include "ptrace.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <tkit/tkit.h>

#define RANK 50

static const struct tkit_option options[] = {
	{.name = "seccomp",
	 .type = TKIT_OPTION_ENUM,
	 .offset = offsetof(struct pt_options, seccomp),
	 .default_value = "auto",
	 .range = "auto|yes|no",
	 .help = "let a seccomp filter stop only the calls that take a path"},
	{.name = "exit-kill",
	 .type = TKIT_OPTION_ENUM,
	 .offset = offsetof(struct pt_options, exit_kill),
	 .default_value = "auto",
	 .range = "auto|yes|no",
	 .help = "kill what is traced if tkit dies; auto: where the filter is used"},
	{.name = "pin",
	 .type = TKIT_OPTION_ENUM,
	 .offset = offsetof(struct pt_options, pin),
	 .default_value = "auto",
	 .range = "auto|yes|no",
	 .help = "run the tracing thread on the CPU of the thread that it traces"},
	{.name = "inode",
	 .type = TKIT_OPTION_BOOL,
	 .offset = offsetof(struct pt_options, inode),
	 .default_value = "yes",
	 .help = "report device, inode and mode of opened files"},
};

/* The number in a one-number file of /proc, or -1. */
static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	char text[32];
	int value = -1;

	if (!f)
		return -1;
	if (fgets(text, sizeof(text), f))
		value = (int)strtol(text, NULL, 10);
	fclose(f);
	return value;
}

static int check_kernel(struct tkit_ctx *ctx)
{
	struct utsname uts;
	unsigned long major, minor;
	char *end;

	uname(&uts);
	major = strtoul(uts.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	if (major < 5 || (major == 5 && minor < 3))
		return tkit_fail(ctx, -ENOSYS,
				 "needs PTRACE_GET_SYSCALL_INFO of Linux 5.3, this is %s",
				 uts.release);
	return 0;
}

static int probe(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target)
{
	int scope = read_number("/proc/sys/kernel/yama/ptrace_scope");
	int rc = check_kernel(ctx);

	if (rc < 0)
		return rc;
	if (target->kind == TKIT_TARGET_ALL || target->kind == TKIT_TARGET_NONE)
		return tkit_fail(
			ctx, -EOPNOTSUPP,
			"can watch a command, a process or a control group, nothing wider; "
			"try --backend ebpf");
	/* no such process: ESRCH, unless the call itself is refused */
	if (ptrace(PTRACE_SEIZE, -1, 0, 0) < 0 && errno != ESRCH)
		return tkit_fail(ctx, -errno,
				 "ptrace(2) is not allowed here; in a container it takes "
				 "--cap-add SYS_PTRACE or a seccomp profile that allows it");
	if (scope >= 3)
		return tkit_fail(ctx, -EPERM, "kernel.yama.ptrace_scope is 3: no tracing at all");
	if (scope == 2 && geteuid() != 0)
		return tkit_fail(ctx, -EPERM,
				 "kernel.yama.ptrace_scope is 2: needs CAP_SYS_PTRACE (root)");
	if (scope == 1 && target->kind != TKIT_TARGET_COMMAND && geteuid() != 0)
		return tkit_fail(ctx, -EPERM,
				 "kernel.yama.ptrace_scope is 1: attaching to a running process "
				 "needs CAP_SYS_PTRACE (root)");
	return RANK;
}

static int backend_open(struct tkit_ctx *ctx, const void *opts, const struct tkit_target *target,
			void **ret_self)
{
	struct pt *pt = calloc(1, sizeof(*pt));
	struct stat ns;

	if (!pt)
		return tkit_fail(ctx, -ENOMEM, "opening the backend");
	pt->ctx = ctx;
	pt->opt = opts;
	pt->target = target;
	pt->pin.cpu = -1;
	if (stat("/", &pt->own_root) < 0 || stat("/proc/self/ns/mnt", &ns) < 0) {
		int rc = tkit_fail(ctx, -errno, "reading /proc/self; is /proc mounted?");

		free(pt);
		return rc;
	}
	pt->own_mnt_ns = ns.st_ino;
	pt->target_root = pt->own_root;
	if (target->root_fd >= 0)
		(void)fstat(target->root_fd, &pt->target_root);
	*ret_self = pt;
	return 0;
}

/* The held command gets the filter before it is seized: no stop can come in between. */
static int install_filter(struct pt *pt)
{
	struct sock_filter *code = NULL;
	size_t count;
	int rc;

	if (pt->opt->seccomp == PT_NO || pt->target->kind != TKIT_TARGET_COMMAND) {
		if (pt->opt->seccomp == PT_YES)
			return tkit_fail(pt->ctx, -EINVAL,
					 "seccomp=yes works only for a command, a running "
					 "process cannot be given a filter");
		return 0;
	}
	rc = pt_filter_build(pt->ctx, &code, &count);
	if (rc < 0)
		return rc;
	rc = tkit_command_seccomp(pt->ctx, code, count, 0, NULL);
	free(code);
	if (rc == 0)
		pt->filter = true;
	else if (pt->opt->seccomp == PT_YES)
		return tkit_fail(pt->ctx, rc, "installing the seccomp filter in the command");
	else
		tkit_log(pt->ctx, TKIT_LOG_INFO, "no seccomp filter (%s): every call will stop",
			 strerror(-rc));
	return 0;
}

static int backend_start(struct tkit_ctx *ctx, void *self)
{
	struct pt *pt = self;
	int rc = install_filter(pt);

	if (rc < 0)
		return rc;
	rc = pt_wait_init(pt);
	if (rc < 0)
		return rc;
	pt->ptrace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	if (pt->filter)
		pt->ptrace_options |= PTRACE_O_TRACESECCOMP;
	if (pt->opt->exit_kill == PT_YES || (pt->opt->exit_kill == PT_AUTO && pt->filter))
		pt->ptrace_options |= PTRACE_O_EXITKILL;
	if (pt->target->kind == TKIT_TARGET_CGROUP)
		return pt_seize_group(pt);
	return pt->target->kind == TKIT_TARGET_COMMAND ? pt_seize_command(pt) : pt_seize_pid(pt);
}

static bool stop_wanted(struct pt *pt)
{
	struct pollfd p = {.fd = tkit_stop_fd(pt->ctx), .events = POLLIN};

	/* once stop() was called there is nothing to be in a hurry for */
	return !pt->passing && !pt->detaching && poll(&p, 1, 0) > 0;
}

static int pump_loop(struct pt *pt, int timeout_ms)
{
	uint64_t until = tkit_now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;

	for (uint32_t i = 1;; i++) {
		int status = 0;
		pid_t tid = pt_wait(pt, timeout_ms > 0, &status);
		uint64_t now;

		if (tid > 0) {
			pt_pin_stop(pt, tid);
			pt_stop(pt, tid, status);
		}
		/* after stop() nothing is told any more, but the tracees are still to be served */
		if (pt->emit_error && !pt->passing && !pt->detaching)
			return pt->emit_error;
		if (tid == -ECHILD) {
			pt->over = true;
			return pt->pumped ? (int)pt->pumped : TKIT_END;
		}
		now = tkit_now_ns();
		if (pt->held_count)
			pt_adopt_late(pt, now);
		if (now >= until || ((tid == 0 || i % 256 == 0) && stop_wanted(pt)))
			return (int)pt->pumped;
	}
}

static int backend_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct pt *pt = self;
	int rc;

	if (pt->over || !pt->started)
		return TKIT_END;
	if (timeout_ms < 0)
		timeout_ms = 100;
	pt->pumped = 0;
	pt_unpark(pt);
	pt_watch_group(pt);
	if (timeout_ms > 0)
		pt_wait_ticks(pt, true);
	rc = pump_loop(pt, timeout_ms);
	pt_pin_rest(pt);
	if (timeout_ms > 0)
		pt_wait_ticks(pt, false);
	return rc;
}

/*
 * Without a filter the tracees are let go. With it they cannot be: without a tracer the
 * kernel answers each filtered call with ENOSYS. So they are served, unobserved, until they
 * end; pump() returns TKIT_END then.
 */
static int backend_stop(struct tkit_ctx *ctx, void *self)
{
	struct pt *pt = self;

	if (pt->over || !pt->count || pt->passing || pt->detaching)
		return 0;
	if (!pt->filter) {
		pt_detach_begin(pt);
		return 0;
	}
	pt->passing = true;
	tkit_log(ctx, TKIT_LOG_WARN,
		 "the trace is over, but %u traced thread(s) still run and need tkit for their "
		 "seccomp filter; waiting for them (seccomp=no avoids it)",
		 pt->count);
	return 0;
}

static int backend_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	const struct pt *pt = self;

	stats->produced = pt->emitted + pt->lost;
	stats->emitted = pt->emitted;
	stats->deduped = 0;
	stats->lost = pt->lost;
	return 0;
}

static void backend_close(struct tkit_ctx *ctx, void *self)
{
	struct pt *pt = self;

	if (pt->count && pt->filter && (pt->ptrace_options & PTRACE_O_EXITKILL))
		pt_abandon(pt);
	else
		pt_detach_now(pt);
	pt_wait_done(pt);
	free(pt);
}

static const struct tkit_backend_ops ops = {
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
	.name = "ptrace",
	.version = "1.0",
	.summary = "exact and unprivileged: stops each call that takes a path (ptrace, seccomp)",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_INTERP | TKIT_CAN_METADATA |
		TKIT_CAN_FAILED | TKIT_CAN_REQUESTED | TKIT_CAN_RESOLVED | TKIT_CAN_CHANGES |
		TKIT_CAN_LIST | TKIT_CAN_PROCESS | TKIT_CAN_CREATED | TKIT_CAN_COMPAT32 |
		TKIT_CAN_SOCKET | TKIT_CAN_INODE | TKIT_CAN_COUNT_LOSS | TKIT_CAN_TARGET_COMMAND |
		TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_CGROUP | TKIT_BACKEND_WAITS,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct pt_options),
};
