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

#define TICK_NS    20000000
#define FAIR       2   /* threads; up to so many take turns by themselves */
#define SWEEP      16  /* stops until all that have stopped are collected, if nobody waited */
#define PIN_FIRST  8   /* stops in a row by one thread before a first look at where it runs */
#define PIN_WINDOW 128 /* stops between two looks */

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
	if (sched_getaffinity(0, sizeof(pt->affinity), &pt->affinity) < 0)
		CPU_ZERO(&pt->affinity);
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
 * when the timer ended a blocking wait), -ECHILD if there are no tracees.
 */
pid_t pt_wait(struct pt *pt, bool block, int *ret_status)
{
	pid_t tid;

	if (pt->queue_at < pt->queue_count) {
		*ret_status = pt->queue[pt->queue_at].status;
		return pt->queue[pt->queue_at++].tid;
	}
	pt->queue_at = pt->queue_count = 0;
	tid = waitpid(-1, ret_status, __WALL | __WNOTHREAD | (block ? 0 : WNOHANG));
	if (tid < 0)
		return errno == ECHILD ? -ECHILD : 0;
	if (tid > 0 && pt->count > FAIR)
		fill_queue(pt);
	return tid;
}

/* The CPU that the thread ran on last; -1 if it cannot be told. */
static int cpu_of(pid_t tid)
{
	char path[64], text[1024];
	char *p, *save = NULL;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	if (!p)
		return -1;
	p = strtok_r(p + 1, " ", &save); /* field 3; wanted: 39 */
	for (int field = 3; p && field < 39; field++)
		p = strtok_r(NULL, " ", &save);
	return p ? (int)strtol(p, NULL, 10) : -1;
}

static void unpin(struct pt *pt)
{
	if (pt->pinned_cpu >= 0)
		sched_setaffinity(0, sizeof(pt->affinity), &pt->affinity);
	pt->pinned_cpu = -1;
}

static void pin_to(struct pt *pt, int cpu)
{
	cpu_set_t set;

	if (cpu == pt->pinned_cpu || cpu < 0 || cpu >= CPU_SETSIZE ||
	    !CPU_ISSET(cpu, &pt->affinity))
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		pt->pinned_cpu = cpu;
}

/*
 * Stops and wake-ups between two CPUs cost several times as much as on one. As long as most
 * stops come from one thread, the tracing thread follows it to its CPU: soon, because many
 * programs live for a few hundred stops only. The traced thread itself is never moved.
 */
void pt_pin(struct pt *pt, pid_t tid)
{
	if (pt->opt->pin == PT_NO)
		return;
	if (tid == pt->last_tid) {
		pt->same++;
		pt->in_a_row++;
	} else {
		pt->in_a_row = 0;
	}
	pt->last_tid = tid;
	if (pt->in_a_row == PIN_FIRST && !pt->crowded)
		pin_to(pt, cpu_of(tid));
	if (++pt->stops % PIN_WINDOW)
		return;
	if (pt->same >= PIN_WINDOW * 3 / 4)
		pin_to(pt, cpu_of(tid));
	else
		unpin(pt);
	pt->same = 0;
}
