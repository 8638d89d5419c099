// SPDX-License-Identifier: MIT
/*
 * What watching calls costs at least: programs that do no more than a way of watching cannot do
 * without, beside loops of the calls, on one CPU. Prints a table (Markdown): nanoseconds for a call
 * untraced, else ratios to that, each of the fastest of many short windows in several interleaved
 * rounds. What a backend costs beyond its floor is its own doing.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS    5
#define WINDOWS   300
#define CALLS     30
#define THERE     "tkit-floor.there"
#define MISSING   "tkit-floor.missing"
#define LAST_FD   (-12345) /* a stat there: the notifier may go */
#define PATH_MAX_ 256

enum call { GETPPID, STAT, FAILED, OPEN, CALL_COUNT };

static const char *const call_names[CALL_COUNT] = {"getppid", "stat", "failed open",
						   "open and close"};

enum way {
	UNTRACED,
	EMPTY_PROGRAM,
	PTRACE_ENTRY,
	PTRACE_BOTH,
	PTRACE_PATH,
	NOTIFY,
	NOTIFY_PATH,
	WAY_COUNT
};

static const char *const way_names[WAY_COUNT] = {
	"untraced, ns",
	"ebpf: an empty program on `sys_exit`",
	"ptrace with a seccomp filter: a stop at the entry",
	"... and one at the return",
	"... and which call, its result, and the path",
	"seccomp user notification: received, answered",
	"... and the path",
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- the watched process ---- */

static void call_once(enum call call)
{
	struct stat st;

	switch (call) {
	case GETPPID:
		syscall(SYS_getppid);
		break;
	case STAT:
		fstatat(AT_FDCWD, THERE, &st, 0);
		break;
	case FAILED:
		open(MISSING, O_RDONLY | O_CLOEXEC);
		break;
	default:
		close(open(THERE, O_RDONLY | O_CLOEXEC));
	}
}

static double fastest(enum call call)
{
	double best = 1e18;

	for (int window = 0; window < WINDOWS; window++) {
		double begin = now_ns(), took;

		for (int i = 0; i < CALLS; i++)
			call_once(call);
		took = (now_ns() - begin) / CALLS;
		best = took < best ? took : best;
	}
	return best;
}

/* Returns the listener, or 0. */
static int install_filter(uint32_t action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, action),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
	unsigned int flags =
		action == SECCOMP_RET_USER_NOTIF ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	long rc;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (rc < 0)
		die("seccomp");
	return (int)rc;
}

static _Noreturn void watched(enum way way, int out)
{
	double result[CALL_COUNT];
	struct stat st;
	int listener;

	if (way == PTRACE_ENTRY || way == PTRACE_BOTH || way == PTRACE_PATH) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		install_filter(SECCOMP_RET_TRACE);
	} else if (way == NOTIFY || way == NOTIFY_PATH) {
		listener = install_filter(SECCOMP_RET_USER_NOTIF);
		if (write(out, &listener, sizeof(listener)) != sizeof(listener))
			die("write");
	}
	for (int call = 0; call < CALL_COUNT; call++)
		result[call] = fastest((enum call)call);
	if (way == NOTIFY || way == NOTIFY_PATH)
		fstatat(LAST_FD, THERE, &st, 0);
	_exit(write(out, result, sizeof(result)) != sizeof(result));
}

/* ---- who watches ---- */

static void read_path(pid_t pid, uint64_t address)
{
	char buf[PATH_MAX_];
	size_t room = 4096 - (address & 4095);
	struct iovec to = {buf, room < sizeof(buf) ? room : sizeof(buf)};
	struct iovec from = {(void *)(uintptr_t)address, to.iov_len};

	if (process_vm_readv(pid, &to, 1, &from, 1, 0) < 0)
		die("process_vm_readv");
}

static void stopped(enum way way, pid_t pid, int status)
{
	bool entry = status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	struct __ptrace_syscall_info info;

	if (way == PTRACE_PATH && (entry || WSTOPSIG(status) == (SIGTRAP | 0x80))) {
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (entry)
			read_path(pid, info.seccomp.args[1]);
	}
	ptrace(entry && way != PTRACE_ENTRY ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
}

static void trace(enum way way, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_CONT, pid, 0, 0))
		die("ptrace");
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		stopped(way, pid, status);
}

static void answer(enum way way, pid_t pid, int in)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	if (read(in, &fd, sizeof(fd)) != sizeof(fd))
		die("no listener");
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (fd < 0)
		die("pidfd_getfd");
#ifdef SECCOMP_IOCTL_NOTIF_SET_FLAGS
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
#else
	ioctl(fd, SECCOMP_IOW(4, uint64_t), 1ul); /* Linux 6.6; older ones do without */
#endif
	do {
		memset(&request, 0, sizeof(request));
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request))
			die("SECCOMP_IOCTL_NOTIF_RECV");
		if (way == NOTIFY_PATH)
			read_path(pid, request.data.args[1]);
		response.id = request.id;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response))
			die("SECCOMP_IOCTL_NOTIF_SEND");
	} while ((int)request.data.args[0] != LAST_FD);
	close(fd);
	close(pidfd);
}

/* An attached program, as a descriptor; -1: not allowed. */
static int attach_empty(void)
{
	struct bpf_insn nothing[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
				     {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
			       .insn_cnt = 2,
			       .insns = (uintptr_t)nothing,
			       .license = (uintptr_t) "GPL"};
	union bpf_attr open = {.raw_tracepoint.name = (uintptr_t) "sys_exit"};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	int link;

	if (program < 0)
		return -1;
	open.raw_tracepoint.prog_fd = (uint32_t)program;
	link = (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &open, sizeof(open));
	close(program);
	return link;
}

/* Runs the loops once. Returns false if this way is not allowed here. */
static bool run(enum way way, double *best)
{
	int out[2], program = way == EMPTY_PROGRAM ? attach_empty() : -1;
	double result[CALL_COUNT];
	pid_t pid;

	if (way == EMPTY_PROGRAM && program < 0)
		return false;
	if (pipe2(out, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		watched(way, out[1]);
	close(out[1]);
	if (way >= PTRACE_ENTRY && way <= PTRACE_PATH)
		trace(way, pid);
	else if (way >= NOTIFY)
		answer(way, pid, out[0]);
	if (read(out[0], result, sizeof(result)) != sizeof(result))
		die(way_names[way]);
	close(out[0]);
	waitpid(pid, NULL, 0);
	if (program >= 0)
		close(program);
	for (int call = 0; call < CALL_COUNT; call++)
		if (best[call] == 0 || result[call] < best[call])
			best[call] = result[call];
	return true;
}

int main(void)
{
	static double best[WAY_COUNT][CALL_COUNT];
	char dir[] = "/tmp/tkit-floor.XXXXXX";
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) || !mkdtemp(dir) || chdir(dir) ||
	    close(open(THERE, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)))
		die(dir);
	for (int round = 0; round < ROUNDS; round++)
		for (int way = 0; way < WAY_COUNT; way++)
			run((enum way)way, best[way]);
	unlink(THERE);
	rmdir(dir);
	printf("| at each call | %s | %s | %s | %s |\n| --- | ---: | ---: | ---: | ---: |\n",
	       call_names[0], call_names[1], call_names[2], call_names[3]);
	for (int way = 0; way < WAY_COUNT; way++) {
		printf("| %s |", way_names[way]);
		for (int call = 0; call < CALL_COUNT; call++)
			if (way == UNTRACED)
				printf(" %.0f |", best[way][call]);
			else if (best[way][call] > 0)
				printf(" %.2f |", best[way][call] / best[UNTRACED][call]);
			else
				printf(" - |");
		printf("\n");
	}
	return 0;
}
