// SPDX-License-Identifier: MIT
/*
 * A SIGSTOP is mirrored only where a terminal is at stake: without one nobody would
 * continue tkit when somebody continues the command by its pid. All threads of tkit stop
 * with it: what its backends watch outside the command's process group waits (ptrace) or
 * fills the kernel's buffers meanwhile.
 */
#include "session/stop.h"

#include <fcntl.h>
#include <termios.h>
#include <time.h>

#include "session/priv.h"
#include "util/cleanup.h"
#include "util/procfs.h"

static bool is_stopped(struct session *s)
{
	bool stopped;
	char state;

	pthread_mutex_lock(&s->lock);
	stopped = s->command.alive && s->command.stopped && !s->command.continued;
	pthread_mutex_unlock(&s->lock);
	if (!stopped)
		return false;
	/* 't': held in a ptrace stop, whose tracer reports when it is continued. */
	state = procfs_state(s->launch.pid);
	return state == 'T' || state == 't';
}

void stop_continue(struct session *s)
{
	/* Whoever continues a job signals the whole group: the command has its own coming. */
	for (int i = 0; i < 10 && is_stopped(s); i++) {
		const struct timespec pause = {.tv_nsec = 2000000};

		nanosleep(&pause, NULL);
	}
	if (is_stopped(s))
		kill(s->launch.pid, SIGCONT);
	pthread_mutex_lock(&s->lock);
	s->command.stopped = false;
	pthread_mutex_unlock(&s->lock);
}

/* Stops this process by `sig` and returns when it goes on. */
static void stop_self(int sig)
{
	struct sigaction plain = {.sa_handler = SIG_DFL}, old;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sig != SIGSTOP) {
		sigaction(sig, &plain, &old);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	kill(getpid(), sig);
	if (sig != SIGSTOP) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		sigaction(sig, &old, NULL);
	}
}

/* Gives the terminal from tkit's group back to the command's, which had it. */
static void give_terminal(int tty, pid_t group)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;

	if (tty < 0 || group == getpgrp() || tcgetpgrp(tty) != getpgrp())
		return;
	sigaction(SIGTTOU, &ignore, &old);
	tcsetpgrp(tty, group);
	sigaction(SIGTTOU, &old, NULL);
}

void stop_mirror(struct session *s, int sig)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	pid_t group = getpgid(s->launch.pid), front = tty < 0 ? -1 : tcgetpgrp(tty);
	bool had_terminal = front > 0 && (front == group || front == getpgrp());
	sigset_t pending;

	if (sig == SIGSTOP && !had_terminal)
		return;
	if (sig != SIGSTOP && sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
		return;
	stop_self(sig);
	/* SIGCONT is blocked, so a real stop leaves it pending; in an orphaned group there
	 * was none. */
	if (sigpending(&pending) < 0 || !sigismember(&pending, SIGCONT))
		return;
	if (front == group)
		give_terminal(tty, group);
	/* The SIGCONT itself is read from the signalfd next, and continues the command. */
}
