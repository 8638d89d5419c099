// SPDX-License-Identifier: MIT
/* Sessions whose backend follows a tree of processes, or waits for the command itself. */
#include "session_fake.h"

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
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_waiting_backend),
		cmocka_unit_test(test_serving),
	};

	log_set_level((enum tkit_log_level)0); /* failures are expected here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
