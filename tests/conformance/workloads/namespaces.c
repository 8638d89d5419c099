// SPDX-License-Identifier: MIT
/* User, mount and process namespaces, two deep: process 1 of each opens, also a missing file. */
#include "workload.h"

#include <sched.h>
#include <sys/mount.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("outside", "");
	make_file("first", "");
	make_file("sub/second", "");
}

static void write_text(const char *path, const char *text)
{
	int fd = must(open(path, O_WRONLY | O_CLOEXEC));

	must(write(fd, text, strlen(text)));
	must(close(fd));
}

/* A child in new namespaces, which is process 1 there. */
static pid_t fork_inside(void)
{
	char map[32];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0)
		wl_skip("user namespaces are not allowed");
	/* Without a user of its own nobody can make the next namespace. */
	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	write_text("/proc/self/uid_map", map);
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1\n", gid);
	write_text("/proc/self/gid_map", map);
	return (pid_t)must(fork());
}

static void second(void)
{
	if (getpid() != 1)
		wl_broken("not process 1");
	expect(chdir("sub"), .op = "chdir", .abs = at("sub"));
	expect(open("second", O_RDONLY), .op = "open", .abs = at("sub/second"),
	       .resolved = at("sub/second"));
	expect(open(at("none"), O_RDONLY), .op = "open", .abs = at("none"), .err = ENOENT);
	_exit(0);
}

static void first(void)
{
	pid_t pid;

	expect(open("first", O_RDONLY), .op = "open", .abs = at("first"), .resolved = at("first"));
	pid = fork_inside();
	if (pid == 0)
		second();
	wl_wait(pid);
	_exit(0);
}

static void run(void)
{
	pid_t pid;

	expect(open("outside", O_RDONLY), .op = "open", .abs = at("outside"));
	pid = fork_inside();
	if (pid == 0)
		first();
	wl_wait(pid);
}
