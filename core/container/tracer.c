// SPDX-License-Identifier: MIT
#include "container/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "container/early.h"
#include "container/trace_name.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define PASSED_FD 3 /* where the tracer tells that it is ready, or waits for its order */
#define ARGS_MAX  EARLY_WORDS_MAX

/* ---- the directory ---- */

static int make_parents(const char *dir)
{
	_cleanup_free_ char *path = strdup(dir);

	if (!path)
		return -ENOMEM;
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* What is written as root must not be led astray by somebody else's links. */
static int open_dir(const char *dir, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int rc;

	if (dir[0] != '/')
		return err_set(err, -EINVAL, "trace directory %s: not an absolute path", dir);
	rc = make_parents(dir);
	if (rc < 0)
		return err_sys(err, rc, "trace directory %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "trace directory %s", dir);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, -EPERM,
			       "trace directory %s: must belong to the user who runs tkit and not "
			       "be writable by others",
			       dir);
	return TAKE_FD(fd);
}

static int open_log(int dir_fd)
{
	return openat(dir_fd, "tkit.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
}

void tracer_log(const char *dir, const char *id, const char *text)
{
	_cleanup_close_ int dir_fd = open_dir(dir, NULL);
	_cleanup_close_ int fd = dir_fd < 0 ? -1 : open_log(dir_fd);
	struct buf line = BUF_INIT;

	if (fd < 0)
		return;
	trace_time(&line);
	buf_printf(&line, " %s: %s\n", id, text);
	if (!line.failed && write(fd, line.data, line.size) < 0)
		errno = 0; /* there is nobody to tell */
	buf_done(&line);
}

/* ---- the process ---- */

struct command {
	char *argv[ARGS_MAX];
	size_t count;
	char *file;
	char pid[16];
};

static void add(struct command *cmd, const char *word)
{
	if (cmd->count < ARGS_MAX - 1)
		cmd->argv[cmd->count++] = (char *)word;
}

static void add_option(struct command *cmd, const char *option, const char *value)
{
	if (!value || !*value)
		return;
	add(cmd, option);
	add(cmd, value);
}

/* The words that all tracers with these settings begin with. */
static void begin_command(const struct tracer_config *config, struct command *cmd)
{
	add(cmd, "tkit");
	add(cmd, "run");
	for (size_t i = 0; config->options && config->options[i]; i++)
		add(cmd, config->options[i]);
}

static int end_command(const struct command *cmd, struct err *err)
{
	return cmd->count < ARGS_MAX - 1 ? 0
					 : err_set(err, -E2BIG, "too many options for the tracer");
}

static int make_command(const struct tracer_config *config, const struct container *c,
			const char *name, struct command *cmd, struct err *err)
{
	if (asprintf(&cmd->file, "%s/%s", config->dir, name) < 0) {
		cmd->file = NULL;
		return err_sys(err, -ENOMEM, "naming the trace");
	}
	snprintf(cmd->pid, sizeof(cmd->pid), "%d", (int)c->init);
	begin_command(config, cmd);
	if (!config->alone) {
		add_option(cmd, "--cgroup", c->cgroup);
		add_option(cmd, "--init-pid", cmd->pid);
		add_option(cmd, "--root", config->root);
	}
	add_option(cmd, "--container-id", c->id);
	add_option(cmd, "--image-digest", c->image_digest);
	add_option(cmd, "--bundle", c->bundle);
	add_option(cmd, "-o", cmd->file);
	return end_command(cmd, err);
}

static void close_from(unsigned int first)
{
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
	for (int fd = (int)first; fd < 65536; fd++)
		close(fd);
}

/* In the child: nothing of the engine's is kept, least of all its pipes, which it waits for. */
static _Noreturn void become_tracer(const struct command *cmd, int passed, int log)
{
	int null = open("/dev/null", O_RDWR);
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	setsid();
	if (fork() != 0)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	/* Out of the way first: the numbers below 4 may be in use. */
	passed = fcntl(passed, F_DUPFD, 10);
	log = fcntl(log, F_DUPFD, 10);
	null = fcntl(null, F_DUPFD, 10);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0 ||
	    dup2(passed, PASSED_FD) < 0 || chdir("/") < 0)
		_exit(125);
	close_from(PASSED_FD + 1);
	execv("/proc/self/exe", cmd->argv);
	_exit(127);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int wait_ready(int fd, const struct tracer_config *config, struct err *err)
{
	uint64_t deadline = now_ns() + config->timeout_ns, now;
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	char byte;
	ssize_t n;

	while ((now = now_ns()) < deadline) {
		int rc = poll(&poller, 1, (int)((deadline - now) / 1000000u) + 1);

		if (rc < 0 && errno != EINTR)
			return err_sys(err, -errno, "waiting for the tracer");
		if (rc <= 0)
			continue;
		n = read(fd, &byte, 1);
		if (n == 1)
			return 0;
		return err_set(err, -EIO, "the tracer did not start; see %s/tkit.log", config->dir);
	}
	return err_set(err, -ETIMEDOUT, "the tracer was not ready in time; see %s/tkit.log",
		       config->dir);
}

static int spawn(const struct command *cmd, int passed, int log, struct err *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return err_sys(err, -errno, "starting the tracer");
	if (pid == 0)
		become_tracer(cmd, passed, log);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int start_new(const struct tracer_config *config, struct command *cmd, int log,
		     struct err *err)
{
	int ready[2], rc;

	add_option(cmd, "--ready-fd", "3");
	rc = end_command(cmd, err);
	if (rc < 0)
		return rc;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "making a pipe");
	rc = spawn(cmd, ready[1], log, err);
	close(ready[1]);
	if (rc == 0)
		rc = wait_ready(ready[0], config, err);
	close(ready[0]);
	return rc;
}

int tracer_start(const struct tracer_config *config, const struct container *c, struct err *err)
{
	_cleanup_close_ int dir_fd = open_dir(config->dir, err), log = -1, early = -1;
	_cleanup_free_ char *name = NULL;
	struct command cmd = {0};
	int rc;

	if (dir_fd < 0)
		return dir_fd;
	log = open_log(dir_fd);
	if (log < 0)
		return err_sys(err, -errno, "%s/tkit.log", config->dir);
	rc = trace_name(config->name, c, &name, err);
	if (rc == 0)
		rc = trace_name_take(dir_fd, &name, err);
	if (rc < 0)
		return rc;
	rc = make_command(config, c, name, &cmd, err);
	if (rc == 0 && config->prepared)
		early = early_tell(config->state_root, c->id, cmd.argv + 1, cmd.count - 1,
				   config->timeout_ns);
	if (rc == 0)
		rc = early >= 0 ? wait_ready(early, config, err)
				: start_new(config, &cmd, log, err);
	if (rc < 0)
		trace_name_drop(dir_fd, name);
	free(cmd.file);
	return rc;
}

int tracer_prepare(const struct tracer_config *config, const char *id, struct err *err)
{
	_cleanup_close_ int dir_fd = open_dir(config->dir, err), log = -1, sock = -1;
	struct command cmd = {0};
	int rc;

	if (dir_fd < 0)
		return dir_fd;
	log = open_log(dir_fd);
	if (log < 0)
		return err_sys(err, -errno, "%s/tkit.log", config->dir);
	sock = early_listen(config->state_root, id);
	if (sock < 0)
		return err_sys(err, sock, "a socket for the tracer");
	begin_command(config, &cmd);
	add_option(&cmd, "--await", "3");
	add_option(&cmd, "--container-id", id);
	rc = end_command(&cmd, err);
	return rc < 0 ? rc : spawn(&cmd, sock, log, err);
}
