// SPDX-License-Identifier: MIT
/*
 * Waiting for the next stop.
 *
 * A waitpid() that blocks is the fastest way, but nothing except a signal ends it early. So
 * while pump() runs, a timer sends this thread a real-time signal now and then whose handler
 * does nothing. The handler stays installed: another instance may use the same one.
 */
#include "ptrace.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_NS 20000000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void on_tick(int sig)
{
	(void)sig;
}

/* A real-time signal that nobody uses, or -1. */
static int free_signal(void)
{
	for (int sig = SIGRTMAX; sig >= SIGRTMIN; sig--) {
		struct sigaction old;

		if (sigaction(sig, NULL, &old) < 0)
			continue;
		if (old.sa_handler == SIG_DFL || old.sa_handler == on_tick)
			return sig;
	}
	return -1;
}

/*
 * Each ptrace stop of a tracee would send SIGCHLD to the process and wake whoever polls for
 * it. Ends of children still do.
 */
static void quiet_sigchld(struct pt *pt)
{
	struct sigaction sa;

	if (sigaction(SIGCHLD, NULL, &sa) < 0 || (sa.sa_flags & SA_NOCLDSTOP))
		return;
	sa.sa_flags |= SA_NOCLDSTOP;
	pt->chld_changed = sigaction(SIGCHLD, &sa, NULL) == 0;
}

int pt_wait_init(struct pt *pt)
{
	struct sigaction sa = {.sa_handler = on_tick};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID};
	int sig = free_signal();
	sigset_t set;

	if (sig < 0)
		return tkit_fail(pt->ctx, -EBUSY, "no free real-time signal for the timer");
	sigfillset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL) < 0)
		return tkit_fail(pt->ctx, -errno, "installing the timer's signal handler");
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	event.sigev_signo = sig;
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &pt->timer) < 0)
		return tkit_fail(pt->ctx, -errno, "making a timer");
	pt->timer_made = true;
	quiet_sigchld(pt);
	return 0;
}

void pt_wait_done(struct pt *pt)
{
	struct sigaction sa;

	if (pt->timer_made)
		timer_delete(pt->timer);
	pt->timer_made = false;
	if (pt->chld_changed && sigaction(SIGCHLD, NULL, &sa) == 0) {
		sa.sa_flags &= ~SA_NOCLDSTOP;
		sigaction(SIGCHLD, &sa, NULL);
	}
	pt->chld_changed = false;
}

void pt_wait_ticks(struct pt *pt, bool on)
{
	struct itimerspec spec = {{0, on ? TICK_NS : 0}, {0, on ? TICK_NS : 0}};

	timer_settime(pt->timer, 0, &spec, NULL);
}

/*
 * The next tracee that stopped or ended: its id with *ret_status, 0 if there is none now (or
 * when the timer ended a blocking wait), -ECHILD if there are no tracees.
 */
pid_t pt_wait(struct pt *pt, bool block, int *ret_status)
{
	pid_t tid = waitpid(-1, ret_status, __WALL | __WNOTHREAD | (block ? 0 : WNOHANG));

	if (tid < 0)
		return errno == ECHILD ? -ECHILD : 0;
	return tid;
}

void pt_pin(struct pt *pt, pid_t tid)
{
	(void)pt;
	(void)tid;
}
