// SPDX-License-Identifier: MIT
/* What a plugin leaves behind in the process: descriptors, threads, children, settings. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "vet/priv.h"

#define FDS       VET_FDS
#define SIGNALS   32 /* real-time signals are free: a timer's late one must find its handler */
#define SA_KERNEL 0x04000000 /* SA_RESTORER, which libc sets */

struct residue {
	bool open[FDS];
	int threads;
	struct sigaction actions[SIGNALS];
	mode_t mask_files;
	char cwd[PATH_MAX];
	uint64_t environment; /* a hash */
	char locale[256];
	struct rlimit limits[RLIM_NLIMITS];
	int flags[3]; /* of prctl(2) */
	pid_t session;
};

static const int process_flags[] = {PR_GET_NO_NEW_PRIVS, PR_GET_DUMPABLE, PR_GET_KEEPCAPS};

/* Calls fn for each number in a folder of /proc. */
static void each_number(const char *dir, void (*fn)(void *arg, int number), void *arg)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (!*end && end != entry->d_name && number != dirfd(d))
			fn(arg, (int)number);
	}
}

static void count_one(void *arg, int number)
{
	(*(int *)arg)++;
}

static void mark_open(void *arg, int number)
{
	if (number >= 0 && number < FDS)
		((bool *)arg)[number] = true;
}

static int threads(void)
{
	int count = 0;

	each_number("/proc/self/task", count_one, &count);
	return count;
}

static mode_t current_umask(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return mask;
}

/* FNV-1a over all "NAME=VALUE"s, ends included. */
static uint64_t hash_environment(void)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (char **e = environ; e && *e; e++) {
		const char *c = *e;

		do
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
		while (*c++);
	}
	return hash;
}

struct residue *residue_new(void)
{
	const char *locale = setlocale(LC_ALL, NULL);
	struct residue *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	each_number("/proc/self/fd", mark_open, r->open);
	r->threads = threads();
	for (int s = 1; s < SIGNALS; s++)
		sigaction(s, NULL, &r->actions[s]);
	r->mask_files = current_umask();
	if (!getcwd(r->cwd, sizeof(r->cwd)))
		r->cwd[0] = '\0';
	r->environment = hash_environment();
	snprintf(r->locale, sizeof(r->locale), "%s", locale ? locale : "");
	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((__rlimit_resource_t)i, &r->limits[i]);
	for (size_t i = 0; i < 3; i++)
		r->flags[i] = prctl(process_flags[i], 0, 0, 0, 0);
	r->session = getsid(0);
	return r;
}

/* What a descriptor leads to, for messages. */
static const char *fd_name(int fd, char *buf, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void check_fds(struct vet *vet, const struct residue *before, const char *behind)
{
	bool now[FDS] = {false};
	char name[256];

	each_number("/proc/self/fd", mark_open, now);
	for (int fd = 0; fd < FDS; fd++) {
		if (now[fd] && !before->open[fd])
			vet_found(vet, VET_FD, "leaves a descriptor open behind %s: %s", behind,
				  fd_name(fd, name, sizeof(name)));
		else if (!now[fd] && before->open[fd])
			vet_found(vet, VET_FD, "closes a descriptor that is not its own");
	}
}

static void check_children(struct vet *vet, const char *behind)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) >= 0) {
		vet_found(vet, VET_CHILD, "leaves a child process behind %s", behind);
		if (pid == 0)
			return;
	}
}

static bool same_action(const struct sigaction *a, const struct sigaction *b)
{
	return a->sa_handler == b->sa_handler && !((a->sa_flags ^ b->sa_flags) & ~SA_KERNEL);
}

/* What all of tkit, and what it starts, depends on. */
static void check_process(struct vet *vet, const struct residue *before)
{
	const char *locale = setlocale(LC_ALL, NULL);
	struct itimerval timer = {0};
	bool limits = false, flags = false;

	if (hash_environment() != before->environment)
		vet_found(vet, VET_PROCESS, "changes the environment of the process");
	if (strncmp(locale ? locale : "", before->locale, sizeof(before->locale) - 1))
		vet_found(vet, VET_PROCESS, "changes the locale of the process: newlocale(3)");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit now;

		/* Kernels before 5.11 count eBPF maps as locked memory. */
		if (i != RLIMIT_MEMLOCK && getrlimit((__rlimit_resource_t)i, &now) == 0)
			limits |= memcmp(&now, &before->limits[i], sizeof(now)) != 0;
	}
	if (limits)
		vet_found(vet, VET_PROCESS, "changes a resource limit of the process");
	for (size_t i = 0; i < 3; i++)
		flags |= prctl(process_flags[i], 0, 0, 0, 0) != before->flags[i];
	if (flags)
		vet_found(vet, VET_PROCESS,
			  "changes the process's no_new_privs, dumpable or "
			  "keepcaps: prctl(2)");
	if (getsid(0) != before->session)
		vet_found(vet, VET_PROCESS, "moves the process to a session of its own");
	if (getitimer(ITIMER_REAL, &timer) == 0 &&
	    (timer.it_value.tv_sec || timer.it_value.tv_usec))
		vet_found(vet, VET_PROCESS, "leaves an alarm(2) set");
}

void residue_settings(struct vet *vet, const struct residue *before)
{
	char cwd[PATH_MAX];

	for (int s = 1; s < SIGNALS; s++) {
		struct sigaction now;

		if (sigaction(s, NULL, &now) == 0 && !same_action(&now, &before->actions[s]))
			vet_found(vet, VET_PROCESS, "changes how the process takes signal %d (%s)",
				  s, strsignal(s));
	}
	if (current_umask() != before->mask_files)
		vet_found(vet, VET_PROCESS, "changes the umask of the process");
	if (getcwd(cwd, sizeof(cwd)) && strcmp(cwd, before->cwd))
		vet_found(vet, VET_PROCESS, "changes the working directory of the process");
	check_process(vet, before);
}

bool residue_check(struct vet *vet, struct residue *before, const char *behind)
{
	bool running;

	const struct timespec tick = {.tv_nsec = 5000000};

	if (!before)
		return false;
	/* A thread that has been joined may still be on its way out. */
	for (int i = 0; i < 40 && threads() > before->threads; i++)
		nanosleep(&tick, NULL);
	running = threads() > before->threads;
	if (running)
		vet_found(vet, VET_THREAD, "leaves %d thread(s) running behind %s",
			  threads() - before->threads, behind);
	check_fds(vet, before, behind);
	check_children(vet, behind);
	free(before);
	return running;
}

static void check_inherited(void *arg, int fd)
{
	struct vet *vet = arg;
	char name[256];
	bool own = fd < FDS && !vet->inherited[fd];
	int flags = own ? fcntl(fd, F_GETFD) : -1;

	if (flags >= 0 && !(flags & FD_CLOEXEC))
		vet_found(vet, VET_CLOEXEC, "opens a descriptor without O_CLOEXEC: %s",
			  fd_name(fd, name, sizeof(name)));
}

void vet_inherited(struct vet *vet)
{
	each_number("/proc/self/fd", mark_open, vet->inherited);
}

void vet_cloexec(struct vet *vet, const char *stage)
{
	each_number("/proc/self/fd", check_inherited, vet);
}

uint64_t residue_peak(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}

uint64_t residue_memory(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#else
	return 0;
#endif
}
