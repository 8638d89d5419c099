// SPDX-License-Identifier: MIT
#include "bench/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/dir.h"
#include "bench/settle.h"
#include "util/cleanup.h"
#include "util/num.h"
#include "util/smallfile.h"

#define SETTLE_STEP (50 * PROC_MS)
/* How long one may take to end. */
#define END_MOST (15 * PROC_S)

int runner_init(struct runner *runner, const char *helper, uint64_t timeout_ns, struct err *err)
{
	int rc;

	*runner = (struct runner){.helper = helper, .timeout_ns = timeout_ns};
	rc = proc_set_init(&runner->set, err);
	if (rc == 0)
		rc = dir_make(runner->dir, sizeof(runner->dir), err);
	if (rc < 0)
		return rc;
	snprintf(runner->out, sizeof(runner->out), "%s/out", runner->dir);
	snprintf(runner->words[0], sizeof(runner->words[0]), "%s/stdout", runner->dir);
	snprintf(runner->words[1], sizeof(runner->words[1]), "%s/stderr", runner->dir);
	return 0;
}

void runner_done(struct runner *runner)
{
	if (!*runner->dir)
		return;
	proc_set_done(&runner->set);
	dir_remove(runner->dir);
	*runner->dir = '\0';
}

/* ---- children ---- */

/* A running child and its descriptor 3. */
struct child {
	struct proc proc;
	int answer;
};

/* One CPU for what is started from now on; the last one, as the first has the most to do. */
static void bind_cpu(bool one, cpu_set_t *saved)
{
	cpu_set_t set;

	if (!one || sched_getaffinity(0, sizeof(*saved), saved) < 0)
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, saved)) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			sched_setaffinity(0, sizeof(set), &set);
			return;
		}
}

static int start(struct runner *runner, const char *const *argv, bool one_cpu, const int out[2],
		 struct child *ret, struct err *err)
{
	struct proc_spec spec = {
		.path = argv[0],
		.argv = (char *const *)(uintptr_t)argv,
		.out = out,
	};
	cpu_set_t saved;
	int pair[2], rc;

	*ret = (struct child){.answer = -1};
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "starting %s", argv[0]);
	spec.extra = pair[1];
	bind_cpu(one_cpu, &saved);
	rc = proc_start(&runner->set, &spec, &ret->proc, err);
	if (one_cpu)
		sched_setaffinity(0, sizeof(saved), &saved);
	close(pair[1]);
	if (rc < 0)
		close(pair[0]);
	else
		ret->answer = pair[0];
	return rc;
}

/* Ends it and all that it has started and that stayed in its process group. */
static void child_end(struct runner *runner, struct child *child)
{
	if (child->proc.pid && !child->proc.ended)
		kill(-child->proc.pid, SIGTERM);
	if (child->proc.pid && !child->proc.ended &&
	    proc_wait(&runner->set, &child->proc, -1, proc_now() + PROC_S) != 1 &&
	    !child->proc.ended)
		kill(-child->proc.pid, SIGKILL);
	proc_end(&runner->set, &child->proc);
	cleanup_close(&child->answer);
	child->answer = -1;
}

/* The number that the child wrote to descriptor 3. */
static int read_answer(struct child *child, double *ret, struct err *err)
{
	char text[64];
	uint64_t value;
	ssize_t n = read(child->answer, text, sizeof(text) - 1);

	if (n <= 0)
		return err_set(err, -EPROTO, "the workload did not come to its end");
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (num_u64(text, &value) < 0)
		return err_set(err, -EPROTO, "the workload answered '%s'", text);
	*ret = (double)value;
	return 0;
}

/* The last line in a file, without its line feed; malloc'd. */
static char *last_line(const char *file)
{
	_cleanup_fclose_ FILE *words = fopen(file, "re");
	_cleanup_free_ char *line = NULL;
	char *last = NULL;
	size_t room = 0;

	while (words && getline(&line, &room, words) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!*line)
			continue;
		free(last);
		last = strdup(line);
	}
	return last;
}

static int said(const struct runner *runner, const char *what, int status, struct err *err)
{
	_cleanup_free_ char *line = last_line(runner->words[1]);

	if (!line)
		line = last_line(runner->words[0]);
	if (WIFSIGNALED(status))
		return err_set(err, -EPROTO, "%s was killed by signal %d%s%s", what,
			       WTERMSIG(status), line ? ": " : "", line ? line : "");
	return err_set(err, -EPROTO, "%s ended with status %d%s%s", what, WEXITSTATUS(status),
		       line ? ": " : "", line ? line : "");
}

/* Waits for its end and takes its answer. */
static int finish(struct runner *runner, struct child *child, const char *what, double *ret_ns,
		  struct err *err)
{
	int rc = proc_wait(&runner->set, &child->proc, -1, proc_now() + runner->timeout_ns);

	if (rc == 0)
		return err_set(err, -ETIMEDOUT, "%s took longer than %llu s and was ended", what,
			       (unsigned long long)(runner->timeout_ns / PROC_S));
	if (rc < 0)
		return err_set(err, rc, "interrupted");
	if (child->proc.status)
		return said(runner, what, child->proc.status, err);
	return ret_ns ? read_answer(child, ret_ns, err) : 0;
}

/* ---- the ways of watching ---- */

/* Without a command (`bare`) all of it is the measured part. */
static int around(struct runner *runner, const struct tracer *tracer, const char *const *argv,
		  bool bare, const int out[2], struct bench_run *run, struct err *err)
{
	struct child child;
	uint64_t begin = proc_now();
	int rc = start(runner, argv, tracer->one_cpu, out, &child, err);

	if (rc < 0)
		return rc;
	rc = finish(runner, &child, tracer->kind == TRACER_NONE ? "the workload" : tracer->label,
		    bare ? NULL : &run->ns, err);
	run->outside = (double)(proc_now() - begin) - run->ns;
	if (bare) {
		run->ns = run->outside;
		run->outside = 0;
	}
	child_end(runner, &child);
	return rc;
}

/* Also behind the workload: what it has not written yet is not lost. */
static int settle(struct runner *runner, struct child *child, const char *what, struct err *err)
{
	struct settle state = {0};

	while (!settle_done(&state, child->proc.pid, proc_now())) {
		int rc = proc_wait(&runner->set, &child->proc, -1, proc_now() + SETTLE_STEP);

		if (rc < 0)
			return err_set(err, rc, "interrupted");
		if (rc == 1)
			return said(runner, what, child->proc.status, err);
	}
	return 0;
}

/* The command alone, while something else goes on. */
static int beside(struct runner *runner, const struct tracer *tracer, const char *const *command,
		  struct bench_run *run, struct err *err)
{
	const int out[2] = {STDERR_FILENO, STDERR_FILENO};
	struct child child;
	int rc = start(runner, command, tracer->one_cpu, out, &child, err);

	if (rc < 0)
		return rc;
	rc = finish(runner, &child, "the workload", &run->ns, err);
	child_end(runner, &child);
	return rc;
}

static int attached(struct runner *runner, const struct tracer *tracer, const char *const *argv,
		    const char *const *command, const int out[2], struct bench_run *run,
		    struct err *err)
{
	struct child child;
	int rc = start(runner, argv, tracer->one_cpu, out, &child, err);

	if (rc < 0)
		return rc;
	rc = settle(runner, &child, tracer->label, err);
	if (rc == 0)
		rc = beside(runner, tracer, command, run, err);
	if (rc == 0)
		rc = settle(runner, &child, tracer->label, err);
	if (rc == 0) {
		syscall(SYS_pidfd_send_signal, child.proc.pidfd, SIGINT, NULL, 0);
		if (proc_wait(&runner->set, &child.proc, -1, proc_now() + END_MOST) < 0)
			rc = err_set(err, -EINTR, "interrupted");
	}
	child_end(runner, &child);
	return rc;
}

/* The tracer has an idle process, whose pid is its answer. */
static int with_idle(struct runner *runner, const struct tracer *tracer, const char *const *argv,
		     const char *const *command, const int out[2], struct bench_run *run,
		     struct err *err)
{
	double pid = 0;
	struct child child;
	int rc = start(runner, argv, tracer->one_cpu, out, &child, err);

	if (rc < 0)
		return rc;
	rc = proc_wait(&runner->set, &child.proc, child.answer, proc_now() + runner->timeout_ns);
	if (rc <= 0)
		rc = err_set(err, rc < 0 ? rc : -ETIMEDOUT, rc < 0 ? "interrupted" : "no answer");
	else
		rc = child.proc.ended ? said(runner, tracer->label, child.proc.status, err)
				      : read_answer(&child, &pid, err);
	if (rc == 0)
		rc = beside(runner, tracer, command, run, err);
	if (rc == 0) {
		if (pid > 1)
			kill((pid_t)pid, SIGTERM);
		rc = finish(runner, &child, tracer->label, NULL, err);
	}
	child_end(runner, &child);
	return rc;
}

/* ---- counting ---- */

static int count(const struct runner *runner, const struct tracer *tracer, const char *token,
		 struct tally *tally, struct err *err)
{
	tally_line line = tracer->kind == TRACER_PEER ? tracer->peer->line : tally_words;
	int rc = 0;

	*tally = (struct tally){0};
	if (tracer->kind == TRACER_NONE)
		return 0;
	if (tracer->kind == TRACER_TKIT && tracer->stores)
		return tally_trace(tally, runner->out, token, err);
	if (tracer->kind == TRACER_PEER)
		rc = tally_log(tally, runner->out, line, token, err);
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = tally_log(tally, runner->words[i], line, token, err);
	return rc;
}

/* Bytes for each access in a trace, of whatever name; -1 if there is none. */
static double stored(const struct runner *runner, const struct tracer *tracer,
		     const struct tally *tally)
{
	struct stat st;

	if (tracer->kind != TRACER_TKIT || !tracer->stores || !tally->total ||
	    stat(runner->out, &st) < 0)
		return -1;
	return (double)st.st_size / (double)tally->total;
}

/* ---- a run ---- */

static void close_words(int (*out)[2])
{
	cleanup_close(&(*out)[0]);
	cleanup_close(&(*out)[1]);
}

static int open_words(const struct runner *runner, int out[2], struct err *err)
{
	unlink(runner->out);
	for (int i = 0; i < 2; i++) {
		out[i] = open(runner->words[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (out[i] < 0)
			return err_sys(err, -errno, "creating %s", runner->words[i]);
	}
	return 0;
}

static double cpu_used(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

int runner_helper(struct runner *runner, const char *const *words, char **ret_words,
		  struct err *err)
{
	const char *argv[TRACER_ARGV_MAX] = {runner->helper};
	_cleanup_(close_words) int out[2] = {-1, -1};
	struct child child;
	int n = 1, rc = open_words(runner, out, err);

	while (*words && n + 1 < TRACER_ARGV_MAX)
		argv[n++] = *words++;
	if (rc == 0)
		rc = start(runner, argv, false, out, &child, err);
	if (rc < 0)
		return rc;
	rc = finish(runner, &child, "the workload", NULL, err);
	child_end(runner, &child);
	if (rc == 0 && ret_words && smallfile_load(runner->words[0], ret_words) < 0)
		rc = err_set(err, -EIO, "reading %s failed", runner->words[0]);
	return rc;
}

int runner_run(struct runner *runner, const struct tracer *tracer, const char *const *command,
	       bool aside, const char *token, struct bench_run *ret, struct err *err)
{
	const char *idle[] = {runner->helper, "idle", NULL}, *argv[TRACER_ARGV_MAX];
	bool attaches = tracer->kind == TRACER_PEER && tracer->peer->attaches;
	_cleanup_(close_words) int out[2] = {-1, -1};
	char line[PATH_MAX];
	double cpu = cpu_used();
	int rc;

	*ret = (struct bench_run){.outside = -1, .stored = -1};
	aside = aside && tracer->kind != TRACER_NONE && !attaches;
	if (tracer_argv(tracer, runner->out, aside ? idle : command, line, sizeof(line), argv) < 0)
		return err_set(err, -E2BIG, "the command line of %s is too long", tracer->label);
	rc = open_words(runner, out, err);
	if (rc < 0)
		return rc;
	if (attaches)
		rc = attached(runner, tracer, argv, command, out, ret, err);
	else if (aside)
		rc = with_idle(runner, tracer, argv, command, out, ret, err);
	else
		rc = around(runner, tracer, argv, !*command, out, ret, err);
	ret->cpu = cpu_used() - cpu;
	if (rc == 0)
		rc = count(runner, tracer, token, &ret->tally, err);
	if (rc == 0)
		ret->stored = stored(runner, tracer, &ret->tally);
	return rc;
}
