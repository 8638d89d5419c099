// SPDX-License-Identifier: MIT
/*
 * storm PROCESSES OPENS DIR [stop]: each process opens the files DIR/0 .. DIR/OPENS-1, which may
 * exist or not, and nothing else. With `stop`, the parent (tkit) is stopped meanwhile: nobody
 * reads what the kernel has to tell. Built static, so that it makes no other access.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_all(const char *dir, long opens)
{
	char name[512];

	for (long i = 0; i < opens; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/%ld", dir, i);
		fd = open(name, O_RDONLY);
		if (fd >= 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	int processes = argc > 3 ? atoi(argv[1]) : 0, status, bad = processes < 1;
	int stop = argc > 4 && !strcmp(argv[4], "stop");

	if (stop)
		kill(getppid(), SIGSTOP);
	for (int p = 0; p < processes; p++) {
		pid_t pid = fork();

		if (pid < 0)
			bad = 1;
		if (pid == 0) {
			open_all(argv[3], atol(argv[2]));
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status != 0;
	if (stop)
		kill(getppid(), SIGCONT);
	return bad;
}
