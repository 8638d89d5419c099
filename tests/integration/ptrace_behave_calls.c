// SPDX-License-Identifier: MIT
/* Calls with odd arguments, under filters, and of the other ABI. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace_behave.h"

/* ---- odd arguments ---- */

void behave_arguments(void)
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
	behave_tell("number", syscall(9999));
	behave_tell("number", syscall(-1));
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

void behave_filters(void)
{
	struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	char path[4096];
	pthread_t t;
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "%s/none", behave_dir);
	sigaction(SIGSYS, &sa, NULL);
	fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER);
	printf("filter %d\n", fd >= 0);
	behave_tell("errno", syscall(SYS_mkdir, path, 0700));
	behave_tell("trace", syscall(SYS_rmdir, path));
	behave_tell("trace", syscall(SYS_getppid));
	syscall(SYS_unlink, path);
	pthread_create(&t, NULL, answer, &fd);
	behave_tell("notify", syscall(SYS_truncate, path, 0));
	pthread_join(t, NULL);
	printf("allowed: %d\n", access("/", F_OK));
	fflush(stdout);
	pid = fork();
	if (!pid)
		syscall(SYS_chmod, path, 0700);
	behave_wait(pid, 0);
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

void behave_strict(void)
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
		behave_wait(pid, 0);
	}
	behave_tell("flags", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) { /* only the thread that broke the rules ends */
		pthread_t t;

		pthread_create(&t, NULL, strict_thread, NULL);
		pthread_join(t, NULL);
		_exit(access("/", F_OK) == 0 ? 12 : 13);
	}
	behave_wait(pid, 0);
	filter(0);
	behave_tell("after a filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
}

/* ---- the other ABI ---- */

void behave_compat(void)
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
