// SPDX-License-Identifier: MIT
/*
 * Makes calls that say of themselves what has to be told with them: test_notify_kept.py compares.
 * Each is an access(2) of a name made of fields "@KEY=VALUE"; n= makes it the only one of its kind.
 *
 *	notify_kept MODE [ARG]...
 *
 * Names of the calls that have returned go to descriptor 9, one a line. Exit status 77: cannot be
 * done here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG     9
#define CROWD   300
#define CANNOT  77
#define NO_ROOT "?" /* what absolute names mean is not known */

static char program[256]; /* base name of what runs */

static pid_t gettid_now(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void fail(const char *what)
{
	fprintf(stderr, "notify_kept: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static long must(long rc, const char *what)
{
	if (rc < 0)
		fail(what);
	return rc;
}

/* `before` is "" or "/"; extra are more fields. */
static void say(const char *before, const char *comm, const char *exe, const char *extra)
{
	static __thread unsigned int made;
	char name[1024];
	int len = snprintf(name, sizeof(name), "%s@comm=%s@exe=%s@pid=%d@tid=%d%s@n=%u", before,
			   comm, exe, getpid(), gettid_now(), extra, made++);

	access(name, F_OK);
	name[len] = '\n';
	if (write(LOG, name, (size_t)len + 1) < 0)
		fail("the log");
}

static void rename_thread(const char *name)
{
	must(prctl(PR_SET_NAME, name), "PR_SET_NAME");
}

/* ---- names of threads ---- */

static pthread_barrier_t gate;

static void meet(void)
{
	pthread_barrier_wait(&gate);
}

static void *named_by_others(void *arg)
{
	*(pid_t *)arg = gettid_now();
	rename_thread("second");
	say("", "second", program, "");
	meet(); /* 1: the other one opens comm */
	meet(); /* 2: and has written to it */
	say("", "written", program, "");
	return NULL;
}

static int names(void)
{
	char path[64];
	pthread_t thread;
	pid_t tid;
	int fd;

	pthread_barrier_init(&gate, NULL, 2);
	say("", program, program, "");
	pthread_create(&thread, NULL, named_by_others, &tid);
	meet();
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	fd = (int)must(open(path, O_WRONLY), path);
	say("", program, program, "");
	must(write(fd, "written", 7), "comm");
	meet();
	pthread_join(thread, NULL);
	rename_thread("first");
	say("", "first", program, "");
	if (fork() == 0) {
		say("", "first", program, "");
		rename_thread("child");
		say("", "child", program, "");
		_exit(0);
	}
	wait(NULL);
	say("", "first", program, "");
	rename_thread("");
	say("", "", program, "");
	return 0;
}

/* ---- more threads than are kept ---- */

static void *crowd_member(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "t%zu", (size_t)arg);
	rename_thread(name);
	for (int i = 0; i < 3; i++) {
		meet();
		say("", name, program, "");
	}
	return NULL;
}

static int crowd(void)
{
	pthread_t threads[CROWD];

	pthread_barrier_init(&gate, NULL, CROWD);
	for (size_t i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, crowd_member, (void *)i))
			fail("pthread_create");
	for (size_t i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* ---- exec ---- */

/* `other` is a copy of this program; left to go: COUNT. */
static void turn_into(const char *other, const char *mode, int count)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", count);
	execl(other, other, mode, number, NULL);
	fail(other);
}

static const char *other_one(void)
{
	return strcmp(program, "one") == 0 ? "./two" : "./one";
}

static int execs(int count)
{
	say("", program, program, "");
	execl("./none", "none", NULL);
	say("", program, program, "");
	if (fork() == 0) { /* keeps the program while its parent has another one */
		usleep(20000);
		say("", program, program, "");
		_exit(0);
	}
	if (count)
		turn_into(other_one(), "execs", count - 1);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *execs_instead(void *arg)
{
	usleep(1000 + 500 * (*(int *)arg % 5));
	say("", program, program, "");
	execl("./none", "none", NULL);
	turn_into(other_one(), "thread-execs", *(int *)arg - 1);
	return NULL;
}

/* Another thread than the first one executes while the first one makes calls. */
static int thread_execs(int count)
{
	pthread_t thread;

	say("", program, program, "");
	if (count)
		pthread_create(&thread, NULL, execs_instead, &count);
	for (int i = 0; count || i < 10; i++)
		say("", program, program, "");
	return 0;
}

/* ---- numbers that are used again ---- */

static pid_t clone_as(pid_t number)
{
	struct clone_args args = {.exit_signal = SIGCHLD,
				  .set_tid = (uint64_t)(uintptr_t)&number,
				  .set_tid_size = number ? 1 : 0};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void *one_call(void *arg)
{
	*(pid_t *)arg = gettid_now();
	rename_thread("thread");
	say("", "thread", program, "");
	return NULL;
}

/* A new process with the number of a thread or process that is no more. */
static bool again(pid_t number)
{
	pid_t pid = -1;
	int status;

	for (int i = 0; i < 200 && pid < 0; i++) {
		pid = clone_as(number);
		if (pid < 0 && errno != EEXIST)
			return false;
		if (pid < 0)
			usleep(1000);
	}
	if (pid == 0) {
		rename_thread("again");
		say("", "again", program, "");
		say("", "again", program, "");
		_exit(0);
	}
	return pid == number && waitpid(pid, &status, 0) == pid && status == 0;
}

static int reuse(void)
{
	pthread_t thread;
	pid_t number;

	for (int i = 0; i < 20; i++) {
		pthread_create(&thread, NULL, one_call, &number);
		pthread_join(thread, NULL);
		if (!again(number))
			return CANNOT;

		number = fork();
		if (number == 0)
			turn_into("./two", "tell", 0);
		waitpid(number, NULL, 0);
		if (!again(number))
			return CANNOT;
	}
	return 0;
}

/* ---- root directories ---- */

static char jail[512]; /* "@root=!the!jail" */

static void *shares_root(void *arg)
{
	(void)arg;
	say("/", program, program, "@root=");
	meet(); /* 1 */
	meet(); /* 2: it has changed */
	say("/", program, program, jail);
	say("", program, program, "@base=");
	return NULL;
}

static int chroots(void)
{
	char cwd[256];
	pthread_t thread;
	int go[2];

	must(mkdir("jail", 0755), "mkdir");
	getcwd(cwd, sizeof(cwd));
	snprintf(jail, sizeof(jail), "@root=%s/jail", cwd);
	for (char *at = jail; *at; at++)
		*at = *at == '/' ? '!' : *at;
	say("/", program, program, "@root=");
	must(pipe(go), "pipe");
	if (fork() == 0) { /* has a root of its own */
		char byte;

		say("/", program, program, "@root=");
		must(read(go[0], &byte, 1), "read");
		say("/", program, program, "@root=");
		_exit(0);
	}
	pthread_barrier_init(&gate, NULL, 2);
	pthread_create(&thread, NULL, shares_root, NULL);
	meet();
	must(chroot("jail"), "chroot");
	must(write(go[1], "x", 1), "write");
	meet();
	pthread_join(thread, NULL);
	say("/", program, program, jail);
	if (fork() == 0) {
		say("/", program, program, jail);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

/* Not traced: a process with a root in a mount namespace of its own, until its input ends. */
static int other_root(const char *dir)
{
	char byte;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(dir, dir, NULL, MS_BIND, NULL) < 0 || chdir(dir) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return CANNOT;
	must(write(1, "x", 1), "write");
	return read(0, &byte, 1) > 0;
}

static int enters(const char *pid)
{
	char path[64];
	int net, fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	fd = (int)must(open(path, O_RDONLY), path);
	net = (int)must(open("/proc/self/ns/uts", O_RDONLY), "uts");
	say("/", program, program, "@root=");
	must(setns(net, CLONE_NEWUTS), "setns uts");
	say("/", program, program, "@root=");
	must(setns(fd, 0), "setns");
	say("/", program, program, "@root=" NO_ROOT);
	say("/", program, program, "@root=" NO_ROOT);
	return 0;
}

/* ---- working directories that others rename ---- */

/* Base names of the working directory come in, one a line. */
static int waits_for_names(void)
{
	char name[256], extra[512];

	must(chdir("a"), "chdir");
	while (scanf("%255s", name) == 1) {
		snprintf(extra, sizeof(extra), "@base=%s", name);
		say("", program, program, extra);
		must(write(1, "x", 1), "write");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	const char *slash = strrchr(argv[0], '/');

	snprintf(program, sizeof(program), "%s", slash ? slash + 1 : argv[0]);
	if (!strcmp(mode, "names"))
		return names();
	if (!strcmp(mode, "crowd"))
		return crowd();
	if (!strcmp(mode, "execs"))
		return execs(atoi(arg));
	if (!strcmp(mode, "thread-execs"))
		return thread_execs(atoi(arg));
	if (!strcmp(mode, "tell")) {
		say("", program, program, "");
		return 0;
	}
	if (!strcmp(mode, "reuse"))
		return reuse();
	if (!strcmp(mode, "chroot"))
		return chroots();
	if (!strcmp(mode, "other-root"))
		return other_root(arg);
	if (!strcmp(mode, "enters"))
		return enters(arg);
	if (!strcmp(mode, "cwd"))
		return waits_for_names();
	fprintf(stderr, "notify_kept: what?\n");
	return 2;
}
