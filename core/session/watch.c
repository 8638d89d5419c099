// SPDX-License-Identifier: MIT
/*
 * The main thread's eyes: signals, the command's state, the end of the target.
 *
 * tkit and the command share a process group, so what the terminal sends (Ctrl-C, Ctrl-\,
 * Ctrl-Z; the kernel is the sender) reaches the command by itself and is not obeyed
 * here. What somebody sends to tkit alone with kill(2) is forwarded. A signal sent to
 * the whole group with kill(2) cannot be told from that: siginfo is the same for both, so the
 * command gets it twice (ptrace sees whether it had it, and drops the copy). A repetition by the
 * same sender within DUPLICATE_NS is taken for the second half of such a pair (timeout(1) does so).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "session/priv.h"
#include "session/stop.h"
#include "util/log.h"

static const int forwarded[] = {SIGHUP,  SIGINT,   SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
				SIGTERM, SIGTSTP,  SIGTTIN, SIGTTOU, SIGURG,  SIGVTALRM,
				SIGPROF, SIGWINCH, SIGIO,   SIGPWR,  SIGCONT};

int watch_begin(struct session *s, struct err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, plain = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(&set, forwarded[i]);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(&set, sig);
	sigaddset(&set, SIGCHLD);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return err_sys(err, -errno, "making a signalfd");
	for (int sig = 1; sig < 32; sig++) {
		struct sigaction old;

		if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			s->ignored |= 1u << sig;
	}
	/* A vanished reader is an error to report; an ignored SIGCHLD would hide the status. */
	sigaction(SIGPIPE, &ignore, &s->old_pipe);
	sigaction(SIGCHLD, &plain, &s->old_child);
	pthread_sigmask(SIG_BLOCK, &set, &s->old_mask);
	s->signals_set = true;
	return 0;
}

void watch_end(struct session *s)
{
	if (s->signals_set) {
		sigaction(SIGPIPE, &s->old_pipe, NULL);
		sigaction(SIGCHLD, &s->old_child, NULL);
		pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
	}
	s->signals_set = false;
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	s->signal_fd = -1;
}

/* ---- signals ---- */

static bool command_alive(struct session *s)
{
	bool alive;

	pthread_mutex_lock(&s->lock);
	alive = s->command.alive;
	pthread_mutex_unlock(&s->lock);
	return alive;
}

static void forward(struct session *s, const struct signalfd_siginfo *si)
{
	union sigval value = {.sival_ptr = (void *)(uintptr_t)si->ssi_ptr};
	int sig = (int)si->ssi_signo;

	pthread_mutex_lock(&s->lock);
	if (s->command.alive) {
		/* A backend may have reaped the child a moment ago: the pidfd is safe. */
		if (si->ssi_code == SI_QUEUE)
			sigqueue(s->launch.pid, sig, value);
		else if (s->launch.pidfd >= 0)
			syscall(SYS_pidfd_send_signal, s->launch.pidfd, sig, NULL, 0);
		else
			kill(s->launch.pid, sig);
	}
	pthread_mutex_unlock(&s->lock);
}

static bool duplicate(struct session *s, const struct signalfd_siginfo *si)
{
	uint64_t now = tkit_now_ns();
	bool same = s->last_signal.signo == si->ssi_signo && s->last_signal.pid == si->ssi_pid &&
		    now - s->last_signal.at < DUPLICATE_NS;

	s->last_signal.at = now;
	s->last_signal.pid = si->ssi_pid;
	s->last_signal.signo = si->ssi_signo;
	return same;
}

static bool is_ending(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT;
}

/* Second SIGINT or second SIGTERM? Counts this one. */
static bool is_second(struct session *s, int sig)
{
	if (sig == SIGINT)
		return s->asked_int++ > 0;
	if (sig == SIGTERM)
		return s->asked_term++ > 0;
	return false;
}

static void on_signal(struct session *s, const struct signalfd_siginfo *si)
{
	bool from_user = si->ssi_code <= 0; /* kill, tgkill, sigqueue; the kernel's are positive */
	int sig = (int)si->ssi_signo;

	if (sig == SIGCHLD)
		return; /* the step that follows looks */
	if (sig == SIGCONT) {
		stop_continue(s);
		return;
	}
	if (is_ending(sig) && from_user && duplicate(s, si))
		return;
	/* nohup(1), background jobs of scripts: what the terminal sends is not meant for us. */
	if (is_ending(sig) && !from_user && s->ignored >> sig & 1)
		return;
	if (s->arming) {
		/* The command has not run yet; nothing has been traced. */
		if (is_ending(sig) && s->signal)
			session_force(s, sig);
		else if (is_ending(sig))
			s->signal = sig;
		return;
	}
	if (command_alive(s)) {
		if (!from_user)
			return;
		if (is_second(s, sig))
			session_force(s, sig);
		else
			forward(s, si);
		return;
	}
	if (!is_ending(sig))
		return;
	if (s->asked_stop++ > 0)
		session_force(s, sig);
	else
		session_stop(s);
}

static void read_signals(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si))
		on_signal(s, &si);
}

/* ---- the command and the target ---- */

static void command_died(struct session *s, int status)
{
	pthread_mutex_lock(&s->lock);
	s->command.alive = false;
	s->command.status = status;
	s->launch.reaped = true;
	pthread_mutex_unlock(&s->lock);
}

static void reap(struct session *s)
{
	int status;
	pid_t rc;

	if (!s->launch.pid || s->launch.reaped || !session_main_waits(s))
		return;
	while ((rc = waitpid(s->launch.pid, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (WIFSTOPPED(status)) {
			pthread_mutex_lock(&s->lock);
			s->command.stopped = true;
			s->command.continued = false;
			s->command.stop_signal = WSTOPSIG(status);
			pthread_mutex_unlock(&s->lock);
		} else if (WIFCONTINUED(status)) {
			pthread_mutex_lock(&s->lock);
			s->command.stopped = false;
			s->command.continued = true;
			pthread_mutex_unlock(&s->lock);
		} else {
			command_died(s, status);
			return;
		}
	}
	if (rc < 0 && errno == ECHILD) {
		log_warn("the command's exit status has been taken by somebody else");
		command_died(s, 0);
	}
}

/* A backend that waits for the command was to report its end, but does not. */
static void reap_unreported(struct session *s)
{
	int status;

	if (!s->gone_ns || s->launch.reaped || tkit_now_ns() - s->gone_ns < 5000000000ull)
		return;
	/* It is a zombie, so there is no ptrace stop left that this wait could steal. */
	if (waitpid(s->launch.pid, &status, WNOHANG) == s->launch.pid) {
		log_warn("the backend did not report the command's end");
		command_died(s, status);
	}
}

static void check_exec(struct session *s)
{
	int rc;

	if (s->arming || s->launch.held || s->launch.sock < 0)
		return;
	rc = launch_outcome(&s->launch);
	if (rc < 0)
		s->exec_errno = -rc;
}

static void mirror(struct session *s)
{
	int sig;

	pthread_mutex_lock(&s->lock);
	sig = s->command.alive ? s->command.stop_signal : 0;
	s->command.stop_signal = 0;
	pthread_mutex_unlock(&s->lock);
	if (sig)
		stop_mirror(s, sig);
}

void watch_step(struct session *s, int timeout_ms)
{
	int pidfd = s->pidfd >= 0 ? s->pidfd : s->launch.pidfd;
	struct pollfd fds[] = {
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = s->wake_fd, .events = POLLIN},
		{.fd = s->gone_ns ? -1 : pidfd, .events = POLLIN},
		{.fd = s->arming || s->launch.held ? -1 : s->launch.sock, .events = POLLIN},
	};
	uint64_t count;

	if (poll(fds, sizeof(fds) / sizeof(*fds), timeout_ms) < 0 && errno != EINTR)
		log_debug("poll: %s", strerror(errno));
	if (fds[1].revents && read(s->wake_fd, &count, sizeof(count)) < 0)
		log_debug("reading the eventfd: %s", strerror(errno));
	if (fds[2].revents && !s->gone_ns)
		s->gone_ns = tkit_now_ns();
	if (fds[3].revents)
		check_exec(s);
	reap(s);
	read_signals(s);
	reap(s);
	if (!session_main_waits(s))
		reap_unreported(s);
	mirror(s);
}
