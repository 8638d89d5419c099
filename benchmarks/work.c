// SPDX-License-Identifier: MIT
/*
 * tkit-bench-work list                            what there is, one a line, separated by tabs
 * tkit-bench-work prepare NAME COUNT DIR TOKEN    makes what the workload needs in DIR
 * tkit-bench-work run NAME COUNT DIR TOKEN        runs it: nanoseconds to descriptor 3
 * tkit-bench-work nothing                         ends at once
 * tkit-bench-work idle                            waits until it is ended
 *
 * A line of the list: name, default count, kind (work.h), missing program or "-", text.
 */
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESULT_FD 3

static struct timespec started, stopped;
static bool stop_given;

void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tkit-bench-work: %s: %s\n", what, strerror(errno));
	exit(1);
}

void clock_start(void)
{
	clock_gettime(CLOCK_MONOTONIC, &started);
}

void clock_stop(void)
{
	clock_gettime(CLOCK_MONOTONIC, &stopped);
	stop_given = true;
}

const char *name_of(char *buf, const struct work *work, const char *fmt, ...)
{
	size_t used = (size_t)snprintf(buf, NAME_SIZE, "%s", work->token);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + used, NAME_SIZE - used, fmt, ap);
	va_end(ap);
	return buf;
}

pid_t start_program(const char *const *argv)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	close(RESULT_FD);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "tkit-bench-work: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

void run_program(const char *const *argv)
{
	pid_t pid = start_program(argv);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		need(errno == EINTR, "waitpid");
	if (status == 0)
		return;
	fprintf(stderr, "tkit-bench-work: %s ended with status %d\n", argv[0],
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	exit(1);
}

bool have_program(const char *name)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	char path[NAME_SIZE];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* The first of the programs that is not there, "-" if all are. */
static const char *missing(const struct workload *workload, char *buf, size_t size)
{
	char *rest, *word;

	if (!workload->needs)
		return "-";
	snprintf(buf, size, "%s", workload->needs);
	for (word = strtok_r(buf, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!have_program(word))
			return word;
	return "-";
}

static void list(const struct workload *table, size_t count)
{
	char buf[NAME_SIZE];

	for (size_t i = 0; i < count; i++)
		printf("%s\t%ld\t%c\t%s\t%s\n", table[i].name, table[i].count, table[i].kind,
		       missing(&table[i], buf, sizeof(buf)), table[i].text);
}

static const struct workload *find(const char *name)
{
	for (size_t i = 0; i < loop_count; i++)
		if (!strcmp(loops[i].name, name))
			return &loops[i];
	for (size_t i = 0; i < program_count; i++)
		if (!strcmp(programs[i].name, name))
			return &programs[i];
	fprintf(stderr, "tkit-bench-work: unknown workload %s\n", name);
	exit(2);
}

static void tell_time(void)
{
	long long ns = (stopped.tv_sec - started.tv_sec) * 1000000000ll +
		       (stopped.tv_nsec - started.tv_nsec);

	if (dprintf(RESULT_FD, "%lld\n", ns) < 0)
		printf("%lld\n", ns);
}

static void run(const struct workload *workload, const struct work *work)
{
	clock_start();
	if (work->count)
		workload->run(work);
	if (!stop_given)
		clock_stop();
	tell_time();
}

/* The same programs, settings and answers for everybody. */
static void plain_environment(const char *dir)
{
	need(clearenv() == 0, "environment");
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C", 1);
	setenv("HOME", dir, 1);
	setenv("TMPDIR", dir, 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_OPTIONAL_LOCKS", "0", 1);
	setenv("PYTHONNOUSERSITE", "1", 1);
}

static void leave(int sig)
{
	(void)sig;
	_exit(0);
}

/* Tells its pid and rests until SIGTERM. */
static _Noreturn void idle(void)
{
	const struct sigaction action = {.sa_handler = leave};

	sigaction(SIGTERM, &action, NULL);
	need(dprintf(RESULT_FD, "%d\n", (int)getpid()) > 0, "descriptor 3");
	for (;;)
		pause();
}

/*
 * Runs a command and tells ns of time, ns of processor time and the most memory in KiB, in `file`.
 * This process is small: the kernel counts the memory of who forks to the child's.
 */
static int spend(const char *file, char **command)
{
	long long begin, wall, cpu;
	struct rusage usage;
	int status = 0;
	FILE *out;
	pid_t pid;

	clock_start();
	begin = started.tv_sec * 1000000000ll + started.tv_nsec;
	pid = fork();
	need(pid >= 0, "fork");
	if (!pid) {
		execv(command[0], command);
		_exit(127);
	}
	need(wait4(pid, &status, 0, &usage) == pid, command[0]);
	clock_stop();
	wall = stopped.tv_sec * 1000000000ll + stopped.tv_nsec - begin;
	cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ll +
	      (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ll;
	out = fopen(file, "we");
	need(out != NULL, file);
	fprintf(out, "%lld %lld %ld\n", wall, cpu, usage.ru_maxrss);
	need(fclose(out) == 0, file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int usage(void)
{
	fputs("usage: tkit-bench-work list | idle | spend FILE COMMAND... |\n"
	      "                       (prepare|run) NAME COUNT DIR TOKEN\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct work work = {0};
	const struct workload *workload;
	char *end;

	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	/* A tracer that is ended must not leave its command behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (argc == 2 && !strcmp(argv[1], "list")) {
		list(loops, loop_count);
		list(programs, program_count);
		return fflush(stdout) ? 1 : 0;
	}
	if (argc == 2 && !strcmp(argv[1], "idle"))
		idle();
	if (argc > 3 && !strcmp(argv[1], "spend"))
		return spend(argv[2], argv + 3);
	if (argc != 6)
		return usage();
	work.count = strtol(argv[3], &end, 10);
	if (*end || end == argv[3] || work.count < 0)
		return usage();
	work.token = argv[5];
	workload = find(argv[2]);
	need(chdir(argv[4]) == 0, argv[4]);
	plain_environment(argv[4]);
	if (!strcmp(argv[1], "run"))
		run(workload, &work);
	else if (strcmp(argv[1], "prepare") != 0)
		return usage();
	else if (workload->prepare)
		workload->prepare(&work);
	return 0;
}
