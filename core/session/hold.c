// SPDX-License-Identifier: MIT
#include "session/hold.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void reply(int sock, int error, int fd)
{
	struct hold_reply message = {.error = error};
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	/* sendto without a descriptor: a backend's filter may watch sendmsg, which can hold a name
	 */
	while ((fd < 0 ? send(sock, &message, sizeof(message), MSG_NOSIGNAL)
		       : sendmsg(sock, &msg, MSG_NOSIGNAL)) < 0)
		if (errno != EINTR)
			_exit(125); /* tkit is gone */
}

static void install(int sock, const struct hold_request *request)
{
	struct sock_fprog program = {.len = (unsigned short)request->count,
				     .filter = (struct sock_filter *)request->filter};
	long rc;

	if (request->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		reply(sock, errno, -1);
		return;
	}
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, request->flags, &program);
	if (rc < 0) {
		reply(sock, errno, -1);
		return;
	}
	if (request->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		reply(sock, 0, (int)rc);
		close((int)rc);
		return;
	}
	reply(sock, rc > 0 ? ESRCH : 0, -1); /* > 0: a thread that could not be synchronised */
}

static _Noreturn void go(int sock, const struct hold_plan *plan)
{
	int error;

	sigaction(SIGPIPE, &plan->pipe_action, NULL);
	sigaction(SIGCHLD, &plan->child_action, NULL);
	/* A signal that came while held takes effect here, as it would have in the command. */
	sigprocmask(SIG_SETMASK, &plan->mask, NULL);
	execve(plan->path, plan->argv, plan->envp);
	error = errno;
	if (error == ENOEXEC && plan->shell_argv) {
		execve(plan->shell_argv[0], plan->shell_argv, plan->envp);
		error = errno == ENOENT ? ENOEXEC : errno;
	}
	reply(sock, error, -1);
	_exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

static int enter_root(int root_fd)
{
	if (root_fd < 0)
		return 0;
	if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return errno;
	return 0;
}

void hold_child(int sock, const struct hold_plan *plan, struct hold_request *request)
{
	int error = enter_root(plan->root_fd);

	reply(sock, error, -1);
	if (error)
		_exit(125);
	for (;;) {
		ssize_t n = recv(sock, request, sizeof(*request), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)HOLD_REQUEST_HEAD)
			_exit(125); /* tkit is gone: the command must not run unseen, nor hang */
		if (request->op == HOLD_GO)
			go(sock, plan);
		else if (request->op == HOLD_INSTALL && request->count &&
			 request->count <= HOLD_FILTER_MAX &&
			 (size_t)n ==
				 HOLD_REQUEST_HEAD + request->count * sizeof(request->filter[0]))
			install(sock, request);
		else
			reply(sock, EINVAL, -1);
	}
}
