// SPDX-License-Identifier: MIT
#include "session/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "session/hold.h"
#include "session/inroot.h"
#include "util/cleanup.h"
#include "util/log.h"

/* ---- finding the command ---- */

/* 0 = executable, else -errno. */
static int check_executable(const char *path, int root_fd)
{
	_cleanup_close_ int fd =
		root_fd < 0 ? open(path, O_PATH | O_CLOEXEC) : inroot_open(root_fd, path, O_PATH);
	char proc[64];
	struct stat st;

	if (fd < 0)
		return root_fd < 0 ? -errno : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (faccessat(AT_FDCWD, proc, X_OK, AT_EACCESS) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int search_path(const char *name, int root_fd, char **ret_path)
{
	const char *list = getenv("PATH");
	int result = -ENOENT;

	if (!list)
		list = "/bin:/usr/bin"; /* what execvp(3) takes */
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ":");
		char *path = NULL;
		int rc;

		if (asprintf(&path, "%.*s%s%s", (int)len, p, len ? "/" : "", name) < 0)
			return -ENOMEM;
		rc = check_executable(path, root_fd);
		if (rc == 0) {
			*ret_path = path;
			return 0;
		}
		free(path);
		if (rc == -EACCES)
			result = rc;
		p += len;
		if (!*p)
			return result;
	}
}

int launch_resolve(const char *name, int root_fd, char **ret_path, struct err *err)
{
	const char *where = root_fd < 0 ? "" : " in the new root";
	int rc;

	if (!*name)
		return err_set(err, -ENOENT, "the command's name is empty");
	if (!strchr(name, '/')) {
		rc = search_path(name, root_fd, ret_path);
		if (rc == -ENOENT)
			return err_set(err, rc, "%s: command not found in PATH%s", name, where);
		if (rc == -EACCES)
			return err_set(err, rc, "%s: found in PATH%s, but not executable", name,
				       where);
		return rc < 0 ? err_sys(err, rc, "%s", name) : 0;
	}
	rc = check_executable(name, root_fd);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return err_set(err, -ENOENT, "%s: no such file%s", name, where);
	if (rc == -EACCES)
		return err_set(err, rc, "%s: not an executable file", name);
	if (rc < 0)
		return err_sys(err, rc, "%s", name);
	*ret_path = strdup(name);
	return *ret_path ? 0 : err_sys(err, -ENOMEM, "%s", name);
}

/* ---- talking to the held child ---- */

/* Receives an answer: 0, -errno told by the child, -EPIPE if it is gone. */
static int receive(int sock, int *ret_fd)
{
	struct hold_reply message;
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control.room)};
	struct cmsghdr *cmsg;
	ssize_t n;
	int fd = -1;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (n != sizeof(message))
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return -message.error;
}

static int transmit(int sock, const struct hold_request *request, size_t size)
{
	ssize_t n;

	do
		n = send(sock, request, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

int launch_seccomp(struct launch *launch, struct err *err, const struct sock_filter *filter,
		   size_t count, unsigned int flags, int *ret_listener)
{
	bool listener = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	_cleanup_free_ struct hold_request *request = NULL;
	int rc, fd = -1;

	if (!launch->held)
		return err_set(err, -EPERM, "there is no held command to install a filter in");
	if (!count || count > HOLD_FILTER_MAX || (listener && !ret_listener))
		return err_set(err, -EINVAL, "installing a seccomp filter: bad arguments");
	request = calloc(1, sizeof(*request));
	if (!request)
		return err_sys(err, -ENOMEM, "installing a seccomp filter");
	request->op = HOLD_INSTALL;
	request->flags = flags;
	request->count = (uint32_t)count;
	memcpy(request->filter, filter, count * sizeof(*filter));
	pthread_mutex_lock(&launch->lock);
	for (;;) {
		rc = transmit(launch->sock, request,
			      HOLD_REQUEST_HEAD + count * sizeof(request->filter[0]));
		if (rc == 0)
			rc = receive(launch->sock, &fd);
		if (rc != -EACCES || request->no_new_privs)
			break;
		log_warn("no CAP_SYS_ADMIN: the command gets no_new_privs for a seccomp filter; "
			 "setuid programs will not gain privileges");
		request->no_new_privs = 1;
	}
	pthread_mutex_unlock(&launch->lock);
	if (rc == 0 && listener && fd < 0)
		rc = -EMFILE;
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return err_sys(err, rc, "installing a seccomp filter in the command");
	}
	if (listener)
		*ret_listener = fd;
	return 0;
}

int launch_go(struct launch *launch, struct err *err)
{
	struct hold_request request = {.op = HOLD_GO};
	int rc;

	pthread_mutex_lock(&launch->lock);
	rc = transmit(launch->sock, &request, HOLD_REQUEST_HEAD);
	launch->held = false;
	pthread_mutex_unlock(&launch->lock);
	/* A held child that was killed in the meantime has an exit status to show. */
	return rc == -EPIPE || rc == 0 ? 0 : err_sys(err, rc, "starting the command");
}

int launch_outcome(struct launch *launch)
{
	struct hold_reply message;
	ssize_t n;
	int rc = 0;

	if (launch->sock < 0)
		return 0;
	do
		n = recv(launch->sock, &message, sizeof(message), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 1;
	if (n == sizeof(message))
		rc = -message.error;
	close(launch->sock);
	launch->sock = -1;
	return rc;
}

/* ---- forking ---- */

/* A file that the kernel does not know is for the shell, but not if it is binary. */
static bool is_text(const struct launch_config *config)
{
	_cleanup_close_ int fd =
		config->root_fd < 0
			? open(config->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
			: inroot_open_file(config->root_fd, config->path);
	char head[128];
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	return n >= 0 && !memchr(head, '\0', (size_t)n) && (n < 4 || memcmp(head, "\177ELF", 4));
}

/* The command by way of the shell, as execvp(3) does; NULL if that would be wrong. */
static char **shell_command(const struct launch_config *config)
{
	size_t count = 0;
	char **argv;

	if (!is_text(config))
		return NULL;
	while (config->argv[count])
		count++;
	argv = calloc(count + 2, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)config->path;
	for (size_t i = 1; i < count; i++)
		argv[i + 1] = config->argv[i];
	return argv;
}

static int await_hold(struct launch *launch, struct err *err)
{
	int rc = receive(launch->sock, NULL);

	if (rc == 0)
		return 0;
	launch_done(launch);
	return err_sys(err, rc, "entering the new root");
}

int launch_hold(struct launch *launch, const struct launch_config *config, struct err *err)
{
	_cleanup_free_ struct hold_request *request = calloc(1, sizeof(*request));
	_cleanup_free_ char **shell_argv = shell_command(config);
	struct hold_plan plan = {
		.path = config->path,
		.argv = config->argv,
		.shell_argv = shell_argv,
		.envp = environ,
		.root_fd = config->root_fd,
		.mask = config->mask,
		.pipe_action = config->pipe_action,
		.child_action = config->child_action,
	};
	int socks[2];
	pid_t pid;

	*launch = (struct launch){.pidfd = -1, .sock = -1};
	if (!request)
		return err_sys(err, -ENOMEM, "starting the command");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		return err_sys(err, -errno, "making a socket pair");
	pthread_mutex_init(&launch->lock, NULL);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(socks[0]);
		hold_child(socks[1], &plan, request);
	}
	close(socks[1]);
	launch->sock = socks[0];
	if (pid < 0) {
		int rc = -errno;

		launch_done(launch);
		return err_sys(err, rc, "forking");
	}
	launch->pid = pid;
	launch->held = true;
	launch->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return await_hold(launch, err);
}

void launch_done(struct launch *launch)
{
	if (launch->sock >= 0)
		close(launch->sock);
	launch->sock = -1;
	if (launch->pidfd >= 0)
		close(launch->pidfd);
	launch->pidfd = -1;
	if (launch->held && !launch->reaped) {
		/* It sees the end of the socket, unless it is stopped by someone. */
		kill(launch->pid, SIGKILL);
		while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
			;
		launch->reaped = true;
	}
	launch->held = false;
}
