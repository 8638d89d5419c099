// SPDX-License-Identifier: MIT
/* Real programs, on input that is generated. */
#include "work.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- python ---- */

static void run_python(const struct work *work)
{
	char name[NAME_SIZE];
	const char *argv[] = {"python3", name_of(name, work, "main.py"), NULL};

	run_program(argv);
}

/* Modules of the standard library, and our own, whose names tell them apart. */
static void prepare_python(const struct work *work)
{
	char name[NAME_SIZE];
	FILE *file = fopen(name_of(name, work, "main.py"), "we");

	need(file != NULL, name);
	fputs("import argparse, asyncio, email, json, logging, ssl, subprocess, unittest\n", file);
	for (long i = 0; i < work->count; i++)
		fprintf(file, "import %sm%ld\n", work->token, i);
	need(fclose(file) == 0, name);
	for (long i = 0; i < work->count; i++)
		write_file(name_of(name, work, "m%ld.py", i), "value = %ld\n", i);
	run_python(work); /* compiles them */
}

/* ---- find, tar ---- */

static void prepare_tree(const struct work *work)
{
	make_tree(work, work->count, 100);
}

static void run_find(const struct work *work)
{
	const char *argv[] = {"find", "tree", "-size", "+9", NULL};

	run_program(argv);
}

static void run_tar(const struct work *work)
{
	char archive[NAME_SIZE];
	const char *argv[] = {"tar", "-cf", name_of(archive, work, "tar"), "tree", NULL};

	run_program(argv);
}

/* ---- git ---- */

static void run_git(const struct work *work)
{
	const char *argv[] = {"git", "-C", "tree", "status", "--porcelain", NULL};

	run_program(argv);
}

static void prepare_git(const struct work *work)
{
	const struct timespec moment = {.tv_sec = 1, .tv_nsec = 100000000};
	const char *init[] = {"git", "-C", "tree", "init", "-q", NULL};
	const char *add[] = {"git", "-C", "tree", "add", ".", NULL};
	const char *commit[] = {
		"git", "-C", "tree", "-c", "user.name=bench", "-c", "user.email=b", "commit",
		"-q",  "-m", "all",  NULL};

	make_tree(work, work->count, 100);
	/* Files as young as the index would be read again by each status. */
	nanosleep(&moment, NULL);
	run_program(init);
	run_program(add);
	run_program(commit);
}

/* ---- gcc ---- */

static void compile(const struct work *work, const char *stem)
{
	char source[NAME_SIZE], object[NAME_SIZE];
	const char *argv[] = {"gcc",
			      "-O1",
			      "-c",
			      "-o",
			      name_of(object, work, "%s.o", stem),
			      name_of(source, work, "%s.c", stem),
			      NULL};

	run_program(argv);
}

static void run_gcc(const struct work *work)
{
	char program[NAME_SIZE], stem[32];
	char(*objects)[NAME_SIZE] = calloc((size_t)work->count + 1, sizeof(*objects));
	const char **argv = calloc((size_t)work->count + 5, sizeof(*argv));
	size_t n = 0;

	need(argv && objects, "memory");
	argv[n++] = "gcc";
	argv[n++] = "-o";
	argv[n++] = name_of(program, work, "program");
	for (long i = 0; i < work->count; i++) {
		snprintf(stem, sizeof(stem), "%ld", i);
		compile(work, stem);
		argv[n++] = name_of(objects[i], work, "%s.o", stem);
	}
	compile(work, "main");
	argv[n] = name_of(objects[work->count], work, "main.o");
	run_program(argv);
	free(argv);
	free(objects);
}

static void prepare_gcc(const struct work *work)
{
	char name[NAME_SIZE], header[NAME_SIZE];

	write_file(name_of(header, work, "all.h"),
		   "#include <errno.h>\n#include <stdint.h>\n#include <stdio.h>\n"
		   "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n");
	for (long i = 0; i < work->count; i++)
		write_file(name_of(name, work, "%ld.c", i),
			   "#include \"%s\"\n"
			   "int f%ld(const char *s);\n"
			   "int f%ld(const char *s)\n"
			   "{\n\treturn printf(\"%%s %%zu\\n\", s, strlen(s)) + %ld;\n}\n",
			   header, i, i, i);
	write_file(name_of(name, work, "main.c"),
		   "int f0(const char *s);\nint main(void)\n{\n\treturn f0(\"x\") < 0;\n}\n");
	run_gcc(work); /* what is written over is looked at */
}

/* ---- redis ---- */

/* Until the server listens, for ten seconds. */
static void wait_for(const char *path)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0, "socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	for (int tries = 0; tries < 5000; tries++) {
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
			close(fd);
			return;
		}
		nanosleep(&moment, NULL);
	}
	need(false, path);
}

static void run_redis(const struct work *work)
{
	char conf[NAME_SIZE], requests[32];
	const char *server[] = {"redis-server", name_of(conf, work, "conf"), NULL};
	const char *load[] = {
		"redis-benchmark", "-s", "redis.sock", "-t", "set,get", "-c", "20", "-q", "-n",
		requests,          NULL};
	int status;
	pid_t pid;

	snprintf(requests, sizeof(requests), "%ld", work->count);
	pid = start_program(server);
	wait_for("redis.sock");
	clock_start();
	run_program(load);
	clock_stop();
	kill(pid, SIGTERM); /* it saves */
	need(waitpid(pid, &status, 0) == pid && status == 0, "redis-server");
}

static void prepare_redis(const struct work *work)
{
	char name[NAME_SIZE];

	write_file(name_of(name, work, "conf"),
		   "port 0\nunixsocket redis.sock\ndaemonize no\ndbfilename %sdb\nsave 3600 1\n",
		   work->token);
	run_redis(work); /* from now on there is a data base to load */
}

const struct workload programs[] = {
	{"python", 100, WORK_COUNTED, "python3", "imports of a program with as many modules",
	 prepare_python, run_python},
	{"find", 5000, WORK_COUNTED, "find", "find over a tree of as many files", prepare_tree,
	 run_find},
	{"tar", 2000, WORK_COUNTED, "tar", "tar of a tree of as many files", prepare_tree, run_tar},
	{"git", 5000, WORK_COUNTED, "git", "git status on a tree of as many files", prepare_git,
	 run_git},
	{"gcc", 50, WORK_COUNTED, "gcc", "compiles and links as many files", prepare_gcc, run_gcc},
	{"redis", 20000, WORK_COUNTED, "redis-server redis-benchmark",
	 "a server under load, as many requests of two kinds", prepare_redis, run_redis},
};
const size_t program_count = sizeof(programs) / sizeof(*programs);
