// SPDX-License-Identifier: MIT
/* A directory descriptor that came over a socket, and one inherited over fork. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/sent", "");
	make_file("sub/inherited", "");
}

static void send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	must(sendmsg(sock, &msg, 0));
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	must(recvmsg(sock, &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void run(void)
{
	int pair[2], fd;
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		fd = receive_fd(pair[1]);
		expect(openat(fd, "sent", O_RDONLY), .op = "open", .abs = at("sub/sent"),
		       .resolved = at("sub/sent"));
		_exit(0);
	}
	fd = (int)expect(open("sub", O_RDONLY), .op = "open", .abs = at("sub"));
	send_fd(pair[0], fd);
	wl_wait(pid);
	pid = (pid_t)must(fork());
	if (pid == 0) {
		expect(openat(fd, "inherited", O_RDONLY), .op = "open", .abs = at("sub/inherited"));
		_exit(0);
	}
	wl_wait(pid);
}
