// SPDX-License-Identifier: MIT
#include "rootfs/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <locale.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NOBODY      65534
#define CPU_SECONDS 3600 /* against input that makes it compute for ever */

/* What the reader, libarchive, its decompressors and malloc use. */
static const int allowed[] = {
	SCMP_SYS(read),           SCMP_SYS(pread64),
	SCMP_SYS(readv),          SCMP_SYS(write),
	SCMP_SYS(pwrite64),       SCMP_SYS(writev),
	SCMP_SYS(lseek),          SCMP_SYS(close),
	SCMP_SYS(ftruncate),      SCMP_SYS(recvmsg),
	SCMP_SYS(munmap),         SCMP_SYS(mremap),
	SCMP_SYS(madvise),        SCMP_SYS(brk),
	SCMP_SYS(futex),          SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
	SCMP_SYS(time),           SCMP_SYS(getrandom),
	SCMP_SYS(getpid),         SCMP_SYS(gettid),
	SCMP_SYS(sched_yield),    SCMP_SYS(exit),
	SCMP_SYS(exit_group),     SCMP_SYS(restart_syscall),
	SCMP_SYS(fstat),
#if TKIT_SANITIZED
	SCMP_SYS(sigaltstack),    SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrlimit),      SCMP_SYS(prlimit64),
	SCMP_SYS(mprotect),
#endif
};

/* Asked for by libraries that get on without: an error instead of the end. */
static const int refused[] = {
	SCMP_SYS(open),  SCMP_SYS(openat),  SCMP_SYS(stat),     SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(access),  SCMP_SYS(readlink), SCMP_SYS(faccessat),
	SCMP_SYS(fcntl), SCMP_SYS(sysinfo), SCMP_SYS(ioctl),
#if TKIT_SANITIZED
	SCMP_SYS(clone), SCMP_SYS(prctl),
#endif
};

static int add_rules(scmp_filter_ctx filter, pid_t self)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; !rc && i < sizeof(refused) / sizeof(refused[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	/* Memory, but no new code; an abort() of its own, but no signals to others. */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#if !TKIT_SANITIZED
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)self, 0));
	return rc;
}

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (!filter)
		return -ENOMEM;
	rc = add_rules(filter, getpid());
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	/* In a user namespace without that user (EINVAL) the capabilities go all the same. */
	if (geteuid() == 0 && ((setgroups(0, NULL) < 0 && errno != EPERM) ||
			       (setresgid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL) ||
			       (setresuid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL)))
		return -errno;
	if (syscall(SYS_capset, &head, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Bytes of address space in use: the child is born with its parent's. */
static uint64_t address_space(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!file || fscanf(file, "%lu", &pages) != 1)
		return 16ull << 30; /* unknown */
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int limit(int what, uint64_t value)
{
	struct rlimit now, want = {value, value};

	if (getrlimit((__rlimit_resource_t)what, &now) < 0)
		return -errno;
	if (now.rlim_max < value)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &want) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox *sandbox, int highest)
{
	int rc = 0;

	if (!TKIT_SANITIZED) /* they take address space without end */
		rc = limit(RLIMIT_AS, address_space() + sandbox->memory);
	if (!rc)
		rc = limit(RLIMIT_FSIZE, sandbox->file_size);
	if (!rc)
		rc = limit(RLIMIT_NOFILE, (uint64_t)highest + 1 + sandbox->new_fds);
	if (!rc)
		rc = limit(RLIMIT_CPU, CPU_SECONDS);
	return rc ? rc : limit(RLIMIT_CORE, 0);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all but the kept ones. Returns the highest of them. */
static int close_others(const struct sandbox *sandbox)
{
	int keep[16], from = 0, count = (int)sandbox->keep_count;

	memcpy(keep, sandbox->keep, sandbox->keep_count * sizeof(*keep));
#if TKIT_SANITIZED
	keep[count++] = STDERR_FILENO; /* for the sanitizer's report */
#endif
	qsort(keep, (size_t)count, sizeof(*keep), by_number);
	for (int i = 0; i < count; i++) {
		if (keep[i] > from)
			close_range((unsigned int)from, (unsigned int)keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	close_range((unsigned int)from, ~0u, 0);
	return from - 1;
}

static int confine(const struct sandbox *sandbox, pid_t parent)
{
	int rc;

	/* Signals as at the start of a program; none leads back into the parent's code. */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGPIPE || sig == SIGXFSZ ? SIG_IGN : SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		return -ESRCH;
	setlocale(LC_ALL, "C");
	rc = set_limits(sandbox, close_others(sandbox));
	if (!rc)
		rc = drop_privileges();
	/* A change of user forgets it. */
	if (!rc && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent))
		rc = -ESRCH;
	return rc ? rc : filter_calls();
}

pid_t sandbox_start(const struct sandbox *sandbox, int (*run)(void *arg), void *arg,
		    struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(err, -errno, "starting the reader of archives");
	if (pid)
		return pid;
	if (confine(sandbox, parent) < 0)
		_exit(SANDBOX_FAILED);
	_exit(run(arg));
}

int sandbox_wait(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, -errno, "waiting for the reader of archives");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SANDBOX_FAILED)
		return err_set(err, -EPERM,
			       "the sandbox for reading archives cannot be made here (seccomp "
			       "filters, capset(2) and resource limits must be allowed)");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return err_set(
			err, -EBADMSG,
			"the reader of archives was stopped: it tried a system call that its "
			"sandbox forbids (a hostile archive?)");
	if (WIFSIGNALED(status))
		return err_set(err, -EBADMSG,
			       "the reader of archives was ended by signal %d (%s); a damaged or "
			       "hostile archive, or too little memory",
			       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	return err_set(err, -EBADMSG, "the reader of archives failed with status %d",
		       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
