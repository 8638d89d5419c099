// SPDX-License-Identifier: MIT
/* Signals, and processes that stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace_behave.h"

/* ---- signals ---- */

static volatile sig_atomic_t got_signo, got_code, got_value;
static volatile pid_t got_pid;
static void *volatile got_addr;

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	got_signo = sig;
	got_code = si->si_code;
	got_pid = si->si_pid;
	got_value = si->si_value.sival_int;
	got_addr = si->si_addr;
	if (sig == SIGSEGV)
		mprotect((void *)((uintptr_t)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void handle(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &sa, NULL);
}

void behave_signals(void)
{
	struct itimerval timer = {.it_value = {.tv_usec = 20000}};
	struct timespec second = {.tv_sec = 5}, left;
	union sigval value = {.sival_int = 4711};
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	handle(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	printf("kill: %d code %d own pid %d\n", got_signo, got_code, got_pid == getpid());
	handle(SIGRTMIN, 0);
	sigqueue(getpid(), SIGRTMIN, value);
	printf("queue: code %d value %d\n", got_code, got_value);
	handle(SIGSEGV, 0);
	page[7] = 1;
	printf("segv: code %d address %d\n", got_code, got_addr == page + 7);
	handle(SIGTRAP, 0);
	raise(SIGTRAP);
	printf("trap: %d code %d\n", got_signo, got_code);
	handle(SIGALRM, 0);
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("sleep: %d", nanosleep(&second, &left));
	printf(" errno %d left %d\n", errno, left.tv_sec == 4);
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("poll: %d", poll(NULL, 0, 5000));
	printf(" errno %d\n", errno);
}

void behave_dying(void)
{
	static const int sigs[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGPIPE, SIGTRAP};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t pid = fork();

		if (!pid) {
			kill(getpid(), sigs[i]);
			pause();
		}
		behave_wait(pid, 0);
	}
}

/* A path-taking call is restarted after a handler with SA_RESTART, else it is EINTR. */
void behave_restart(void)
{
	struct itimerval timer = {.it_value = {.tv_usec = 30000}};
	char fifo[4096];
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", behave_dir);
	mkfifo(fifo, 0600);
	handle(SIGALRM, 0);
	setitimer(ITIMER_REAL, &timer, NULL);
	fd = open(fifo, O_RDONLY);
	printf("open: %d errno %d\n", fd < 0, errno);
	handle(SIGALRM, SA_RESTART);
	if (!fork()) {
		usleep(80000);
		_exit(open(fifo, O_WRONLY) < 0);
	}
	setitimer(ITIMER_REAL, &timer, NULL);
	fd = open(fifo, O_RDONLY);
	printf("open: %d\n", fd >= 0);
	behave_wait(-1, 0);
	unlink(fifo);
}

/* ---- stopping ---- */

void behave_stopping(void)
{
	static const int sigs[] = {SIGSTOP, SIGTSTP, SIGTTIN};

	int go[2];
	char c;

	if (pipe(go) < 0)
		return;
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t pid;

		setpgid(0, 0);
		pid = fork();
		if (!pid) {
			raise(sigs[i]);
			_exit(read(go[0], &c, 1) == 1 ? 5 : 6);
		}
		behave_wait(pid, WUNTRACED);
		kill(pid, SIGCONT);
		behave_wait(pid, WCONTINUED);
		behave_wait(pid, write(go[1], "x", 1) == 1 ? 0 : WNOHANG);
	}
}

void *behave_pause_thread(void *arg)
{
	while (pause() < 0)
		continue;
	return NULL;
}

static char state_of(pid_t pid)
{
	char name[64], text[512], *p;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	f = fopen(name, "r");
	if (!f || !fgets(text, sizeof(text), f))
		return '?';
	fclose(f);
	p = strrchr(text, ')');
	return p[2] == 't' ? 'T' : p[2]; /* a stop under a tracer shows as 't' */
}

/* A process with threads stops as a whole, also when killed while stopped. */
void behave_stop_threads(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 8; i++)
			pthread_create(&t, NULL, behave_pause_thread, NULL);
		for (;;)
			usleep(1000);
	}
	usleep(100000);
	kill(pid, SIGSTOP);
	behave_wait(pid, WUNTRACED);
	printf("state %c\n", state_of(pid));
	kill(pid, SIGCONT);
	behave_wait(pid, WCONTINUED);
	kill(pid, SIGSTOP);
	behave_wait(pid, WUNTRACED);
	kill(pid, SIGKILL);
	behave_wait(pid, 0);
}

static _Atomic long *steps;

static void *walker(void *arg)
{
	for (int i = 0; i < 2000; i++)
		++*steps;
	return NULL;
}

static void *napper(void *arg)
{
	for (;;)
		usleep(100);
}

/* No thread of a stopped process runs, not even one that was just being made. */
void behave_stop_new_threads(void)
{
	int ran = 0;
	pid_t pid;

	steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	pid = fork();
	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, napper, NULL);
		for (;;)
			if (pthread_create(&t, NULL, walker, NULL) == 0)
				pthread_join(t, NULL);
	}
	for (int i = 0; i < 1500; i++) {
		long before;

		usleep(100 + random() % 400);
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		before = *steps;
		usleep(1000);
		ran += *steps != before;
		kill(pid, SIGCONT);
		waitpid(pid, NULL, WCONTINUED);
	}
	kill(pid, SIGKILL);
	behave_wait(pid, 0);
	printf("ran while stopped: %d times\n", ran);
}
