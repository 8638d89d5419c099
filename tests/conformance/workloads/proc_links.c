// SPDX-License-Identifier: MIT
/* Names that lead through magic links of /proc: no symlink's text says where they end. */
#include "workload.h"

#include <sys/vfs.h>

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("sub/file", "");
	make_file("sub/mode", "");
	make_file("sub/old", "");
	make_file("sub/gone", "");
	make_file("sub/long", "x");
	make_file("sub/open", "");
	make_file("outside", "");
	must(symlink("file", "sub/link"));
	must(symlink("../outside", "sub/out"));
}

static char *print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *print(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		wl_broken("out of memory");
	va_end(ap);
	return text;
}

static void looks(const char *dir, int fd)
{
	struct stat st;
	struct statfs fs;
	char text[256];
	char *name = print("%s/file", dir);

	expect(stat(name, &st), .op = "stat", .abs = name, .resolved = at("sub/file"));
	expect(access(name, R_OK), .op = "access", .abs = name, .resolved = at("sub/file"));
	expect(statfs(name, &fs), .op = "statfs", .abs = name, .resolved = at("sub/file"));
	expect(open(name, O_RDONLY), .op = "open", .abs = name, .resolved = at("sub/file"));
	name = print("%s/link", dir);
	expect(stat(name, &st), .op = "stat", .abs = name, .resolved = at("sub/file"));
	expect(lstat(name, &st), .op = "stat", .abs = name, .resolved = at("sub/link"));
	expect(readlink(name, text, sizeof(text)), .op = "readlink", .abs = name,
	       .resolved = at("sub/link"));
	name = print("%s/out", dir);
	expect(access(name, F_OK), .op = "access", .abs = name, .resolved = at("outside"));
	name = print("%s/../outside", dir);
	expect(access(name, F_OK), .op = "access", .abs = name, .resolved = at("outside"));
	name = print("%s//./none", dir);
	expect(stat(name, &st), .op = "stat", .requested = name, .any_abs = true, .err = ENOENT);
	name = print("%s/open", dir);
	expect(openat(fd, name, O_RDONLY | O_CREAT, 0644), .op = "open", .abs = name,
	       .resolved = at("sub/open"), .created = -1);
}

static void changes(const char *dir)
{
	char *name = print("%s/mode", dir), *other;

	expect(chmod(name, 0640), .op = "chmod", .abs = name, .resolved = at("sub/mode"));
	name = print("%s/long", dir);
	expect(truncate(name, 0), .op = "truncate", .abs = name, .resolved = at("sub/long"));
	name = print("%s/new-dir/", dir);
	expect(mkdir(name, 0755), .op = "mkdir", .requested = name, .any_abs = true,
	       .resolved = at("sub/new-dir"));
	expect(rmdir(name), .op = "rmdir", .requested = name, .any_abs = true,
	       .resolved = at("sub/new-dir"));
	name = print("%s/old", dir);
	other = print("%s/new", dir);
	expect(rename(name, other), .op = "rename_from", .abs = name, .resolved = at("sub/old"));
	also(.op = "rename_to", .abs = other, .resolved = at("sub/new"));
	name = print("%s/gone", dir);
	expect(unlink(name), .op = "unlink", .abs = name, .resolved = at("sub/gone"));
	name = print("%s/made", dir);
	expect(open(name, O_WRONLY | O_CREAT, 0644), .op = "open", .abs = name,
	       .resolved = at("sub/made"), .created = 1);
}

static void *in_thread(void *arg)
{
	struct stat st;

	(void)arg;
	expect(stat("/proc/thread-self/cwd/sub/file", &st), .op = "stat",
	       .abs = "/proc/thread-self/cwd/sub/file", .resolved = at("sub/file"), .thread = true);
	return NULL;
}

static void run(void)
{
	struct stat st;
	int sub = (int)expect(open("sub", O_PATH | O_DIRECTORY), .op = "open", .needs = "REQUESTED",
			      .abs = at("sub"));
	int proc = must(open("/proc", O_PATH | O_DIRECTORY));
	char *name = print("%d/cwd/sub/file", getpid());
	pthread_t thread;

	looks(print("/proc/self/fd/%d", sub), -1);
	looks(print("/dev/fd/%d", sub), -1);
	looks(print("/proc/%d/cwd/sub", getpid()), proc);
	looks(print("/proc/self/root%s/sub", wl_dir), proc);
	changes("/proc/thread-self/cwd/sub");
	expect(fstatat(proc, name, &st, 0), .op = "stat", .abs = print("/proc/%s", name),
	       .resolved = at("sub/file"));
	/* The link itself is no way to anything. */
	expect(lstat("/proc/self/cwd", &st), .op = "stat", .abs = "/proc/self/cwd");
	expect(stat("/proc/self/cwd", &st), .op = "stat", .abs = "/proc/self/cwd",
	       .resolved = at(""));
	expect(chdir("/proc/self/cwd/sub"), .op = "chdir", .abs = "/proc/self/cwd/sub",
	       .resolved = at("sub"));
	expect(chdir(".."), .op = "chdir", .abs = at("sub/.."), .resolved = at(""));
	must(pthread_create(&thread, NULL, in_thread, NULL) ? -1 : 0);
	must(pthread_join(thread, NULL) ? -1 : 0);
}
