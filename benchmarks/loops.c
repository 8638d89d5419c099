// SPDX-License-Identifier: MIT
/* Loops of known system calls. */
#include "work.h"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define DEPTH   20

extern char **environ;

static void open_close(const char *name)
{
	int fd = open(name, O_RDONLY);

	need(fd >= 0, name);
	close(fd);
}

static void make_file(const struct work *work)
{
	char name[NAME_SIZE];

	write_file(name_of(name, work, "file"), "x");
}

static void run_open(const struct work *work)
{
	char name[NAME_SIZE];

	name_of(name, work, "file");
	for (long i = 0; i < work->count; i++)
		open_close(name);
}

/* TOKENd/TOKENd/.../TOKENfile */
static void deep_name(char *buf, size_t size, const struct work *work, int depth)
{
	size_t used = 0;

	for (int i = 0; i < depth; i++)
		used += (size_t)snprintf(buf + used, size - used, "%sd%s", work->token,
					 i + 1 < depth ? "/" : "");
}

static void prepare_deep(const struct work *work)
{
	char dir[DEPTH * NAME_SIZE], file[NAME_SIZE];

	for (int depth = 1; depth <= DEPTH; depth++) {
		deep_name(dir, sizeof(dir), work, depth);
		need(mkdir(dir, 0700) == 0, dir);
	}
	need(chdir(dir) == 0, dir);
	write_file(name_of(file, work, "file"), "x");
}

static void run_deep(const struct work *work)
{
	char name[DEPTH * NAME_SIZE], file[NAME_SIZE];

	deep_name(name, sizeof(name), work, DEPTH);
	strcat(name, "/");
	strcat(name, name_of(file, work, "file"));
	for (long i = 0; i < work->count; i++)
		open_close(name);
}

struct part {
	struct work work;
	pthread_barrier_t *barrier;
};

static void *run_part(void *arg)
{
	struct part *part = arg;

	pthread_barrier_wait(part->barrier);
	run_open(&part->work);
	return NULL;
}

static void run_threads(const struct work *work)
{
	struct part parts[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		parts[i].work = *work;
		parts[i].work.count = work->count / THREADS + (i < work->count % THREADS);
		parts[i].barrier = &barrier;
		need(pthread_create(&threads[i], NULL, run_part, &parts[i]) == 0, "thread");
	}
	pthread_barrier_wait(&barrier);
	clock_start();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	clock_stop();
	pthread_barrier_destroy(&barrier);
}

static void run_stat(const struct work *work)
{
	char name[NAME_SIZE];
	struct stat st;

	name_of(name, work, "file");
	for (long i = 0; i < work->count; i++)
		need(stat(name, &st) == 0, name);
}

static void run_failed(const struct work *work)
{
	char name[NAME_SIZE];

	name_of(name, work, "none");
	for (long i = 0; i < work->count; i++)
		need(open(name, O_RDONLY) < 0, "what is not there was opened");
}

static void prepare_distinct(const struct work *work)
{
	char name[NAME_SIZE];

	for (long i = 0; i < work->count; i++)
		write_file(name_of(name, work, "%ld", i), "x");
}

static void run_distinct(const struct work *work)
{
	char name[NAME_SIZE];

	for (long i = 0; i < work->count; i++)
		open_close(name_of(name, work, "%ld", i));
}

static void run_read(const struct work *work)
{
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	need(fd >= 0, "/dev/zero");
	clock_start();
	for (long i = 0; i < work->count; i++)
		need(pread(fd, &byte, 1, 0) == 1, "pread");
	clock_stop();
	close(fd);
}

static void run_getppid(const struct work *work)
{
	for (long i = 0; i < work->count; i++)
		syscall(SYS_getppid);
}

static void prepare_spawn(const struct work *work)
{
	char self[4096], name[NAME_SIZE];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	need(len > 0, "/proc/self/exe");
	self[len] = '\0';
	need(symlink(self, name_of(name, work, "nothing")) == 0, name);
}

/* Executes this very program, which then ends. */
static void run_spawn(const struct work *work)
{
	char name[NAME_SIZE], word[] = "nothing";
	char *argv[] = {word, word, NULL};

	name_of(name, work, "nothing");
	for (long i = 0; i < work->count; i++) {
		pid_t pid;
		int status;

		need(posix_spawn(&pid, name, NULL, NULL, argv, environ) == 0, "posix_spawn");
		need(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
	}
}

const struct workload loops[] = {
	{"open", 50000, WORK_OPEN, NULL, "open and close of one file", make_file, run_open},
	{"deep", 20000, WORK_OPEN, NULL, "the same, 20 directories down", prepare_deep, run_deep},
	{"threads", 50000, WORK_OPEN, NULL, "open and close by 4 threads", make_file, run_threads},
	{"distinct", 20000, WORK_OPEN, NULL, "open and close of as many files", prepare_distinct,
	 run_distinct},
	{"stat", 50000, WORK_OTHER, NULL, "stat of one file", make_file, run_stat},
	{"failed", 50000, WORK_FAILED, NULL, "open of a name that is not there", NULL, run_failed},
	{"read", 100000, WORK_CONTROL, NULL, "control: pread of one byte", NULL, run_read},
	{"getppid", 300000, WORK_CONTROL, NULL, "control: getppid", NULL, run_getppid},
	{"spawn", 100, WORK_OTHER, NULL, "fork, exec and exit of a small program", prepare_spawn,
	 run_spawn},
	{"unrelated", 50000, WORK_ASIDE, NULL,
	 "open and close in a process that is not traced, while an idle one is", make_file,
	 run_open},
};
const size_t loop_count = sizeof(loops) / sizeof(*loops);
