// SPDX-License-Identifier: MIT
/*
 * bpftrace as a child: found, started on the shipped program, waited for, listened to, ended.
 * It is in a process group of its own: the terminal's Ctrl-C is for the traced command, and
 * bpftrace must outlive it to tell of its end.
 */
#include "live.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEFS       "/sys/kernel/tracing"
#define SAID_MAX      4096
#define READY_SECONDS 120

struct live {
	struct import *import;
	pid_t pid; /* 0: none, or collected */
	int errors;
	bool asked; /* to end */
	char *bpftrace;
	char program[PATH_MAX];
	char said[SAID_MAX]; /* the start of what it said on standard error */
	size_t said_len;
};

/* Searches PATH. Allocates. */
static char *find(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *file;

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? strdup(name) : NULL;
	for (path = path ? path : "/usr/bin:/bin"; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (end == path)
			continue;
		if (asprintf(&file, "%.*s/%s", (int)(end - path), path, name) < 0)
			return NULL;
		if (access(file, X_OK) == 0)
			return file;
		free(file);
	}
	return NULL;
}

int live_probe(struct tkit_ctx *ctx, const struct options *options)
{
	char *bpftrace = find(options->bpftrace);

	if (!bpftrace)
		return tkit_fail(ctx, -ENOENT,
				 "%s is not installed; try --backend ptrace, or bpftrace=PATH",
				 options->bpftrace);
	free(bpftrace);
	if (geteuid() != 0)
		return tkit_fail(ctx, -EPERM, "bpftrace needs root; try --backend ptrace");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return tkit_fail(ctx, -EOPNOTSUPP,
				 "the kernel has no BTF (/sys/kernel/btf/vmlinux); try --backend "
				 "ptrace");
	return 0;
}

/* The program lies beside this plugin, installed and in the build tree alike. */
static int find_program(struct import *import, struct live *live)
{
	const char *given = import->options->program;
	Dl_info self;
	const char *slash;
	int n;

	if (given) {
		n = snprintf(live->program, sizeof(live->program), "%s", given);
	} else {
		if (!dladdr((void *)live_probe, &self) || !(slash = strrchr(self.dli_fname, '/')))
			return tkit_fail(import->ctx, -ENOENT, "no folder of plugins");
		n = snprintf(live->program, sizeof(live->program), "%.*s/tkit.bt",
			     (int)(slash - self.dli_fname), self.dli_fname);
	}
	if (n >= (int)sizeof(live->program) || access(live->program, R_OK) < 0)
		return tkit_fail(import->ctx, -errno, "the bpftrace program %s", live->program);
	return 0;
}

/* The environment, with bpftrace's settings (of both generations of names) put in. */
static char **make_environment(uint64_t ring_size)
{
	static const char *const fixed[] = {"BPFTRACE_STRLEN=128", "BPFTRACE_MAX_STRLEN=128",
					    "BPFTRACE_MAP_KEYS_MAX=65536",
					    "BPFTRACE_MAX_MAP_KEYS=65536"};
	size_t count = 0, kept = 0;
	unsigned long long pages = 1;
	char **env;

	while (pages * 2 * 4096 <= ring_size)
		pages *= 2;
	while (environ[count])
		count++;
	env = calloc(count + 6, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "BPFTRACE_", 9) != 0)
			env[kept++] = environ[i];
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		env[kept++] = (char *)fixed[i];
	if (asprintf(&env[kept], "BPFTRACE_PERF_RB_PAGES=%llu", pages) < 0) {
		free(env);
		return NULL;
	}
	return env;
}

static void free_environment(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		if (!strncmp(env[i], "BPFTRACE_PERF_RB_PAGES=", 23))
			free(env[i]);
	free(env);
}

/* In the child: only what is safe between fork and exec. Without tracefs it gets one that
 * nobody else sees. */
static _Noreturn void become(const char *file, const char *const argv[], char *const env[], int out,
			     int errors, pid_t parent)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(125);
	if (access(TRACEFS "/events", F_OK) < 0 &&
	    access("/sys/kernel/debug/tracing/events", F_OK) < 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		mount("none", TRACEFS, "tracefs", 0, NULL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	execve(file, (char *const *)argv, env);
	_exit(127);
}

static int start_child(struct live *live, const struct tkit_target *target, int *ret_out)
{
	struct import *import = live->import;
	char watched[16], self[16];
	const char *const argv[] = {live->bpftrace, "-f",    "json", "-B", "line",
				    live->program,  watched, self,   NULL};
	char **env = make_environment(import->options->ring_size);
	int out[2], errors[2];
	pid_t parent = getpid();

	if (!env)
		return tkit_fail(import->ctx, -ENOMEM, "environment of bpftrace");
	snprintf(watched, sizeof(watched), "%d", target->kind == TKIT_TARGET_ALL ? 0 : target->pid);
	snprintf(self, sizeof(self), "%d", target->self_pid);
	if (pipe2(out, O_CLOEXEC) < 0) {
		free_environment(env);
		return tkit_fail(import->ctx, -errno, "pipe");
	}
	if (pipe2(errors, O_CLOEXEC) < 0) {
		free_environment(env);
		close(out[0]);
		close(out[1]);
		return tkit_fail(import->ctx, -errno, "pipe");
	}
	live->pid = fork();
	if (live->pid == 0)
		become(live->bpftrace, argv, env, out[1], errors[1], parent);
	free_environment(env);
	close(out[1]);
	close(errors[1]);
	*ret_out = out[0];
	live->errors = errors[0];
	fcntl(live->errors, F_SETFL, O_NONBLOCK);
	if (live->pid < 0) {
		live->pid = 0;
		close(out[0]);
		return tkit_fail(import->ctx, -errno, "fork");
	}
	return 0;
}

void live_listen(struct live *live)
{
	char text[512];
	ssize_t n;

	while ((n = read(live->errors, text, sizeof(text))) > 0) {
		size_t room = sizeof(live->said) - 1 - live->said_len;
		size_t take = (size_t)n < room ? (size_t)n : room;

		memcpy(live->said + live->said_len, text, take);
		live->said_len += take;
		live->said[live->said_len] = '\0';
		tkit_log(live->import->ctx, TKIT_LOG_DEBUG, "bpftrace: %.*s", (int)n, text);
	}
}

/* Its first real complaint; the one about RLIMIT_MEMLOCK is harmless. */
static const char *complaint(struct live *live)
{
	char *line, *at = live->said;

	while ((line = strsep(&at, "\n")))
		if (*line && !strstr(line, "RLIMIT_MEMLOCK") && strncmp(line, "WARNING", 7) != 0)
			return line;
	return NULL;
}

static const char *remedy(const char *said)
{
	if (!said)
		return "";
	if (strstr(said, "root user") || strstr(said, "ermission") || strstr(said, "not permitted"))
		return "; it needs root and CAP_SYS_ADMIN in the initial user namespace; try "
		       "--backend ptrace";
	if (strstr(said, "racepoint not found"))
		return "; mount tracefs: mount -t tracefs none " TRACEFS;
	if (strstr(said, "truct"))
		return "; it needs a kernel with BTF; try --backend ptrace";
	return "; try --backend ptrace";
}

/* Waits until it is gone. Returns its wait status; 0 also if someone else took it. */
static int collect(struct live *live)
{
	int status = 0;

	while (live->pid && waitpid(live->pid, &status, 0) < 0 && errno == EINTR)
		;
	live->pid = 0;
	live_listen(live);
	return status;
}

static int fail_start(struct live *live)
{
	struct tkit_ctx *ctx = live->import->ctx;
	int status = collect(live);
	const char *said = complaint(live);

	if (said)
		return tkit_fail(ctx, -EINVAL, "bpftrace: %.300s%s", said, remedy(said));
	if (WIFSIGNALED(status))
		return tkit_fail(ctx, -EINVAL, "bpftrace was killed by signal %d as it started",
				 WTERMSIG(status));
	return tkit_fail(ctx, -EINVAL, "bpftrace ended with status %d as it started%s",
			 WEXITSTATUS(status),
			 WEXITSTATUS(status) == 127 ? ": it cannot be executed" : "");
}

static bool stop_wanted(struct tkit_ctx *ctx)
{
	struct pollfd fd = {.fd = tkit_stop_fd(ctx), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* Its first record comes when all is attached. */
static int wait_ready(struct live *live)
{
	struct import *import = live->import;
	uint64_t limit = tkit_now_ns() + READY_SECONDS * 1000000000ull;
	pid_t pid;

	while (!records_ready(import->records, &pid)) {
		int rc = import_pump(import, 200, 1);

		live_listen(live);
		if (rc == TKIT_END)
			return fail_start(live);
		if (rc < 0)
			return rc;
		if (stop_wanted(import->ctx))
			return tkit_fail(import->ctx, -ECANCELED,
					 "stopped before bpftrace was ready");
		if (tkit_now_ns() > limit)
			return tkit_fail(import->ctx, -ETIMEDOUT,
					 "bpftrace was not ready after %d seconds", READY_SECONDS);
	}
	if (pid != live->pid)
		return tkit_fail(
			import->ctx, -EOPNOTSUPP,
			"tkit runs in a pid namespace of its own, bpftrace counts as the host "
			"does; run tkit on the host, or try --backend ptrace");
	return 0;
}

int live_start(struct import *import, const struct tkit_target *target, struct live **ret_live)
{
	struct live *live = calloc(1, sizeof(*live));
	int out = -1, rc;

	if (!live)
		return tkit_fail(import->ctx, -ENOMEM, "bpftrace");
	live->import = import;
	live->errors = -1;
	live->bpftrace = find(import->options->bpftrace);
	rc = live->bpftrace ? find_program(import, live)
			    : tkit_fail(import->ctx, -ENOENT, "%s", import->options->bpftrace);
	if (rc == 0)
		rc = start_child(live, target, &out);
	if (rc == 0)
		rc = lines_new_fd(import->ctx, out, "bpftrace", &import->lines);
	if (rc == 0)
		rc = wait_ready(live);
	if (rc < 0) {
		live_free(live);
		return rc;
	}
	*ret_live = live;
	return 0;
}

void live_stop(struct live *live)
{
	live->asked = true;
	if (live->pid)
		kill(live->pid, SIGINT);
}

void live_kill(struct live *live)
{
	if (live->pid)
		kill(live->pid, SIGKILL);
}

int live_ended(struct live *live)
{
	int status = collect(live);
	const char *said = complaint(live);
	char detail[400];

	if (live->asked && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		snprintf(detail, sizeof(detail), "bpftrace was killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(detail, sizeof(detail), "bpftrace ended with status %d%s%.300s",
			 WEXITSTATUS(status), said ? ": " : "", said ? said : "");
	tkit_log(live->import->ctx, TKIT_LOG_ERROR, "%s; what happened since is lost", detail);
	return tkit_lose(live->import->ctx, TKIT_LOSS_UPSTREAM, 1, detail);
}

void live_free(struct live *live)
{
	if (!live)
		return;
	if (live->pid) {
		kill(live->pid, SIGKILL);
		collect(live);
	}
	if (live->errors >= 0)
		close(live->errors);
	free(live->bpftrace);
	free(live);
}
