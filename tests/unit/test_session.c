// SPDX-License-Identifier: MIT
/* The life cycle, with backends and sinks made here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/session.h"
#include "util/log.h"

/* What a test tells its backend, and what came of it. Reached through plugin options. */
struct script {
	/* told */
	int fail_open, fail_start, fail_pump, never_end, end_at_once;
	int linger_ms;    /* a made-up descendant lives so long after the command */
	bool lose_exit;   /* ... and its exit is never told */
	uint64_t produce; /* events per pump */
	/* seen */
	char calls[64]; /* o s p x(stop) e(end) t(stats) c */
	pid_t pid;
	uint64_t emitted;
	int command_status;
	int listener;
	unsigned int seccomp_stops;
	uint64_t gone_ns;
	bool root_told, forked;
	pthread_t thread;
	bool wrong_thread;
};

/* One script per backend, found by the backend's name: options are opaque to core here. */
static struct script scripts[2];

struct fake {
	struct script *script;
	bool stopped;
};

static void note(struct script *script, char call)
{
	size_t len = strlen(script->calls);

	if (call == 'o')
		script->thread = pthread_self();
	else if (!pthread_equal(script->thread, pthread_self()))
		script->wrong_thread = true;
	if (len && script->calls[len - 1] == call)
		return; /* pump after pump */
	if (len + 1 < sizeof(script->calls))
		script->calls[len] = call;
}

static int open_fake(struct tkit_ctx *ctx, struct script *script, const struct tkit_target *target,
		     void **ret_self)
{
	struct fake *fake;

	note(script, 'o');
	script->pid = target->pid;
	if (script->fail_open)
		return tkit_fail(ctx, -EPERM, "no way; try another");
	fake = calloc(1, sizeof(*fake));
	fake->script = script;
	*ret_self = fake;
	return 0;
}

static int open_first(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		      void **ret_self)
{
	return open_fake(ctx, &scripts[0], target, ret_self);
}

static int open_second(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		       void **ret_self)
{
	return open_fake(ctx, &scripts[1], target, ret_self);
}

static int fake_start(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 's');
	return fake->script->fail_start ? tkit_fail(ctx, -EACCES, "cannot arm") : 0;
}

static int emit(struct tkit_ctx *ctx, struct script *script, int type, pid_t pid)
{
	struct tkit_event event;
	int rc;

	tkit_event_init(&event, type);
	event.op = type == TKIT_EVENT_ACCESS ? TKIT_OP_OPEN : TKIT_OP_NONE;
	event.valid = TKIT_V_PID;
	event.pid = pid;
	rc = tkit_emit(ctx, &event);
	if (rc == 0)
		script->emitted++;
	return rc;
}

static int fake_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct fake *fake = self;
	struct script *script = fake->script;
	struct pollfd fd = {.fd = tkit_stop_fd(ctx), .events = POLLIN};

	note(script, 'p');
	if (script->fail_pump)
		return tkit_fail(ctx, -EIO, "source broke");
	for (uint64_t i = 0; i < script->produce; i++)
		if (emit(ctx, script, TKIT_EVENT_ACCESS, script->pid) < 0)
			return -ECANCELED;
	if (script->end_at_once)
		return TKIT_END;
	if (fake->stopped)
		return script->never_end ? 0 : TKIT_END;
	poll(&fd, 1, timeout_ms);
	return (int)script->produce;
}

static int fake_stop(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 'x');
	fake->stopped = true;
	return 0;
}

static int fake_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct fake *fake = self;

	note(fake->script, 't');
	stats->emitted = fake->script->emitted;
	return 0;
}

static void fake_close(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;

	note(fake->script, 'c');
	free(fake);
}

/* ---- a sink that counts ---- */

static struct {
	int opened, begun, ended, closed;
	uint64_t events;
	struct tkit_run_end end;
	uint64_t losses[TKIT_LOSS_COUNT_];
	uint32_t backend_count;
	bool id_set;
	char cwd[4096];
} seen;

static int count_open(struct tkit_ctx *ctx, const void *options, const char *output,
		      void **ret_self)
{
	seen.opened++;
	*ret_self = &seen;
	return 0;
}

static int count_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	seen.begun++;
	seen.backend_count = run->backend_count;
	for (size_t i = 0; i < sizeof(run->id); i++)
		seen.id_set = seen.id_set || run->id[i];
	snprintf(seen.cwd, sizeof(seen.cwd), "%s", run->cwd);
	assert_non_null(run->host);
	assert_non_null(run->kernel);
	assert_non_null(run->target);
	assert_non_null(run->image_digest);
	assert_non_null(run->container_id);
	assert_non_null(run->backends[0].options);
	return 0;
}

static int count_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	seen.events += batch->count;
	return 0;
}

static int count_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	seen.ended++;
	seen.end = *end;
	memcpy(seen.losses, end->losses, sizeof(seen.losses));
	return 0;
}

static int count_close(struct tkit_ctx *ctx, void *self)
{
	seen.closed++;
	return 0;
}

static const struct tkit_sink_ops sink_ops = {.open = count_open,
					      .begin = count_begin,
					      .write = count_write,
					      .end = count_end,
					      .close = count_close};
static const struct plugin sink_plugin = {.desc = {.kind = TKIT_KIND_SINK, .name = "count"},
					  .ops = &sink_ops};

/* ---- running ---- */

static struct tkit_backend_ops backend_ops[2] = {
	{.open = open_first,
	 .start = fake_start,
	 .pump = fake_pump,
	 .stop = fake_stop,
	 .stats = fake_stats,
	 .close = fake_close},
	{.open = open_second,
	 .start = fake_start,
	 .pump = fake_pump,
	 .stop = fake_stop,
	 .stats = fake_stats,
	 .close = fake_close},
};

#define ALL_TARGETS \
	(TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID | TKIT_CAN_TARGET_ALL | TKIT_CAN_TARGET_NONE)

struct setup {
	struct plugin plugins[2];
	struct session_plugin backends[2];
	struct session_plugin sink;
	struct session_config config;
	struct session_result result;
	struct err err;
	char *argv[4];
};

static void prepare(struct setup *s, size_t backends, const char *command)
{
	memset(s, 0, sizeof(*s));
	memset(scripts, 0, sizeof(scripts));
	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < 2; i++) {
		s->plugins[i] = (struct plugin){
			.desc = {.kind = TKIT_KIND_BACKEND,
				 .name = i ? "second" : "first",
				 .caps = ALL_TARGETS},
			.ops = &backend_ops[i],
		};
		s->backends[i].plugin = &s->plugins[i];
	}
	s->sink.plugin = &sink_plugin;
	s->argv[0] = (char *)"sh";
	s->argv[1] = (char *)"-c";
	s->argv[2] = (char *)command;
	s->config = (struct session_config){
		.backends = s->backends,
		.backend_count = backends,
		.sinks = &s->sink,
		.sink_count = 1,
		.target = command ? TKIT_TARGET_COMMAND : TKIT_TARGET_NONE,
		.argv = command ? s->argv : NULL,
	};
}

static int run(struct setup *s)
{
	return session_run(&s->config, &s->result, &s->err);
}

/* Opened to closed; a quick command may be gone before the first pump(). */
static void check_whole_life(const struct script *script)
{
	if (strcmp(script->calls, "osxptc") != 0)
		assert_string_equal(script->calls, "ospxptc");
}

static void test_order(void **state)
{
	struct setup s;
	char cwd[4096];

	prepare(&s, 2, "exit 3");
	assert_int_equal(run(&s), 0);
	assert_true(WIFEXITED(s.result.wait_status));
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 3);
	assert_true(s.result.complete);
	for (int i = 0; i < 2; i++) {
		check_whole_life(&scripts[i]);
		assert_false(scripts[i].wrong_thread);
	}
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(seen.backend_count, 2);
	assert_true(seen.id_set);
	assert_string_equal(seen.cwd, getcwd(cwd, sizeof(cwd)));
	assert_int_equal(seen.end.wait_status, s.result.wait_status);
	assert_int_equal(seen.end.complete, 1);
}

/* start() of a backend looks whether the command has run already. */
static char gate_file[] = "/tmp/tkit-gate-XXXXXX";

static int slow_start(struct tkit_ctx *ctx, void *self)
{
	usleep(100000);
	return access(gate_file, F_OK) == 0 ? tkit_fail(ctx, -EBUSY, "the command ran too early")
					    : fake_start(ctx, self);
}

static void test_gate(void **state)
{
	struct tkit_backend_ops ops = backend_ops[1];
	struct setup s;
	char command[128];

	close(mkstemp(gate_file));
	unlink(gate_file);
	snprintf(command, sizeof(command), "> %s", gate_file);
	prepare(&s, 2, command);
	ops.start = slow_start;
	s.plugins[1].ops = &ops;
	assert_int_equal(run(&s), 0);
	assert_int_equal(unlink(gate_file), 0);
}

static void test_one_backend_fails(void **state)
{
	struct setup s;
	char command[128];

	snprintf(command, sizeof(command), "> %s", gate_file);
	prepare(&s, 2, command);
	scripts[1].fail_start = 1;
	assert_int_equal(run(&s), -EACCES);
	assert_string_equal(s.err.text, "backend second: cannot arm: Permission denied");
	assert_string_equal(scripts[0].calls, "osxc");
	assert_string_equal(scripts[1].calls, "osc");
	assert_int_equal(access(gate_file, F_OK), -1); /* never ran */
	assert_int_equal(seen.begun + seen.ended, 0);
	assert_int_equal(seen.closed, 1);
	err_done(&s.err);

	prepare(&s, 2, command);
	scripts[0].fail_open = 1;
	assert_int_equal(run(&s), -EPERM);
	assert_non_null(strstr(s.err.text, "backend first: no way; try another"));
	assert_string_equal(scripts[0].calls, "o");
	assert_string_equal(scripts[1].calls, "osxc");
	assert_int_equal(access(gate_file, F_OK), -1);
	err_done(&s.err);
}

static void test_pump_fails(void **state)
{
	struct setup s;

	prepare(&s, 2, "sleep 0.2; exit 4");
	scripts[0].fail_pump = 1;
	assert_int_equal(run(&s), -EIO);
	assert_non_null(strstr(s.err.text, "backend first: source broke"));
	assert_true(s.result.reported);
	/* The command was left alone, and waited for. */
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 4);
	check_whole_life(&scripts[1]);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.end.complete, 0);
	assert_int_equal(seen.losses[TKIT_LOSS_FORCED], 1);
	err_done(&s.err);
}

static void test_totals(void **state)
{
	struct setup s;

	prepare(&s, 2, "sleep 0.1");
	scripts[0].produce = 700;
	scripts[1].produce = 11;
	assert_int_equal(run(&s), 0);
	assert_true(scripts[0].emitted > 0);
	assert_int_equal(seen.events, scripts[0].emitted + scripts[1].emitted);
	assert_int_equal(s.result.events, seen.events);
	assert_int_equal(seen.end.accesses, seen.events);
	assert_true(s.result.complete);
}

static void test_stuck(void **state)
{
	struct setup s;

	prepare(&s, 1, "true");
	scripts[0].never_end = 1;
	s.config.drain_ns = 50000000;
	assert_int_equal(run(&s), 0);
	assert_false(s.result.complete);
	assert_int_equal(s.result.losses[TKIT_LOSS_FORCED], 1);
	assert_int_equal(seen.ended, 1);
}

static void test_no_target(void **state)
{
	struct setup s;

	prepare(&s, 1, NULL);
	scripts[0].end_at_once = 1;
	scripts[0].produce = 5;
	assert_int_equal(run(&s), 0);
	assert_int_equal(s.result.wait_status, -1);
	assert_int_equal(seen.events, 5);
	assert_int_equal(seen.end.wait_status, -1);

	prepare(&s, 1, NULL);
	s.config.duration_ns = 100000000;
	assert_int_equal(run(&s), 0);
	assert_true(seen.end.duration_ns >= 100000000);
	assert_true(s.result.complete);
}

static void test_duration_of_command(void **state)
{
	struct setup s;

	prepare(&s, 1, "sleep 0.4; exit 6");
	s.config.duration_ns = 50000000;
	assert_int_equal(run(&s), 0);
	assert_true(seen.end.duration_ns < 300000000);
	assert_int_equal(seen.end.wait_status, -1); /* it was still running */
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 6);
	assert_true(s.result.complete);
}

static void test_pid(void **state)
{
	struct setup s;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		usleep(150000);
		_exit(0);
	}
	prepare(&s, 1, NULL);
	s.config.target = TKIT_TARGET_PID;
	s.config.pid = pid;
	assert_int_equal(run(&s), 0);
	assert_int_equal(scripts[0].pid, pid);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), pid); /* ours to reap, not the session's */
	prepare(&s, 1, NULL);
	s.config.target = TKIT_TARGET_PID;
	s.config.pid = pid;
	assert_int_equal(run(&s), -ESRCH);
	err_done(&s.err);
	close(fds[0]);
	close(fds[1]);
}

static void test_refusals(void **state)
{
	struct setup s;

	prepare(&s, 1, "true");
	s.plugins[0].desc.caps = TKIT_CAN_TARGET_ALL;
	assert_int_equal(run(&s), -EOPNOTSUPP);
	assert_string_equal(s.err.text, "backend first cannot watch a command");
	err_done(&s.err);
	prepare(&s, 2, "true");
	s.plugins[0].desc.caps |= TKIT_BACKEND_WAITS;
	s.plugins[1].desc.caps |= TKIT_BACKEND_WAITS;
	assert_int_equal(run(&s), -EBUSY);
	err_done(&s.err);
	prepare(&s, 1, "true");
	s.argv[0] = (char *)"no-such-command-of-tkit";
	assert_int_equal(run(&s), -ENOENT);
	assert_int_equal(s.result.exec_errno, ENOENT);
	assert_int_equal(seen.opened, 0);
	err_done(&s.err);
}

/* ---- the tree: a backend that reports processes ---- */

static int tree_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct fake *fake = self;
	struct script *script = fake->script;
	pid_t other = 4194303; /* a process that does not exist: the last pid there can be */
	siginfo_t info = {0};

	note(script, 'p');
	if (fake->stopped)
		return TKIT_END;
	if (!script->forked) {
		script->forked = true;
		if (script->linger_ms)
			emit(ctx, script, TKIT_EVENT_FORK, other);
		return 1;
	}
	/* Looks without reaping, as the kernel's tracepoints would. */
	if (!script->root_told &&
	    waitid(P_PID, (id_t)script->pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
	    info.si_pid == 0) {
		usleep(1000);
		return 0;
	}
	if (!script->root_told) {
		script->root_told = true;
		script->gone_ns = tkit_now_ns();
		emit(ctx, script, TKIT_EVENT_EXIT, script->pid);
		return 1;
	}
	if (script->linger_ms && !script->lose_exit &&
	    tkit_now_ns() - script->gone_ns > (uint64_t)script->linger_ms * 1000000u) {
		emit(ctx, script, TKIT_EVENT_EXIT, other);
		script->linger_ms = 0;
		return 1;
	}
	usleep(1000);
	return 0;
}

static void tree_run(struct setup *s, int linger_ms, bool lose_exit, bool until_exit)
{
	static struct tkit_backend_ops ops;

	prepare(s, 1, "true");
	ops = backend_ops[0];
	ops.pump = tree_pump;
	s->plugins[0].ops = &ops;
	s->plugins[0].desc.caps |= TKIT_CAN_PROCESS;
	scripts[0].linger_ms = linger_ms;
	scripts[0].lose_exit = lose_exit;
	s->config.until_exit = until_exit;
	assert_int_equal(run(s), 0);
}

static void test_tree(void **state)
{
	struct setup s;

	tree_run(&s, 0, false, false);
	assert_true(seen.end.duration_ns < 2000000000);
	/* A descendant that outlives the command. It must exist for /proc, or it would be
	 * taken for one whose exit was lost: so it lingers less than one look. */
	tree_run(&s, 300, false, false);
	assert_true(seen.end.duration_ns >= 300000000);
	tree_run(&s, 2000, false, true);
	assert_true(seen.end.duration_ns < 1500000000);
	/* Its exit event is lost: the session ends all the same. */
	tree_run(&s, 1, true, false);
	assert_true(seen.end.duration_ns < 5000000000);
}

/* ---- a backend that waits: ptrace, with a filter in the held command ---- */

static int trace_start(struct tkit_ctx *ctx, void *self)
{
	struct fake *fake = self;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;

	note(fake->script, 's');
	if (ptrace(PTRACE_SEIZE, fake->script->pid, NULL, (void *)options) < 0)
		return tkit_fail(ctx, -errno, "seizing");
	return tkit_command_seccomp(ctx, filter, 4, 0, NULL);
}

static int trace_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct fake *fake = self;
	struct script *script = fake->script;
	int status, sig = 0;
	pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);

	note(script, 'p');
	if (pid < 0)
		return errno == ECHILD ? TKIT_END : -errno;
	if (pid == 0) {
		usleep(500);
		return 0;
	}
	if (!WIFSTOPPED(status)) {
		if (pid == script->pid) {
			script->command_status = status;
			tkit_command_status(ctx, status);
		}
		return 1;
	}
	if (status >> 16 == PTRACE_EVENT_SECCOMP)
		script->seccomp_stops++;
	else if (status >> 16 == 0)
		sig = WSTOPSIG(status);
	ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
	return 1;
}

static int run_traced(struct setup *s, size_t backends, const char *command, uint64_t duration_ns)
{
	static struct tkit_backend_ops ops;

	prepare(s, backends, command);
	s->config.duration_ns = duration_ns;
	ops = backend_ops[0];
	ops.start = trace_start;
	ops.pump = trace_pump;
	s->plugins[0].ops = &ops;
	s->plugins[0].desc.caps |= TKIT_BACKEND_WAITS;
	return run(s);
}

static void test_waiting_backend(void **state)
{
	struct setup s;

	if (run_traced(&s, 2, "for i in 1 2 3 4 5; do /bin/true; done; (exit 9); exit $?", 0) < 0) {
		print_message("skipped: no ptrace here: %s\n", err_text(&s.err));
		err_done(&s.err);
		skip();
	}
	assert_int_equal(WEXITSTATUS(scripts[0].command_status), 9);
	assert_int_equal(s.result.wait_status, scripts[0].command_status);
	check_whole_life(&scripts[1]);
	assert_true(scripts[0].seccomp_stops > 0); /* a shell asks for its parent */
}

/* The trace ends before the command, which cannot do without its tracer: it is served on. */
static void test_serving(void **state)
{
	struct setup s;

	/* Without a tracer getppid(2) would fail in the second shell. */
	if (run_traced(&s, 1, "sleep 0.4; exec sh -c 'test $PPID -gt 1 && exit 9'", 100000000) <
	    0) {
		print_message("skipped: no ptrace here: %s\n", err_text(&s.err));
		err_done(&s.err);
		skip();
	}
	assert_int_equal(WEXITSTATUS(s.result.wait_status), 9);
	assert_true(s.result.complete);
	assert_int_equal(seen.ended, 1);
	assert_int_equal(seen.end.wait_status, -1);
	assert_true(seen.end.duration_ns < 350000000);
	assert_string_equal(scripts[0].calls, "ospxptpc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_one_backend_fails),
		cmocka_unit_test(test_pump_fails),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_duration_of_command),
		cmocka_unit_test(test_pid),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_waiting_backend),
		cmocka_unit_test(test_serving),
	};

	log_set_level((enum tkit_log_level)0); /* failures are expected here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
