// SPDX-License-Identifier: MIT
/*
 * Tracer and traced on one CPU.
 *
 * A stop, and the wake-up after it, cost several times as much between two CPUs as on one: the
 * other one sleeps, and in a virtual machine it is the host that has to wake it. So as long as most
 * stops come from one thread, the tracing thread follows it to its CPU. The traced thread itself is
 * never moved.
 *
 * That alone does not keep them together: when the tracee is woken, its CPU is busy, with us,
 * and the scheduler sends it to another one that is idle (select_idle_sibling() in
 * kernel/sched/fair.c). A CPU on which only tasks of SCHED_IDLE run counts as idle there. So the
 * tracing thread takes that policy for as long as it follows. The tracee then runs at once, and
 * we have the CPU back when it stops.
 *
 * A thread of SCHED_IDLE starves where somebody else wants the CPU, and its tracee with it. Hence a
 * guard, a thread of the usual policy, that looks every few milliseconds whether we come to
 * work, gives us our policy back if not, and has us wait longer each time before the next try.
 */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIRST       8   /* stops in a row by one thread before a first look at where it runs */
#define WINDOW      128 /* stops between two looks */
#define MISSES      4   /* stops that had to be waited for: it may run elsewhere by now */
#define MISSES_MAX  256 /* ... when looks have found it where it was */
#define GUARD_NS    10000000ull
#define WORTH       50 /* periods of the guard in which it was not needed: no reason to wait for long */
#define BACKOFF_MIN (5 * GUARD_NS)
#define BACKOFF_MAX 5000000000ull

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

static int set_policy(pid_t tid, int policy)
{
	const struct sched_param param = {0};

	/* not glibc's: tid may be another thread's */
	return (int)syscall(SYS_sched_setscheduler, tid, policy, &param);
}

/* Whether a thread may go back from SCHED_IDLE: root, or RLIMIT_NICE allows it (sched(7)). */
static bool may_return(int policy)
{
	if (set_policy(0, SCHED_IDLE) < 0)
		return false;
	return set_policy(0, policy) == 0;
}

/* Each time for longer, unless it went well for so long that what was lost now is next to nothing.
 */
static void back_off(struct pt_pin *pin)
{
	uint64_t now = tkit_now_ns();

	if (now - pin->low_ns > WORTH * GUARD_NS)
		pin->backoff_ns = BACKOFF_MIN;
	else if (pin->backoff_ns < BACKOFF_MAX)
		pin->backoff_ns *= 2;
	pin->again_ns = now + pin->backoff_ns;
}

static void *guard_main(void *arg)
{
	struct pt_pin *pin = arg;
	struct timespec at;
	uint32_t before;

	pthread_mutex_lock(&pin->lock);
	if (pin->state == PT_PIN_STARTING)
		pin->state = may_return(pin->policy) ? PT_PIN_USUAL : PT_PIN_NO_POLICY;
	while (pin->state != PT_PIN_NO_POLICY && pin->state != PT_PIN_OVER) {
		if (pin->state == PT_PIN_USUAL) {
			pthread_cond_wait(&pin->wake, &pin->lock);
			continue;
		}
		before = atomic_load(&pin->busy);
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += (long)GUARD_NS;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&pin->wake, &pin->lock, &at);
		if (pin->state != PT_PIN_LOW || !before || atomic_load(&pin->busy) != before)
			continue;
		set_policy(pin->tid, pin->policy);
		pin->state = PT_PIN_USUAL;
		back_off(pin);
	}
	pthread_mutex_unlock(&pin->lock);
	return NULL;
}

static void lower(struct pt_pin *pin)
{
	uint64_t now = tkit_now_ns();

	if (!pin->guarded)
		return;
	pthread_mutex_lock(&pin->lock);
	if (pin->state == PT_PIN_USUAL && now >= pin->again_ns && set_policy(0, SCHED_IDLE) == 0) {
		pin->low_ns = now;
		pin->state = PT_PIN_LOW;
		pthread_cond_signal(&pin->wake);
	}
	pthread_mutex_unlock(&pin->lock);
}

static void raise_again(struct pt_pin *pin)
{
	if (!pin->guarded)
		return;
	pthread_mutex_lock(&pin->lock);
	if (pin->state == PT_PIN_LOW && set_policy(0, pin->policy) == 0)
		pin->state = PT_PIN_USUAL;
	pthread_mutex_unlock(&pin->lock);
}

static void unpin(struct pt_pin *pin)
{
	raise_again(pin);
	if (pin->cpu >= 0)
		sched_setaffinity(0, sizeof(pin->affinity), &pin->affinity);
	pin->cpu = -1;
}

/* Goes where the thread is. Whether it was elsewhere before. */
static bool follow(struct pt_pin *pin, pid_t tid)
{
	int cpu = cpu_of(tid);
	bool moved = cpu != pin->cpu;
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &pin->affinity))
		return false;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (moved && sched_setaffinity(0, sizeof(set), &set) < 0)
		return false;
	pin->cpu = cpu;
	lower(pin);
	return moved;
}

void pt_pin_init(struct pt *pt)
{
	struct pt_pin *pin = &pt->pin;
	pthread_condattr_t attr;
	sigset_t all, old;

	pin->cpu = -1;
	pin->patience = MISSES;
	pin->tid = (pid_t)syscall(SYS_gettid);
	pin->policy = sched_getscheduler(0);
	pin->backoff_ns = BACKOFF_MIN;
	pin->off = pt->opt->pin == PT_NO ||
		   sched_getaffinity(0, sizeof(pin->affinity), &pin->affinity) < 0 ||
		   CPU_COUNT(&pin->affinity) < 2;
	if (pin->off || (pin->policy != SCHED_OTHER && pin->policy != SCHED_BATCH))
		return;
	pthread_mutex_init(&pin->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pin->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pin->guarded = pthread_create(&pin->guard, NULL, guard_main, pin) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pin->guarded)
		return;
	pthread_cond_destroy(&pin->wake);
	pthread_mutex_destroy(&pin->lock);
}

void pt_pin_done(struct pt *pt)
{
	struct pt_pin *pin = &pt->pin;

	unpin(pin);
	if (!pin->guarded)
		return;
	pthread_mutex_lock(&pin->lock);
	pin->state = PT_PIN_OVER;
	pthread_cond_signal(&pin->wake);
	pthread_mutex_unlock(&pin->lock);
	pthread_join(pin->guard, NULL);
	pthread_cond_destroy(&pin->wake);
	pthread_mutex_destroy(&pin->lock);
	pin->guarded = false;
}

void pt_pin_work(struct pt *pt)
{
	unsigned int next = atomic_load_explicit(&pt->pin.busy, memory_order_relaxed) + 1;

	atomic_store_explicit(&pt->pin.busy, next ? next : 1, memory_order_relaxed);
}

void pt_pin_rest(struct pt *pt)
{
	atomic_store_explicit(&pt->pin.busy, 0, memory_order_relaxed);
}

/* A tracee that is on our CPU has always stopped by the time that we run again. */
static bool strayed(struct pt_pin *pin, bool waited)
{
	if (!waited || pin->cpu < 0 || ++pin->misses < pin->patience)
		return false;
	pin->misses = 0;
	return true;
}

void pt_pin_stop(struct pt *pt, pid_t tid)
{
	struct pt_pin *pin = &pt->pin;

	if (pin->off)
		return;
	if (tid == pin->last_tid) {
		pin->same++;
		pin->in_a_row++;
	} else {
		pin->in_a_row = 0;
	}
	pin->last_tid = tid;
	if (!pt->crowded && pin->in_a_row >= FIRST &&
	    (pin->in_a_row == FIRST || strayed(pin, pt->waited))) {
		/* It may as well sleep for reasons of its own: look more rarely then. */
		if (follow(pin, tid))
			pin->patience = MISSES;
		else if (pin->patience < MISSES_MAX)
			pin->patience *= 2;
	}
	if (++pin->stops % WINDOW)
		return;
	if (pin->same >= WINDOW * 3 / 4)
		follow(pin, tid);
	else
		unpin(pin);
	pin->same = 0;
}
