// SPDX-License-Identifier: MIT
/* The name of a unix socket in a message's header: sendmsg, sendmmsg. */
#include "workload.h"

static void setup(void)
{
}

static struct sockaddr_un *name(const char *path)
{
	struct sockaddr_un *sun = calloc(1, sizeof(*sun));

	sun->sun_family = AF_UNIX;
	strncpy(sun->sun_path, path, sizeof(sun->sun_path) - 1);
	return sun;
}

static struct msghdr header(const char *path)
{
	static struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (path) {
		msg.msg_name = name(path);
		msg.msg_namelen = sizeof(struct sockaddr_un);
	}
	return msg;
}

static int receiver(const char *path)
{
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0));

	expect(bind(fd, (struct sockaddr *)name(path), sizeof(struct sockaddr_un)), .op = "bind",
	       .abs = at(path), .needs = "SOCKET");
	return fd;
}

static void run(void)
{
	int sender = must(socket(AF_UNIX, SOCK_DGRAM, 0)), pair[2];
	struct msghdr msg = header("none");
	struct mmsghdr many[4] = {{.msg_hdr = header("one")},
				  {.msg_hdr = header(at("two"))},
				  {.msg_hdr = header("three")},
				  {.msg_hdr = header("no-four")}};

	receiver("one");
	receiver("two");
	receiver("three");
	expect(sendmsg(sender, &msg, 0), .op = "sendto", .abs = at("none"), .err = ENOENT,
	       .needs = "SOCKET");
	msg = header(at("one"));
	expect(sendmsg(sender, &msg, 0), .op = "sendto", .abs = at("one"), .requested = at("one"),
	       .needs = "SOCKET");
	/* Three of four: the last one is not told of by the kernel either. */
	expect(sendmmsg(sender, many, 4, 0), .op = "sendto", .abs = at("one"), .requested = "one",
	       .needs = "SOCKET");
	also(.op = "sendto", .abs = at("two"), .needs = "SOCKET");
	also(.op = "sendto", .abs = at("three"), .needs = "SOCKET");
	expect(sendmmsg(sender, many + 3, 1, 0), .op = "sendto", .abs = at("no-four"),
	       .err = ENOENT, .needs = "SOCKET");
	/* Without a name: no access. */
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	msg = header(NULL);
	must(sendmsg(pair[0], &msg, 0));
}
