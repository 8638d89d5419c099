// SPDX-License-Identifier: MIT
/* A program that is in no file (memfd): what it opens is seen, and no file is made up for it. */
#include "workload.h"

#include <sys/mman.h>

#include "programs.h"

static void setup(void)
{
	copy_program("opener", "opener");
	make_file("file", "");
	make_file("dirfile", "");
}

static void run(void)
{
	int dir = (int)expect(open(".", O_PATH), .op = "open", .needs = "REQUESTED", .abs = at(""));
	int fd = (int)expect(open("opener", O_RDONLY), .op = "open", .abs = at("opener"));
	int memory = must(memfd_create("file", MFD_CLOEXEC));
	char *argv[] = {"opener", NULL}, buf[65536];
	ssize_t n;
	pid_t pid;

	must(dup2(dir, 7));
	while ((n = must(read(fd, buf, sizeof(buf)))) > 0)
		must(write(memory, buf, (size_t)n));
	pid = (pid_t)must(fork());
	if (pid == 0) {
		syscall(SYS_execveat, memory, "", argv, environ, AT_EMPTY_PATH);
		_exit(errno);
	}
	wl_wait(pid);
	also(.op = "exec", .any_abs = true, .needs = "REQUESTED");
	also(.op = "open", .abs = at("file"), .requested = "file", .resolved = at("file"));
	also(.op = "open", .abs = at("dirfile"), .requested = "dirfile");
}
