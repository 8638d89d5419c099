// SPDX-License-Identifier: MIT
/*
 * Prints what a program can observe of itself and its children. It must print the same
 * whether it is traced or not. usage: ptrace_behave DIR [SCENARIO]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *dir;
static char self[4096];

static const char *status(int st)
{
	static char text[64];

	if (WIFEXITED(st))
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(st));
	else if (WIFSIGNALED(st))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(st));
	else if (WIFSTOPPED(st))
		snprintf(text, sizeof(text), "stopped %d", WSTOPSIG(st));
	else if (WIFCONTINUED(st))
		snprintf(text, sizeof(text), "continued");
	return text;
}

static void tell(const char *what, long ret)
{
	printf("%s: %ld errno %d\n", what, ret, ret < 0 ? errno : 0);
}

static void wait_for(pid_t pid, int flags)
{
	int st = 0;
	pid_t got = waitpid(pid, &st, flags);

	printf("%s%s\n", got > 0 ? "" : "no child: ", status(st));
}

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

static void signals(void)
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

static void dying(void)
{
	static const int sigs[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGPIPE, SIGTRAP};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t pid = fork();

		if (!pid) {
			kill(getpid(), sigs[i]);
			pause();
		}
		wait_for(pid, 0);
	}
}

/* A path-taking call is restarted after a handler with SA_RESTART, else it is EINTR. */
static void restart(void)
{
	struct itimerval timer = {.it_value = {.tv_usec = 30000}};
	char fifo[4096];
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
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
	wait_for(-1, 0);
	unlink(fifo);
}

/* ---- stopping ---- */

static void stopping(void)
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
		wait_for(pid, WUNTRACED);
		kill(pid, SIGCONT);
		wait_for(pid, WCONTINUED);
		wait_for(pid, write(go[1], "x", 1) == 1 ? 0 : WNOHANG);
	}
}

static void *sleeper(void *arg)
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
static void stop_threads(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 8; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		for (;;)
			usleep(1000);
	}
	usleep(100000);
	kill(pid, SIGSTOP);
	wait_for(pid, WUNTRACED);
	printf("state %c\n", state_of(pid));
	kill(pid, SIGCONT);
	wait_for(pid, WCONTINUED);
	kill(pid, SIGSTOP);
	wait_for(pid, WUNTRACED);
	kill(pid, SIGKILL);
	wait_for(pid, 0);
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
static void stop_new_threads(void)
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
	wait_for(pid, 0);
	printf("ran while stopped: %d times\n", ran);
}

/* ---- threads and processes ---- */

static void *opener(void *arg)
{
	int fd = open(dir, O_RDONLY);

	if (fd < 0)
		return (void *)1;
	close(fd);
	return NULL;
}

static void threads(void)
{
	long made = 0, failed = 0;

	for (int round = 0; round < 10; round++) {
		pthread_t t[100];
		void *result;

		for (int i = 0; i < 100; i++)
			made += pthread_create(&t[i], NULL, opener, NULL) == 0;
		for (int i = 0; i < 100; i++) {
			pthread_join(t[i], &result);
			failed += result != NULL;
		}
	}
	printf("made %ld failed %ld\n", made, failed);
}

static void processes(void)
{
	char *argv[] = {self, (char *)dir, (char *)"true", NULL};
	pid_t pid, grandchild;
	int pipefd[2];

	pid = vfork();
	if (!pid) {
		execve(self, argv, NULL);
		_exit(127);
	}
	wait_for(pid, 0);
	printf("spawn %d\n", posix_spawn(&pid, self, NULL, NULL, argv, NULL));
	wait_for(pid, 0);
	printf("spawn %d\n", posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, NULL));
	/* the leader goes first, the other thread ends the process */
	pid = fork();
	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, sleeper, NULL);
		if (syscall(SYS_gettid) == getpid()) {
			alarm(1);
			syscall(SYS_exit, 3);
		}
	}
	wait_for(pid, 0);
	/* an orphan goes on */
	if (pipe(pipefd) < 0)
		return;
	pid = fork();
	if (!pid) {
		grandchild = fork();
		if (!grandchild) {
			usleep(50000);
			_exit(write(pipefd[1], "x", access("/", F_OK) == 0) != 1);
		}
		_exit(0);
	}
	wait_for(pid, 0);
	printf("orphan %zd\n", read(pipefd[0], argv, 1));
}

static void *exec_thread(void *arg)
{
	char pid[32];
	char *argv[] = {self, (char *)dir, (char *)"pid", pid, NULL};

	snprintf(pid, sizeof(pid), "%d", getpid());
	execve(self, argv, NULL);
	return NULL;
}

/* exec from a thread that is not the leader, while others sit in calls */
static void thread_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		for (int i = 0; i < 5; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		usleep(20000);
		pthread_create(&t, NULL, exec_thread, NULL);
		pause();
	}
	wait_for(pid, 0);
}

#define STACK 65536
static int untraced_child(void *arg)
{
	return access("/", F_OK) == 0 ? 11 : errno;
}

static void untraced(void)
{
	static char stack[STACK] __attribute__((aligned(16)));
	struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
	pid_t pid = clone(untraced_child, stack + STACK, CLONE_UNTRACED | SIGCHLD, NULL);

	wait_for(pid, 0);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(untraced_child(NULL));
	printf("flags %d\n", args.flags == CLONE_UNTRACED);
	wait_for(pid, 0);
}

/* ---- odd arguments ---- */

static void arguments(void)
{
	char *volatile volatile_null = NULL;
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 4096, 4096);
	memcpy(pages + 4095, "/", 1);
	printf("null: %d\n", access(volatile_null, F_OK) < 0 ? errno : 0);
	printf("bad: %d\n", open((char *)8, O_RDONLY) < 0 ? errno : 0);
	printf("runs into a hole: %d\n", access(pages + 4095, F_OK) < 0 ? errno : 0);
	memcpy(pages + 4094, "/", 2);
	printf("ends at a hole: %d\n", access(pages + 4094, F_OK) < 0 ? errno : 0);
	mprotect(pages, 4096, PROT_WRITE);
	printf("write only: %d\n", access(pages + 4094, F_OK) < 0 ? errno : 0);
	mprotect(pages, 4096, PROT_NONE);
	printf("no access: %d\n", access(pages + 4094, F_OK) < 0 ? errno : 0);
	printf("dirfd: %d\n", openat(-1, "x", O_RDONLY) < 0 ? errno : 0);
	tell("number", syscall(9999));
	tell("number", syscall(-1));
}

/* ---- filters of its own ---- */

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(nr, action) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)

static void on_sys(int sig, siginfo_t *si, void *ctx)
{
	printf("SIGSYS call %d\n", si->si_syscall == SYS_unlink);
}

static int filter(unsigned int flags)
{
	struct sock_filter code[] = {
		LOAD_NR,
		ON(SYS_mkdir, SECCOMP_RET_ERRNO | EOWNERDEAD),
		ON(SYS_rmdir, SECCOMP_RET_TRACE | 1),
		ON(SYS_unlink, SECCOMP_RET_TRAP),
		ON(SYS_chmod, SECCOMP_RET_KILL_PROCESS),
		ON(SYS_truncate, flags ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
		ON(SYS_getppid, SECCOMP_RET_TRACE | 2),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(*code), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static void *answer(void *arg)
{
	int fd = *(int *)arg;
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {0};

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return NULL;
	response.id = request.id;
	response.error = -EXDEV;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
	return NULL;
}

static void filters(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	char path[4096];
	pthread_t t;
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "%s/none", dir);
	sigaction(SIGSYS, &sa, NULL);
	fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER);
	printf("filter %d\n", fd >= 0);
	tell("errno", syscall(SYS_mkdir, path, 0700));
	tell("trace", syscall(SYS_rmdir, path));
	tell("trace", syscall(SYS_getppid));
	syscall(SYS_unlink, path);
	pthread_create(&t, NULL, answer, &fd);
	tell("notify", syscall(SYS_truncate, path, 0));
	pthread_join(t, NULL);
	printf("allowed: %d\n", access("/", F_OK));
	fflush(stdout);
	pid = fork();
	if (!pid)
		syscall(SYS_chmod, path, 0700);
	wait_for(pid, 0);
}

/* ---- strict mode ---- */

static void *strict_thread(void *arg)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_getppid);
	for (;;)
		continue;
	return NULL;
}

static void strict(void)
{
	static const int calls[] = {SYS_exit, SYS_access, SYS_getppid, SYS_exit_group, SYS_prctl};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		pid_t pid = fork();

		if (!pid) {
			long ret = i % 2 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)
					 : syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
			char c = (char)('0' + (ret == 0));

			if (write(1, &c, 1) == 1 && write(1, "\n", 1) == 1)
				syscall(calls[i], i == 0 ? 7 : 0);
			syscall(SYS_exit, 8);
		}
		wait_for(pid, 0);
	}
	tell("flags", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) { /* only the thread that broke the rules ends */
		pthread_t t;

		pthread_create(&t, NULL, strict_thread, NULL);
		pthread_join(t, NULL);
		_exit(access("/", F_OK) == 0 ? 12 : 13);
	}
	wait_for(pid, 0);
	filter(0);
	tell("after a filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
}

/* ---- the other ABI ---- */

static void compat(void)
{
#if defined(__x86_64__)
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long ret;

	strcpy(path, "/");
	__asm__ volatile("int $0x80" : "=a"(ret) : "0"(33L), "b"(path), "c"(0L) : "memory");
	printf("access %ld\n", ret);
	__asm__ volatile("int $0x80" : "=a"(ret) : "0"(33L), "b"(0L), "c"(0L) : "memory");
	printf("access %ld\n", ret);
#endif
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"signals", signals},
	{"dying", dying},
	{"restart", restart},
	{"stopping", stopping},
	{"stop_threads", stop_threads},
	{"stop_new_threads", stop_new_threads},
	{"threads", threads},
	{"processes", processes},
	{"thread_exec", thread_exec},
	{"untraced", untraced},
	{"arguments", arguments},
	{"filters", filters},
	{"compat", compat},
	{"strict", strict},
};

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (argc < 2 || n <= 0)
		return 2;
	dir = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && strcmp(argv[2], "true") == 0)
		return 0;
	if (argc > 3 && strcmp(argv[2], "pid") == 0) {
		printf("same pid %d\n", atoi(argv[3]) == getpid());
		printf("same tid %d\n", getpid() == (int)syscall(SYS_gettid));
		return 9;
	}
	if (argc > 2 && strcmp(argv[2], "traceme") == 0) {
		printf("traceme: %s\n", ptrace(PTRACE_TRACEME, 0, 0, 0) ? strerror(errno) : "ok");
		return 0;
	}
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (argc > 2 && strcmp(argv[2], scenarios[i].name) != 0)
			continue;
		printf("-- %s\n", scenarios[i].name);
		fflush(stdout);
		if (!fork()) {
			scenarios[i].run();
			exit(0);
		}
		wait_for(-1, 0);
	}
	return 0;
}
