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
#include <fcntl.h>
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
#define FAIR    2  /* threads; up to so many take turns by themselves */
#define SWEEP   16 /* stops until all that have stopped are collected, if nobody waited */

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
	pt_pin_init(pt);
	quiet_sigchld(pt);
	return 0;
}

void pt_wait_done(struct pt *pt)
{
	struct sigaction sa;

	pt_pin_done(pt);
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
 * The kernel goes through its list of tracees from the start each time: with many busy
 * threads, the last ones would never have their turn. So all that have stopped by now are
 * taken off it before any of them goes on: each time as long as there are several, else (most
 * are parents that wait for a child) every now and then.
 */
static void fill_queue(struct pt *pt)
{
	if (!pt->crowded && ++pt->unswept < SWEEP)
		return;
	pt->unswept = 0;
	while (pt->queue_count < PT_QUEUE) {
		struct pt_stopped *next = &pt->queue[pt->queue_count];

		next->tid = waitpid(-1, &next->status, __WALL | __WNOTHREAD | WNOHANG);
		if (next->tid <= 0)
			break;
		pt->queue_count++;
	}
	pt->crowded = pt->queue_count > 0;
}

/*
 * The next tracee that stopped or ended: its id with *ret_status, 0 if there is none now (or
 * when the timer ended a blocking wait), -ECHILD if there are no tracees. pt->waited
 * tells that none had stopped yet.
 */
pid_t pt_wait(struct pt *pt, bool block, int *ret_status)
{
	pid_t tid;

	pt->waited = false;
	if (pt->queue_at < pt->queue_count) {
		*ret_status = pt->queue[pt->queue_at].status;
		return pt->queue[pt->queue_at++].tid;
	}
	pt->queue_at = pt->queue_count = 0;
	tid = waitpid(-1, ret_status, __WALL | __WNOTHREAD | WNOHANG);
	pt->waited = tid == 0;
	if (tid == 0 && block) {
		pt_pin_rest(pt);
		tid = waitpid(-1, ret_status, __WALL | __WNOTHREAD);
	}
	pt_pin_work(pt);
	if (tid < 0)
		return errno == ECHILD ? -ECHILD : 0;
	if (tid > 0 && pt->count > FAIR)
		fill_queue(pt);
	return tid;
}
