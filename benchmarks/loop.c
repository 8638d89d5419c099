// SPDX-License-Identifier: MIT
/*
 * Workloads of known counts: loop NAME COUNT DIR. Prints nothing; exit status 0.
 *   open       open and close of one file
 *   distinct   open and close of COUNT different files (made by `loop prepare`)
 *   stat       stat of one file
 *   failed     open of a name that is not there
 *   getppid    a system call that has nothing to do with files
 *   read       pread of one byte
 *   spawn      vfork and exec of /bin/true
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void file_name(char *buf, size_t size, long i)
{
	snprintf(buf, size, "distinct.%ld", i);
}

static void open_close(const char *name, int flags)
{
	int fd = open(name, flags, 0600);

	need(fd >= 0, name);
	close(fd);
}

static void spawn_true(void)
{
	static char name[] = "/bin/true";
	char *argv[] = {name, NULL};
	pid_t pid;
	int status;

	need(posix_spawn(&pid, name, NULL, NULL, argv, environ) == 0, "posix_spawn");
	need(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

static void run(const char *workload, long count)
{
	struct stat st;
	char name[64], byte;
	int fd = open("control", O_RDONLY);

	need(fd >= 0, "control");
	for (long i = 0; i < count; i++) {
		if (!strcmp(workload, "open")) {
			open_close("file", O_RDONLY);
		} else if (!strcmp(workload, "distinct")) {
			file_name(name, sizeof(name), i);
			open_close(name, O_RDONLY);
		} else if (!strcmp(workload, "stat")) {
			need(stat("file", &st) == 0, "stat");
		} else if (!strcmp(workload, "failed")) {
			need(open("none", O_RDONLY) < 0, "none");
		} else if (!strcmp(workload, "getppid")) {
			syscall(SYS_getppid);
		} else if (!strcmp(workload, "read")) {
			need(pread(fd, &byte, 1, 0) == 1, "pread");
		} else if (!strcmp(workload, "spawn")) {
			spawn_true();
		} else {
			fprintf(stderr, "loop: unknown workload %s\n", workload);
			exit(2);
		}
	}
	close(fd);
}

int main(int argc, char **argv)
{
	char *end;
	long count;
	int fd;

	if (argc != 4 || (count = strtol(argv[2], &end, 10)) < 0 || *end) {
		fprintf(stderr, "usage: loop NAME COUNT DIR\n");
		return 2;
	}
	need(chdir(argv[3]) == 0, argv[3]);
	if (strcmp(argv[1], "prepare")) {
		run(argv[1], count);
		return 0;
	}
	for (long i = 0; i < count; i++) {
		char name[64];

		file_name(name, sizeof(name), i);
		open_close(name, O_CREAT | O_WRONLY);
	}
	open_close("file", O_CREAT | O_WRONLY);
	fd = open("control", O_CREAT | O_WRONLY, 0600);
	need(fd >= 0 && write(fd, "x", 1) == 1, "control");
	close(fd);
	return 0;
}
