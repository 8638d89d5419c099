// SPDX-License-Identifier: MIT
#include "slim/drive.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slim/words.h"
#include "util/cleanup.h"

#define POLL_TIME    (20 * PROC_MS)
#define LISTEN_TIME  (5 * PROC_S) /* for a service to begin to listen, if nothing else is known */
#define STARTUP_TIME (3 * PROC_S) /* in which a first command that fails is tried again */
#define SETTLE_TIME  (2 * PROC_S) /* a service that nothing is done with runs on for so long */
#define RETRY_TIME   (100 * PROC_MS)

/* ---- the list of steps ---- */

int drive_add(struct drive *drive, enum step_kind kind, const char *text, struct err *err)
{
	struct step *step = &drive->steps[drive->count];
	int rc = 0;

	if (drive->count == DRIVE_STEPS_MAX)
		return err_set(err, -E2BIG, "more than %d things to do with the image",
			       DRIVE_STEPS_MAX);
	*step = (struct step){.kind = kind, .text = text};
	if (kind == STEP_EXEC)
		rc = words_split(text, &step->argv, err);
	else if (kind == STEP_HTTP)
		rc = http_url_parse(text, &step->url, err);
	else if (access(text, X_OK) < 0)
		rc = err_sys(err, -errno, "script %s", text);
	if (rc == 0)
		drive->count++;
	return rc;
}

void drive_done(struct drive *drive)
{
	while (drive->count) {
		struct step *step = &drive->steps[--drive->count];

		words_free(step->argv);
		free(step->own);
	}
}

static void outcome_done(struct outcome *outcome)
{
	buf_done(&outcome->out);
	buf_done(&outcome->err);
}

void drive_result_done(struct drive_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		outcome_done(&result->steps[i]);
	outcome_done(&result->main);
	*result = (struct drive_result){0};
}

const char *drive_name(const struct drive *drive, size_t index)
{
	return index < drive->count ? drive->steps[index].text : "the image";
}

/* ---- one run ---- */

struct run {
	const struct drive *drive;
	struct proc_set *procs;
	struct box *box;
	struct drive_result *result;
	uint64_t deadline;
};

static int interrupted(struct err *err)
{
	return err_set(err, -EINTR, "interrupted");
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What a process said becomes the outcome's. */
static void take_output(struct outcome *outcome, struct proc *proc)
{
	outcome->out = proc->out[0].data;
	outcome->err = proc->out[1].data;
	outcome->cut = proc->out[0].cut || proc->out[1].cut;
	proc->out[0].data = (struct buf)BUF_INIT;
	proc->out[1].data = (struct buf)BUF_INIT;
}

/* A service is ready when it listens; a program that ends needs nobody to wait for it. */
static int wait_listening(struct run *run, struct err *err)
{
	uint64_t end = proc_now() + LISTEN_TIME;

	while (!run->box->init.ended && proc_now() < end && proc_now() < run->deadline) {
		run->result->listened = box_listens(run->box);
		if (run->result->listened)
			return 0;
		if (proc_wait(run->procs, NULL, -1, proc_now() + POLL_TIME) < 0)
			return interrupted(err);
	}
	return 0;
}

/* Waits for a step's process and keeps what it said. */
static int finish(struct run *run, struct proc *proc, struct outcome *outcome, struct err *err)
{
	int rc = proc_wait(run->procs, proc, -1, run->deadline);

	outcome->status = proc->ended ? status_of(proc->status) : STATUS_TIMEOUT;
	take_output(outcome, proc);
	proc_end(run->procs, proc);
	return rc < 0 ? interrupted(err) : 0;
}

static int exec_once(struct run *run, const struct step *step, struct outcome *outcome,
		     struct err *err)
{
	struct proc proc;
	int rc = box_exec(run->box, step->argv, &proc, err);

	return rc < 0 ? rc : finish(run, &proc, outcome, err);
}

/* The first command may come before the service is ready for it, and so may a health check. */
static int do_exec(struct run *run, const struct step *step, bool retry, struct outcome *outcome,
		   struct err *err)
{
	uint64_t end = proc_now() + (retry ? STARTUP_TIME : 0);

	for (;;) {
		int rc = exec_once(run, step, outcome, err);

		if (rc < 0 || outcome->status == 0 || run->box->init.ended || proc_now() >= end ||
		    proc_now() >= run->deadline)
			return rc;
		if (proc_wait(run->procs, NULL, -1, proc_now() + RETRY_TIME) < 0)
			return interrupted(err);
		outcome_done(outcome);
		*outcome = (struct outcome){0};
	}
}

struct http_child {
	const struct http_url *url;
	int netns;
	uint64_t deadline;
};

/* In a child, as a network namespace is entered for good. */
static int http_child(void *arg)
{
	const struct http_child *child = arg;
	struct buf raw = BUF_INIT;
	size_t done = 0;
	int rc;

	if (setns(child->netns, CLONE_NEWNET) < 0)
		return 1;
	rc = http_get(child->url, child->deadline, &raw);
	while (rc == 0 && done < raw.size) {
		ssize_t n = write(STDOUT_FILENO, raw.data + done, raw.size - done);

		if (n <= 0 && errno != EINTR)
			return 1;
		done += n > 0 ? (size_t)n : 0;
	}
	buf_done(&raw);
	return rc == 0 ? 0 : 1;
}

static int do_http(struct run *run, const struct step *step, struct outcome *outcome,
		   struct err *err)
{
	_cleanup_close_ int netns = box_netns(run->box);
	struct http_child child = {.url = &step->url, .netns = netns, .deadline = run->deadline};
	struct proc_spec spec = {.run = http_child, .arg = &child, .flags = PROC_OUTPUT};
	struct buf raw;
	struct proc proc;
	int rc;

	outcome->status = STATUS_NONE;
	if (netns < 0)
		return 0; /* it has ended */
	rc = proc_start(run->procs, &spec, &proc, err);
	if (rc == 0) {
		/* Nobody answers any more when the image has ended. */
		for (rc = 0; rc == 0 && !run->box->init.ended && proc_now() < run->deadline;)
			rc = proc_wait(run->procs, &proc, -1, proc_now() + RETRY_TIME);
		if (rc == 0)
			rc = proc_wait(run->procs, &proc, -1, proc_now() + RETRY_TIME);
		rc = rc < 0 ? interrupted(err) : 0;
		take_output(outcome, &proc);
		proc_end(run->procs, &proc);
	}
	raw = outcome->out;
	outcome->out = (struct buf)BUF_INIT;
	if (rc == 0 && raw.size &&
	    http_answer(raw.data, raw.size, &outcome->status, &outcome->out) < 0)
		outcome->status = STATUS_NONE;
	buf_done(&raw);
	return rc;
}

/* The environment with what tells a script where the image runs. */
static char **script_env(char *const own[3])
{
	size_t n = 0, count = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 5, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "TKIT_PID=", 9) && strncmp(environ[i], "TKIT_NETNS=", 11) &&
		    strncmp(environ[i], "TKIT_ROOT=", 10))
			env[count++] = environ[i];
	for (size_t i = 0; i < 3; i++)
		if (own[i])
			env[count++] = own[i];
	return env;
}

static int do_script(struct run *run, const struct step *step, struct outcome *outcome,
		     struct err *err)
{
	int pid = (int)run->box->init.pid;
	char pid_env[32], net_env[64], root_env[64];
	char *own[3] = {pid_env, net_env, root_env};
	char *argv[] = {(char *)step->text, NULL};
	_cleanup_free_ char *path = realpath(step->text, NULL);
	char **env;
	struct proc_spec spec = {.path = path, .argv = argv, .flags = PROC_OUTPUT};
	struct proc proc;
	int rc;

	snprintf(pid_env, sizeof(pid_env), "TKIT_PID=%d", pid);
	snprintf(net_env, sizeof(net_env), "TKIT_NETNS=/proc/%d/ns/net", pid);
	snprintf(root_env, sizeof(root_env), "TKIT_ROOT=/proc/%d/root", pid);
	env = script_env(own);
	spec.env = env;
	if (!path || !env)
		rc = err_sys(err, path ? -ENOMEM : -errno, "script %s", step->text);
	else
		rc = proc_start(run->procs, &spec, &proc, err);
	free(env);
	return rc < 0 ? rc : finish(run, &proc, outcome, err);
}

static int do_steps(struct run *run, struct err *err)
{
	const struct drive *drive = run->drive;
	int rc = drive->count ? wait_listening(run, err) : 0;

	for (size_t i = 0; rc == 0 && i < drive->count; i++) {
		const struct step *step = &drive->steps[i];
		struct outcome *outcome = &run->result->steps[run->result->count++];

		outcome->status = STATUS_NONE;
		if (run->box->init.ended)
			run->result->ended_early = true;
		else if (step->kind == STEP_EXEC || step->kind == STEP_HEALTH)
			rc = do_exec(run, step, i == 0 || step->kind == STEP_HEALTH, outcome, err);
		else if (step->kind == STEP_HTTP)
			rc = do_http(run, step, outcome, err);
		else
			rc = do_script(run, step, outcome, err);
	}
	/* The last step may have ended it, which takes a moment. */
	if (rc == 0 && drive->count &&
	    proc_wait(run->procs, &run->box->init, -1, proc_now() + POLL_TIME) < 0)
		return interrupted(err);
	if (rc == 0 && drive->count && run->box->init.ended)
		run->result->ended_early = true;
	return rc;
}

/* Without steps the image is a program that ends by itself; or a service, if it listens. */
static int let_run(struct run *run, struct err *err)
{
	uint64_t end = run->deadline, now;
	int rc = 0;

	while (rc == 0 && (now = proc_now()) < end) {
		uint64_t next = now + 5 * POLL_TIME;

		rc = proc_wait(run->procs, &run->box->init, -1, next < end ? next : end);
		if (rc == 0 && !run->result->listened && box_listens(run->box)) {
			run->result->listened = true;
			now = proc_now() + SETTLE_TIME;
			end = now < end ? now : end;
		}
	}
	return rc < 0 ? interrupted(err) : 0;
}

static int end_main(struct run *run, struct err *err)
{
	struct outcome *outcome = &run->result->main;
	int rc = run->drive->count ? 0 : let_run(run, err);

	if (rc < 0)
		return rc;
	run->result->stopped = !run->box->init.ended;
	rc = box_stop(run->box, run->drive->grace_ns, err);
	if (rc < 0)
		return rc;
	outcome->status = status_of(run->box->init.status);
	run->result->killed = run->result->stopped && outcome->status == 128 + SIGKILL;
	take_output(outcome, &run->box->init);
	return 0;
}

int drive_run(const struct drive *drive, const struct workdir *dir, struct proc_set *procs,
	      const struct box_spec *spec, struct drive_result *ret, struct err *err)
{
	struct box box;
	struct run run = {.drive = drive, .procs = procs, .box = &box, .result = ret};
	int rc;

	*ret = (struct drive_result){0};
	rc = box_start(dir, procs, spec, &box, err);
	if (rc < 0)
		return rc;
	run.deadline = proc_now() + drive->timeout_ns;
	rc = do_steps(&run, err);
	if (rc == 0)
		rc = end_main(&run, err);
	box_done(&box);
	if (rc < 0)
		drive_result_done(ret);
	return rc;
}
