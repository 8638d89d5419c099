// SPDX-License-Identifier: MIT
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define CHUNK (64u << 10)
/* How long output may stay open behind the end of its process: grandchildren may hold it. */
#define LINGER (200 * PROC_MS)

uint64_t proc_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * PROC_S + (uint64_t)ts.tv_nsec;
}

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

int proc_set_init(struct proc_set *set, struct err *err)
{
	sigset_t signals;

	*set = (struct proc_set){.signals = -1};
	ending_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	set->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (set->signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "preparing to start processes");
	return 0;
}

void proc_set_done(struct proc_set *set)
{
	sigset_t signals;

	if (set->signals < 0)
		return;
	close(set->signals);
	set->signals = -1;
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	ending_signals(&signals);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

/* ---- starting ---- */

static void close_from(unsigned int first)
{
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
	for (int fd = (int)first; fd < 65536; fd++)
		close(fd);
}

/* In the child. Numbers are moved out of the way first, as those below 4 may be in use. */
static _Noreturn void become(const struct proc_spec *spec, int out, int errors)
{
	int null = fcntl(open("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD, 10);
	int extra = spec->extra ? fcntl(spec->extra, F_DUPFD, 10) : -1;
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	sigemptyset(&none);
	setsid();
	/* Nothing outlives tkit, however it ends; what has become another user may. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	out = fcntl(out, F_DUPFD, 10);
	errors = fcntl(errors, F_DUPFD, 10);
	if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0 ||
	    (extra >= 0 && dup2(extra, 3) < 0))
		_exit(125);
	if (spec->run)
		_exit(spec->run(spec->arg));
	if (spec->prepare) {
		int status = spec->prepare(spec->arg);

		if (status)
			_exit(status);
	}
	close_from(extra >= 0 ? 4 : 3);
	if (spec->env)
		execvpe(spec->path, spec->argv, spec->env);
	else
		execvp(spec->path, spec->argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int make_pipes(const struct proc_spec *spec, int read_end[2], int write_end[2])
{
	for (int i = 0; i < 2; i++) {
		int pair[2];

		read_end[i] = -1;
		write_end[i] = -1;
		if (spec->out || !(spec->flags & PROC_OUTPUT))
			continue;
		if (pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		read_end[i] = pair[0];
		write_end[i] = pair[1];
	}
	return 0;
}

static void close_pair(const int pair[2])
{
	cleanup_close(&pair[0]);
	cleanup_close(&pair[1]);
}

int proc_adopt(struct proc_set *set, pid_t pid, const int pipes[2], struct proc *ret,
	       struct err *err)
{
	*ret = (struct proc){.pid = pid, .out = {{.fd = pipes[0]}, {.fd = pipes[1]}}};
	for (int i = 0; i < 2; i++)
		if (pipes[i] >= 0)
			fcntl(pipes[i], F_SETFL, O_NONBLOCK);
	ret->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ret->pidfd < 0 || set->count == PROC_SET_MAX) {
		int rc = ret->pidfd < 0 ? -errno : -ENFILE;

		close_pair(pipes);
		cleanup_close(&ret->pidfd);
		*ret = (struct proc){0};
		return err_sys(err, rc, "watching process %d", (int)pid);
	}
	fcntl(ret->pidfd, F_SETFD, FD_CLOEXEC);
	set->list[set->count++] = ret;
	return 0;
}

int proc_start(struct proc_set *set, const struct proc_spec *spec, struct proc *ret,
	       struct err *err)
{
	int read_end[2] = {-1, -1}, write_end[2] = {-1, -1};
	int rc = make_pipes(spec, read_end, write_end);
	pid_t pid;

	*ret = (struct proc){0};
	pid = rc < 0 ? -1 : fork();
	if (pid == 0) {
		if (spec->out)
			become(spec, spec->out[0], spec->out[1]);
		become(spec, write_end[0] >= 0 ? write_end[0] : STDERR_FILENO,
		       write_end[1] >= 0 ? write_end[1] : STDERR_FILENO);
	}
	if (pid < 0 && rc == 0)
		rc = -errno;
	close_pair(write_end);
	if (rc < 0) {
		close_pair(read_end);
		return err_sys(err, rc, "starting %s", spec->path ? spec->path : "a process");
	}
	rc = proc_adopt(set, pid, read_end, ret, err);
	if (rc < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return rc;
}

/* ---- waiting ---- */

/* Reads what there is. */
static void drain(struct proc_pipe *p)
{
	char scratch[4096];

	while (p->fd >= 0) {
		bool full = p->data.size >= PROC_OUTPUT_MAX;
		char *to = full ? scratch : buf_reserve(&p->data, CHUNK);
		ssize_t n = read(p->fd, to ? to : scratch,
				 to && !full ? (size_t)CHUNK : sizeof(scratch));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(p->fd);
			p->fd = -1;
			return;
		}
		if (full || !to)
			p->cut = true;
		else
			p->data.size += (size_t)n;
	}
}

static void reap(struct proc *proc)
{
	pid_t got = waitpid(proc->pid, &proc->status, WNOHANG);

	if (got == proc->pid || (got < 0 && errno == ECHILD))
		proc->ended = true;
}

/* Orphans that became ours and that nobody waits for. */
static void reap_strangers(const struct proc_set *set)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		for (size_t i = 0; i < set->count; i++)
			if (set->list[i]->pid == info.si_pid)
				return;
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

struct polled {
	struct pollfd fds[PROC_SET_MAX * 3 + 2];
	size_t count;
};

static void add_fd(struct polled *polled, int fd)
{
	if (fd >= 0)
		polled->fds[polled->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static int poll_once(struct proc_set *set, int fd, uint64_t deadline)
{
	struct polled polled = {.count = 0};
	uint64_t now = proc_now();
	uint64_t ms = deadline > now ? (deadline - now + PROC_MS - 1) / PROC_MS : 0;
	struct signalfd_siginfo info;
	int rc;

	add_fd(&polled, set->signals);
	add_fd(&polled, fd);
	for (size_t i = 0; i < set->count; i++) {
		struct proc *proc = set->list[i];

		add_fd(&polled, proc->ended ? -1 : proc->pidfd);
		add_fd(&polled, proc->out[0].fd);
		add_fd(&polled, proc->out[1].fd);
	}
	rc = poll(polled.fds, polled.count, ms > 1000 ? 1000 : (int)ms);
	if (rc < 0 && errno != EINTR)
		return -errno;
	while (set->signals >= 0 && read(set->signals, &info, sizeof(info)) == sizeof(info))
		if (!set->caught)
			set->caught = (int)info.ssi_signo;
	for (size_t i = 0; i < set->count; i++) {
		struct proc *proc = set->list[i];

		drain(&proc->out[0]);
		drain(&proc->out[1]);
		if (!proc->ended)
			reap(proc);
	}
	reap_strangers(set);
	return 0;
}

static bool readable(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&poller, 1, 0) > 0;
}

static bool quiet(const struct proc *proc)
{
	return proc->out[0].fd < 0 && proc->out[1].fd < 0;
}

int proc_wait(struct proc_set *set, struct proc *proc, int fd, uint64_t deadline)
{
	uint64_t ended_at = 0;
	int rc = 0;

	for (bool first = true;; first = false) {
		uint64_t until = deadline;

		if (set->caught)
			return -EINTR;
		if (readable(fd))
			return 1;
		if (proc && proc->ended) {
			if (!ended_at)
				ended_at = proc_now();
			if (quiet(proc) || proc_now() >= ended_at + LINGER)
				return 1;
			until = ended_at + LINGER;
		}
		if (!first && proc_now() >= deadline)
			return 0;
		rc = poll_once(set, fd, first ? 0 : until);
		if (rc < 0)
			return rc;
	}
}

static void forget(struct proc_set *set, const struct proc *proc)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->list[i] == proc) {
			set->list[i] = set->list[--set->count];
			return;
		}
}

/* Waits without regard to signals. */
static bool ends_until(struct proc_set *set, struct proc *proc, uint64_t deadline)
{
	while (!proc->ended && proc_now() < deadline)
		if (poll_once(set, -1, deadline) < 0)
			break;
	return proc->ended;
}

void proc_end(struct proc_set *set, struct proc *proc)
{
	if (!proc || !proc->pid)
		return;
	if (!proc->ended)
		syscall(SYS_pidfd_send_signal, proc->pidfd, SIGTERM, NULL, 0);
	if (!ends_until(set, proc, proc_now() + PROC_S)) {
		syscall(SYS_pidfd_send_signal, proc->pidfd, SIGKILL, NULL, 0);
		ends_until(set, proc, proc_now() + 5 * PROC_S);
	}
	forget(set, proc);
	cleanup_close(&proc->pidfd);
	for (int i = 0; i < 2; i++) {
		cleanup_close(&proc->out[i].fd);
		buf_done(&proc->out[i].data);
	}
	*proc = (struct proc){0};
}
