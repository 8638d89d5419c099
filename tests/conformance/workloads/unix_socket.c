// SPDX-License-Identifier: MIT
/* Unix sockets: bind, connect, sendto; an abstract name is no file. */
#include "workload.h"

static socklen_t name(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	strncpy(sun->sun_path, path, sizeof(sun->sun_path) - 1);
	return sizeof(*sun);
}

static void setup(void)
{
}

static void run(void)
{
	int server = must(socket(AF_UNIX, SOCK_STREAM, 0));
	int client = must(socket(AF_UNIX, SOCK_STREAM, 0));
	int datagram = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	int sender = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct sockaddr_un sun;
	socklen_t len = name(&sun, "stream");

	expect(connect(client, (struct sockaddr *)&sun, len), .op = "connect", .abs = at("stream"),
	       .err = ENOENT, .needs = "SOCKET");
	expect(bind(server, (struct sockaddr *)&sun, len), .op = "bind", .abs = at("stream"),
	       .requested = "stream", .needs = "SOCKET");
	must(listen(server, 1));
	expect(connect(client, (struct sockaddr *)&sun, len), .op = "connect", .abs = at("stream"),
	       .needs = "SOCKET");
	len = name(&sun, "datagram");
	expect(bind(datagram, (struct sockaddr *)&sun, len), .op = "bind", .abs = at("datagram"),
	       .needs = "SOCKET");
	expect(sendto(sender, "x", 1, 0, (struct sockaddr *)&sun, len), .op = "sendto",
	       .abs = at("datagram"), .needs = "SOCKET");
	/* Abstract: no event is right, one with a path is an invention. */
	memcpy(sun.sun_path, "\0tkit-none", 10);
	connect(client, (struct sockaddr *)&sun,
		(socklen_t)offsetof(struct sockaddr_un, sun_path) + 10);
}
