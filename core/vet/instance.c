// SPDX-License-Identifier: MIT
/* The steps of a backend's life, with a command of its own. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vet/instance.h"

#define STATUS     7             /* what the command ends with */
#define PROMPT_NS  3000000000ull /* what pump() may take where it should not wait */
#define IDLE_PUMPS 200
#define IDLE_SLOW  20
#define IDLE_MS    10
#define IDLE_NS    20000u       /* one that does not wait */
#define SHORT_NS   300000000ull /* watching what has no end */

static char *command[] = {(char *)"sh", (char *)"-c",
			  (char *)"exec 3</etc/passwd; (exit 0); exit 7", NULL};

static int hold_command(struct instance *i, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct launch_config config = {.argv = command, .root_fd = -1};
	int rc = launch_resolve(command[0], -1, &path, err);

	if (rc < 0)
		return rc;
	config.path = path;
	pthread_sigmask(SIG_SETMASK, NULL, &config.mask);
	sigaction(SIGPIPE, NULL, &config.pipe_action);
	sigaction(SIGCHLD, NULL, &config.child_action);
	return launch_hold(&i->launch, &config, err);
}

void instance_new(struct vet *vet, struct instance *i)
{
	struct err err = ERR_INIT;

	memset(i, 0, sizeof(*i));
	i->launch.sock = i->launch.pidfd = -1;
	i->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	i->commanded = vet->target == TKIT_TARGET_COMMAND || vet->target == TKIT_TARGET_PID;
	if (i->commanded && hold_command(i, &err) < 0) {
		vet_note(vet, "no command to watch: %s", err_text(&err));
		vet->stopped = true;
	}
	err_done(&err);
	i->target = (struct tkit_target){
		.size = sizeof(i->target),
		.kind = (uint32_t)vet->target,
		.pid = i->commanded ? i->launch.pid : 0,
		.pidfd = i->commanded ? i->launch.pidfd : -1,
		.root_fd = i->root_fd,
		.self_pid = getpid(),
		.root = "/",
		.argv = vet->target == TKIT_TARGET_COMMAND ? (const char *const *)command : NULL,
	};
	i->lent = i->target;
	i->watch = (struct watch){
		.vet = vet,
		.ctx = CTX_INIT(vet->plugin->desc.name),
		.caps = vet->plugin->desc.caps,
		.since_ns = tkit_now_ns(),
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.thread = (pid_t)syscall(SYS_gettid),
		.timed = vet->target != TKIT_TARGET_NONE &&
			 !(vet->plugin->desc.caps & TKIT_CAN_TARGET_NONE),
		.may = true,
		.launch = i->commanded ? &i->launch : NULL,
	};
	i->watch.ctx.session_ops = &watch_ops;
	i->watch.ctx.session = &i->watch;
	i->self = VET_SELF_POISON;
}

void instance_stage(struct instance *i, const char *name)
{
	i->watch.stage = name;
	vet_stage(i->watch.vet, name);
}

bool instance_succeeded(struct instance *i, int rc, int max)
{
	return vet_result(i->watch.vet, i->watch.stage, &i->watch.ctx, rc, max);
}

bool instance_open(struct instance *i)
{
	struct vet *vet = i->watch.vet;
	int rc;

	if (vet->stopped)
		return false;
	instance_stage(i, "open()");
	rc = ops_of(vet)->open(&i->watch.ctx, plugin_options_data(vet->options), &i->lent,
			       &i->self);
	if (rc == 0 && i->self == VET_SELF_POISON)
		i->self = NULL;
	if (!instance_succeeded(i, rc, 0)) {
		vet_self(vet, "open()", rc, i->self);
		return false;
	}
	vet_cloexec(vet, "open()");
	return i->open = true;
}

bool instance_start(struct instance *i)
{
	int rc;

	instance_stage(i, "start()");
	rc = ops_of(i->watch.vet)->start(&i->watch.ctx, i->self);
	if (!instance_succeeded(i, rc, 0))
		return false;
	vet_cloexec(i->watch.vet, "start()");
	return true;
}

/* The command ends as it would have ended by itself. */
static void await_command(struct instance *i)
{
	struct vet *vet = i->watch.vet;
	bool waits = vet->plugin->desc.caps & TKIT_BACKEND_WAITS;
	int status = i->watch.status;
	pid_t pid;

	if (!i->commanded || i->launch.held)
		return;
	if (waits && !i->watch.statused)
		vet_found(vet, VET_COMMAND,
			  "has TKIT_BACKEND_WAITS, but never told the command's end: "
			  "tkit_command_status()");
	if (!i->watch.statused) {
		do
			pid = waitpid(i->launch.pid, &status, __WALL);
		while (pid < 0 && errno == EINTR);
		if (pid < 0 && !waits)
			vet_found(vet, VET_COMMAND,
				  "waits for the command, but has no TKIT_BACKEND_WAITS");
		if (pid < 0)
			return;
		i->launch.reaped = true;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS)
		vet_found(vet, VET_COMMAND, "the watched command %s %d instead of exiting with %d",
			  WIFSIGNALED(status) ? "died of signal" : "exited with",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), STATUS);
}

void instance_close(struct instance *i)
{
	if (i->open) {
		i->watch.may = false;
		instance_stage(i, "close()");
		ops_of(i->watch.vet)->close(&i->watch.ctx, i->self);
		vet_stage(i->watch.vet, "");
	}
	i->open = false;
}

void instance_done(struct instance *i)
{
	instance_close(i);
	if (memcmp(&i->lent, &i->target, sizeof(i->target)))
		vet_found(i->watch.vet, VET_CHANGES, "writes to its target, which is core's");
	await_command(i);
	launch_done(&i->launch);
	close(i->watch.stop_fd);
	close(i->root_fd);
	ctx_done(&i->watch.ctx);
}

/* One pump(). Returns what it did. */
static int pump(struct instance *i, int timeout_ms, bool prompt)
{
	uint64_t before = i->watch.events, start = tkit_now_ns();
	struct vet *vet = i->watch.vet;
	int rc;

	instance_stage(i, "pump()");
	rc = ops_of(vet)->pump(&i->watch.ctx, i->self, timeout_ms);
	vet_stage(vet, "");
	if (rc != TKIT_END && rc < 0)
		instance_succeeded(i, rc, 0);
	if (prompt && tkit_now_ns() - start > PROMPT_NS) {
		vet->stopped = true; /* each life would take as long */
		vet_found(vet, VET_BLOCKS,
			  timeout_ms ? "pump() goes on waiting when tkit_stop_fd() is readable"
				     : "pump() waits although its timeout is 0");
	}
	if (rc == 0 && i->watch.events > before)
		vet_found(vet, VET_COUNT, "pump() emitted %llu events and returned 0",
			  (unsigned long long)(i->watch.events - before));
	return rc;
}

static bool command_gone(struct instance *i)
{
	siginfo_t info = {0};

	if (i->watch.statused)
		return true;
	/* Only looks: whose the status is comes later. */
	if (waitid(P_PID, (id_t)i->launch.pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return true;
	return info.si_pid != 0;
}

/* Pumps while there is something to watch. False: it ended or failed by itself. */
bool instance_pump(struct instance *i)
{
	uint64_t until = tkit_now_ns() + (i->commanded ? vet_patience_ns(i->watch.vet) : SHORT_NS);

	for (unsigned int n = 0; tkit_now_ns() < until; n++) {
		bool gone = i->commanded && command_gone(i);
		int rc = pump(i, n % 2 ? 20 : 0, n % 2 == 0);

		if (rc < 0)
			return false;
		if (gone && rc == 0)
			return true;
	}
	if (i->commanded && !command_gone(i)) {
		vet_found(i->watch.vet, VET_COMMAND,
			  "the watched command does not come to its end");
		i->watch.vet->stopped = true;
		kill(i->launch.pid, SIGKILL);
	}
	return true;
}

/*
 * Pumps where there is nothing. One that looks through what others do takes longer than this; a few
 * take longer because the machine is busy.
 */
void instance_idle(struct instance *i)
{
	int quick = 0, slow = 0;

	for (int n = 0; n < 2 * IDLE_PUMPS && quick < IDLE_PUMPS && slow < IDLE_SLOW; n++) {
		uint64_t start = tkit_now_ns();
		int rc = pump(i, IDLE_MS, false);

		if (rc < 0)
			return;
		if (rc == 0 && tkit_now_ns() - start < IDLE_NS)
			quick++;
		else if (rc == 0)
			slow++;
	}
	if (quick >= IDLE_PUMPS)
		vet_found(i->watch.vet, VET_BUSY,
			  "pump() returns at once where it may wait: it keeps a processor busy");
}

void instance_stop(struct instance *i)
{
	const struct tkit_backend_ops *ops = ops_of(i->watch.vet);
	uint64_t one = 1;

	if (write(i->watch.stop_fd, &one, sizeof(one)) < 0)
		return;
	pump(i, 5000, true);
	instance_stage(i, "stop()");
	if (ops->stop)
		instance_succeeded(i, ops->stop(&i->watch.ctx, i->self), 0);
}

void instance_drain(struct instance *i)
{
	bool waits = i->watch.vet->plugin->desc.caps & TKIT_BACKEND_WAITS;
	uint64_t until = tkit_now_ns() + vet_patience_ns(i->watch.vet);
	int rc = 0;

	while (rc >= 0 && tkit_now_ns() < until) {
		rc = pump(i, 100, false);
		if (rc == 0 && waits)
			return;
		if (rc == 0)
			usleep(1000);
	}
	if (rc >= 0) {
		i->watch.vet->stopped = true;
		vet_found(i->watch.vet, VET_ENDLESS,
			  "pump() never says TKIT_END after stop(): the end of a trace is lost");
	}
}

void instance_stats(struct instance *i)
{
	const struct tkit_backend_ops *ops = ops_of(i->watch.vet);
	struct tkit_stats stats = {.size = sizeof(stats)};

	i->watch.may = false;
	if (!ops->stats)
		return;
	instance_stage(i, "stats()");
	if (!instance_succeeded(i, ops->stats(&i->watch.ctx, i->self, &stats), 0))
		return;
	if (stats.lost > i->watch.lost)
		vet_found(i->watch.vet, VET_STATS,
			  "stats() tells of %llu lost facts, of which %llu were told as events: "
			  "tkit_lose()",
			  (unsigned long long)stats.lost, (unsigned long long)i->watch.lost);
	if (stats.emitted > i->watch.events)
		vet_found(i->watch.vet, VET_STATS,
			  "stats() says that %llu events were emitted; there were %llu",
			  (unsigned long long)stats.emitted, (unsigned long long)i->watch.events);
}
